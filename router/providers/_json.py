"""What is read out of foreign JSON: nothing is taken for what it is not."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Decimal
from math import isfinite
from typing import TYPE_CHECKING

from router.core.usage import NANO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UNREADABLE = object()
# No single answer costs so many dollars.
DEAREST = 1_000_000


try:  # several times as fast, and stricter: what it refuses, the other one is asked about
    import msgspec

    DecodeError: type[Exception] = msgspec.DecodeError
    _decode: Callable[[str | bytes], object] = msgspec.json.decode
    quick_bytes: Callable[[object], bytes] = msgspec.json.encode
except ImportError:
    DecodeError, _decode = ValueError, json.loads

    def quick_bytes(value: object) -> bytes:
        """Return the JSON of texts, finite numbers, lists and mappings, and of nothing else."""
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def is_finite(values: Mapping[str, object]) -> bool:
    """Return whether no value is a number that JSON cannot write."""
    for value in values.values():  # noqa: SIM110 - a generator costs more than the rest
        if type(value) is float and not isfinite(value):
            return False
    return True


def parse(text: str | bytes) -> object:
    """Return what JSON says, or `UNREADABLE`; the error of the parser is left behind, for it holds the whole text."""
    try:
        return _decode(text)
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
