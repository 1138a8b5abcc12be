"""How times are spread, in little memory: counts in steps of two percent."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import exp, log

STEPS = 50  # in each factor of e
LEAST = 1e-6  # seconds


class Spread:
    """Counts times. `_counts` grows with what is added; `_sums` is of the last one who asked."""

    __slots__ = ("_counts", "_sums", "count", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._sums: tuple[list[int], list[int]] | None = None
        self.count = 0
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count a time in seconds."""
        step = round(log(max(seconds, LEAST)) * STEPS)
        self._counts[step] = self._counts.get(step, 0) + 1
        self._sums = None
        self.count += 1
        self.total += seconds

    def at(self, share: float) -> float | None:
        """Return the time that a share of them, from 0 to 1, does not exceed, within a percent; None of none."""
        if not self.count:
            return None
        if self._sums is None:
            steps = sorted(self._counts)
            self._sums = steps, list(accumulate(self._counts[step] for step in steps))
        steps, sums = self._sums
        return exp(steps[bisect_left(sums, min(max(share * self.count, 1), self.count))] / STEPS)

    def parts(self, edges: list[float]) -> list[int]:
        """Return how many times lie up to each edge, and above the last; edges in seconds, ascending."""
        found = [0] * (len(edges) + 1)
        for step, count in self._counts.items():
            found[bisect_left(edges, exp((step - 0.5) / STEPS))] += count
        return found
