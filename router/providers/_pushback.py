"""How long an answer asks to wait, in all the forms that servers use."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A longer wait says no more than this one.
LONGEST = 30 * 86_400.0
TOO_MANY = 429
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,30}(\.[0-9]{0,30})?\s*\Z")
_RESET = re.compile(r"(?:anthropic-|x-)?ratelimit-(?:(.+)-)?reset(?:-(.+))?\Z")
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000_001, "µs": 0.000_001}
_STEP = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(ms|us|µs|d|h|m|s)")
# From here on a number is a moment and no span: seconds, or milliseconds, since 1970.
_SECONDS, _MILLISECONDS = 1e9, 1e12


def parse_retry_after(headers: Mapping[str, str], status: int = TOO_MANY) -> float | None:
    """Return the seconds an answer asks to wait, or None when it does not say, or says nonsense.

    Args:
        headers: Header fields by lower-case name.
        status: The answer's status; only a 429 is explained by the resets of rate limits.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _number(headers.get(name))
        if milliseconds is not None:
            return min(milliseconds / 1000, LONGEST)
    now = _seconds_of_date(headers.get("date", ""))
    value = headers.get("retry-after", "")
    found = _number(value)
    if found is None:
        found = _until(_seconds_of_date(value), now)
    if found is None and status == TOO_MANY:
        found = _longest_reset(headers, now)
    return None if found is None else min(found, LONGEST)


def _longest_reset(headers: Mapping[str, str], now: float | None) -> float | None:
    """Return when the last of the exhausted limits is whole again; one that has something left is no reason."""
    waits: list[float] = []
    for name, value in _items(headers):
        match = _RESET.match(name)
        if match is None:
            continue
        left = _number(headers.get(name.replace("reset", "remaining")))
        if left is None or left == 0:
            wait = _span(value, now)
            waits += [] if wait is None else [wait]
    return max(waits, default=None)


def _items(headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return ((name.lower(), value) for name, value in headers.items())


def _span(value: str, now: float | None) -> float | None:
    """Return the seconds that a reset is away: a span as `6m0s`, seconds, or a moment."""
    number = _number(value)
    if number is not None:
        if number < _SECONDS:
            return number
        return _until(number / 1000 if number >= _MILLISECONDS else number, now)
    text = value.strip()
    if text and _STEP.sub("", text) == "":
        return sum(float(count) * _UNITS[unit] for count, unit in _STEP.findall(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _until(_timestamp(moment), now)


def _until(then: float | None, now: float | None) -> float | None:
    if then is None:
        return None
    wait = then - (time.time() if now is None else now)
    return wait if wait >= 0 else None


def _number(text: str | None) -> float | None:
    """Return a number, written as HTTP would; none that is negative or not finite."""
    if text is None or not _NUMBER.match(text):
        return None
    value = float(text)
    return value if isfinite(value) and value >= 0 else None


def _seconds_of_date(text: str) -> float | None:
    try:
        return _timestamp(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError):
        return None


def _timestamp(moment: datetime) -> float:
    """Return seconds since 1970; a moment that names no zone is in UTC."""
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
