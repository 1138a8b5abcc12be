"""The choice among the places of one model."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Balance = Literal["ordered", "weighted", "least_busy", "fastest", "cheapest"]
DECAY = 10.0
PENALTY, MOST = 5.0, 60.0


class Speed:
    """How long a place takes: a mean that jumps up at once and comes down slowly, so that a slow answer is not
    averaged away. A failure counts as slow: a place that fails fast must not look fast.
    """  # noqa: D205 - one thought

    __slots__ = ("_at", "_own", "_seconds")

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._at: float | None = None  # None while nobody has asked
        self._own = False  # whether it has seen anything itself

    def expects(self, seconds: float | None) -> None:
        """Start from what was measured elsewhere, or from nothing; what it has seen itself is not forgotten for it."""
        if not self._own:
            self._seconds = seconds

    def saw(self, seconds: float, now: float) -> None:
        """Take in an answer's seconds to its first content."""
        known = self._seconds if self._own else None
        self._own = True
        if known is None or seconds >= known:
            self._seconds = seconds
        else:
            weight = exp(-max(0.0, now - (self._at or 0.0)) / DECAY)
            self._seconds = known * weight + seconds * (1 - weight) if weight < 1 else (known + seconds) / 2
        self._at = now

    def failed(self, seconds: float, now: float) -> None:
        """Take in a failure after so many seconds; a row of them counts for a minute, so that it is forgotten again."""
        self.saw(max(PENALTY, seconds, min(2 * (self._seconds or 0.0), MOST)), now)

    def cost(self, now: float, busy: int) -> float:
        """Return what one more call would wait, roughly; what was never tried is free while nobody tries it."""
        if self._seconds is None:
            return PENALTY * busy
        if self._at is None:
            self._at = now  # what was measured elsewhere begins to fade with the first call
        # Old knowledge fades, so that a place that was slow once is tried again.
        faded = self._seconds * exp(-max(0.0, now - self._at) / (6 * DECAY))
        return faded * (busy + 1)


class Load(Protocol):
    """What balancing knows of a place."""

    @property
    def busy(self) -> float:
        """Calls it answers now, as a share of what it may answer at once."""
        ...

    def cost(self, now: float) -> float:
        """What one more call would wait."""
        ...


T = TypeVar("T")


def balanced(
    places: Sequence[T],
    how: Balance,
    weights: Sequence[int],
    load: Callable[[T], Load],
    now: float,
    roll: Callable[[], float],
) -> list[T]:
    """Return a model's places, the one to try first before the others.

    Args:
        places: In the file's order; for `cheapest` and `ordered` that is already theirs.
        how: The choice.
        weights: A share for each place, used by `weighted` alone.
        load: Tells how busy and how fast a place is.
        now: The time.
        roll: Draws a number from 0 to 1.
    """
    if how == "least_busy":
        return sorted(places, key=lambda place: load(place).busy)
    if how == "fastest":
        return sorted(places, key=lambda place: load(place).cost(now))
    if how == "weighted":
        return _drawn(places, weights, roll)
    return list(places)


def _drawn(places: Sequence[T], weights: Sequence[int], roll: Callable[[], float]) -> list[T]:
    """Draw all of them, one after the other, each by its share of what is left."""
    left = list(zip(places, weights, strict=True))
    found = []
    while len(left) > 1:
        point = roll() * sum(weight for _, weight in left)
        index = 0
        while index < len(left) - 1 and point >= left[index][1]:
            point -= left[index][1]
            index += 1
        found.append(left.pop(index)[0])
    return found + [place for place, _ in left]
