"""Hours, days and months of a time zone, as spans of seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

Per = Literal["hour", "day", "month", "total"]


class Moment(Protocol):
    """A `datetime` with a time zone."""

    @property
    def tzinfo(self) -> tzinfo | None:
        """Its time zone."""
        ...

    def timestamp(self) -> float:
        """Return seconds since 1970."""
        ...


class Period(NamedTuple):
    """A stretch of time.

    Attributes:
        key: Its name: `2026-11-22T19` (of an hour), `2026-11-22`, `2026-11`, `total`.
        start: When it begins, in seconds since 1970; 0 for `total`.
        end: When it ends; infinite for `total`.
    """

    key: str
    start: float
    end: float


ALWAYS = Period("total", 0.0, float("inf"))


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name (`Europe/Paris`).

    Raises:
        ValueError: There is none of this name.
    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - slow to import, and most files count in UTC

    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError) as error:
        raise ValueError(f"no time zone is called {name!r}") from error


def period_of(wall: float, per: Per, zone: str = "UTC") -> Period:
    """Return the hour, day or month of a moment.

    Args:
        wall: The moment, in seconds since 1970.
        per: How long a period is.
        zone: Whose clocks count. An hour is an hour of that zone's clock, and lasts 3600 s.
    """
    if per == "total":
        return ALWAYS
    local = datetime.fromtimestamp(wall, zone_of(zone))
    if per == "hour":
        past = local.minute * 60 + local.second + local.microsecond / 1e6
        start = round(wall - past)
        # An hour that a clock lives twice has two names.
        return Period(f"{local:%Y-%m-%dT%H}{'+' if local.fold else ''}", start, start + 3600.0)
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if per == "day":
        after = (first.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=first.tzinfo)
        return Period(f"{first:%Y-%m-%d}", first.timestamp(), after.timestamp())
    first = first.replace(day=1)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return Period(f"{first:%Y-%m}", first.timestamp(), after.timestamp())
