"""So much a minute: a bucket that fills steadily."""

from __future__ import annotations

MINUTE = 60.0


class Rate:
    """At most `per_minute` in any minute from an empty start; a bucket of that size that fills steadily.

    What was taken may be corrected once the true amount is known, also below empty. Time is an argument.
    """

    __slots__ = ("_at", "_left", "_size")

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._left = self._size
        self._at: float | None = None

    def opens(self, now: float, amount: float = 1.0) -> float:
        """Return when this amount may be taken: `now` or earlier means at once.

        More than a whole minute's worth is taken when the bucket is full.
        """
        wanted = min(amount, self._size)
        missing = wanted - self._filled(now)
        return now if missing <= 1e-9 else now + missing * MINUTE / self._size  # noqa: PLR2004 - rounding

    def take(self, now: float, amount: float = 1.0) -> None:
        """Take an amount; a negative one gives back."""
        self._left = min(self._size, self._filled(now) - amount)
        self._at = now

    def _filled(self, now: float) -> float:
        if self._at is None:
            return self._left
        return min(self._size, self._left + max(0.0, now - self._at) * self._size / MINUTE)


class RetryBudget:
    """Further tries that an endpoint may be asked for: a full bucket at first, refilled by its successes.

    Attributes:
        left: Whether one more try may be made.
    """

    __slots__ = ("_left", "left")

    # In fifths of a try, so that five successes earn exactly one.
    SIZE, GAIN, COST, COST_OF_TIMEOUT = 50, 1, 5, 10

    def __init__(self) -> None:
        self._left = self.SIZE
        self.left = True

    def spend(self, *, timed_out: bool = False) -> None:
        """Pay for a further try."""
        self._left = max(0, self._left - (self.COST_OF_TIMEOUT if timed_out else self.COST))
        self.left = self._left >= self.COST

    def earn(self) -> None:
        """Take in a success."""
        if self._left < self.SIZE:
            self._left = min(self.SIZE, self._left + self.GAIN)
            self.left = self._left >= self.COST
