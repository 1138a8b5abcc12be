"""Times and sums as a file has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_MONEY = re.compile(r"\$[0-9]{1,9}(\.[0-9]{1,9})?\Z")
_TIME = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?s\Z")


def money(amount: Decimal) -> str | None:
    """Return a sum: `$0.15`; None where it has more digits than one may have."""
    shown = f"${amount.normalize():f}"
    if re.search(r"\.[0-9]\Z", shown):
        shown += "0"  # as people write sums
    return shown if _MONEY.match(shown) else None


def seconds(number: Decimal) -> str:
    """Return a time: `90s`, `500ms`."""
    if number != int(number) and number * 1000 == int(number * 1000):
        return f"{int(number * 1000)}ms"
    return f"{number.normalize():f}s"


def is_time(number: Decimal) -> bool:
    """Return whether a number of seconds is a time that a file may have."""
    return number > 0 and _TIME.match(f"{number.normalize():f}s") is not None
