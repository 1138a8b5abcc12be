"""Written units to numbers, exactly: durations, sizes, money, shares."""

from __future__ import annotations

import re
from decimal import Decimal

SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_NUMBER = r"([0-9]{1,12}(?:\.[0-9]{1,9})?)"
_DURATION = rf"{_NUMBER}\s?(ms|s|m|h|d)\Z"
_SIZE = rf"{_NUMBER}\s?({'|'.join(BYTES)})\Z"
_MONEY = rf"\${_NUMBER}\Z"
_SHARE = rf"{_NUMBER}\s?%\Z"


def parse_duration(text: str) -> float | None:
    """Return seconds for `500ms`, `30s`, `5m`, `24h`, `7d`; None if the text is no duration."""
    found = re.match(_DURATION, text)
    return float(Decimal(found[1]) * SECONDS[found[2]]) if found else None


def parse_size(text: str) -> int | None:
    """Return bytes for `64MiB`, `8GiB`, `500MB`; None if the text is no size."""
    found = re.match(_SIZE, text)
    return int(Decimal(found[1]) * BYTES[found[2]]) if found else None


def parse_money(text: str) -> Decimal | None:
    """Return dollars for `$5`, `$0.50`; None if the text is no sum."""
    found = re.match(_MONEY, text)
    return Decimal(found[1]) if found else None


def parse_share(text: str) -> float | None:
    """Return 0.05 for `5%`; None if the text is no share of at most 100%."""
    found = re.match(_SHARE, text)
    if not found or Decimal(found[1]) > 100:  # noqa: PLR2004
        return None
    return float(Decimal(found[1]) / 100)


def show_duration(seconds: float) -> str:
    """Return seconds the way a file writes them: `500ms`, `30s`, `1.5m`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def show_size(count: int) -> str:
    """Return bytes the way a file writes them: `8GiB`, `500MB`, `1.5KiB`."""
    exact = [unit for unit, size in BYTES.items() if count >= size and count % size == 0]
    if exact:
        unit = max(exact, key=lambda each: BYTES[each])
        return f"{count // BYTES[unit]}{unit}"
    return f"{count}B"


def show_money(dollars: Decimal) -> str:
    """Return dollars exactly, as a file writes them: `$3`, `$0.50`, `$0.000003`."""
    whole, _, cents = f"{dollars:f}".partition(".")
    cents = cents.rstrip("0")
    return f"${whole}.{cents:0<2}" if cents else f"${whole}"
