"""What is remembered of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from router.core.usage import Usage


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try at one deployment.

    Attributes:
        model: Name of the model in the file.
        endpoint: Name of the endpoint.
        outcome: `ok`, `cancelled`, or the kind of error (`rate_limited`).
        ms: Milliseconds from the attempt's start to its end.
        status: HTTP status of a failure, if there was one.
        usage: Tokens it used, or None when unknown.
        cost: Dollars, or None when unknown.
    """

    model: str
    endpoint: str
    outcome: str
    ms: float
    status: int | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
