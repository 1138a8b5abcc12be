"""What is read out of foreign JSON: nothing is taken for what it is not."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Decimal

from router.core.usage import NANO

UNREADABLE = object()
# No single answer costs so many dollars.
DEAREST = 1_000_000


try:  # several times as fast, and stricter: what it refuses, the other one is asked about
    from msgspec import DecodeError
    from msgspec.json import decode as _quick
except ImportError:
    DecodeError, _quick = ValueError, json.loads  # type: ignore[assignment,misc]


def parse(text: str | bytes) -> object:
    """Return what JSON says, or `UNREADABLE`; the error of the parser is left behind, for it holds the whole text."""
    try:
        return _quick(text)
    except (DecodeError, ValueError, RecursionError):
        pass
    try:
        return json.loads(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError):
        return UNREADABLE


def text_or_empty(value: object) -> str:
    """Return a text, and "" for anything else."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int:
    """Return a positive whole number, and 0 for anything else."""
    return value if isinstance(value, int) and value > 0 else 0


def amount(value: object) -> Decimal | None:
    """Return dollars, rounded to a billionth; None for what is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= DEAREST:
        return None
    return Decimal(str(value)).quantize(NANO, ROUND_HALF_EVEN).normalize()
