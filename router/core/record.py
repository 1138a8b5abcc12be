"""What is remembered of an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from decimal import Decimal

    from router.core.usage import Price, Usage


LOST = "hedge_lost"


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try at one deployment.

    Attributes:
        model: Name of the model in the file.
        endpoint: Name of the endpoint.
        outcome: `ok`, `cancelled`, `hedge_lost`, or the kind of error (`rate_limited`).
        ms: Milliseconds from the attempt's start to its end.
        status: HTTP status of a failure, if there was one.
        usage: Tokens it used, or None when unknown.
        cost: Dollars, or None when unknown.
        at_ms: Milliseconds from the call's start to the attempt's.
        first_ms: Milliseconds from the attempt's start to its first content; None without one.
        upstream_id: The endpoint's own id of the request, or None.
        price: What its tokens cost, or None when unknown.
        sent: Whether anything was sent: not where no place was free, or no budget paid for it.
    """

    model: str
    endpoint: str
    outcome: str
    ms: float
    status: int | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    at_ms: float = 0.0
    first_ms: float | None = None
    upstream_id: str | None = None
    price: Price | None = None
    sent: bool = True
