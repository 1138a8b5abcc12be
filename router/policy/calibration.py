"""How far the estimates of a model's tokens are off, learned from the usage that comes back.

What it learns changes what is reserved, limited, reported and refused beforehand; never the `tokens` dimension, so
that rules decide the same every time.
"""

from __future__ import annotations

LEAST, MOST = 0.25, 4.0  # no tokenizer is further off
SMALL = 50  # estimated tokens; in shorter prompts the frame of the messages counts too much
ENOUGH = 8  # answers before the ratio is trusted where a prompt would be refused
MEMORY = 32  # answers that the mean remembers
# What an estimate surely reaches, uncalibrated: see `router.core.tokens.least`.
FLOOR = 2 / 3
MARGIN, SPREAD = 0.1, 3.0


class Calibration:
    """The running ratio of counted to estimated tokens. Its state is bounded: a count, a mean, a mean deviation."""

    __slots__ = ("_deviation", "_mean", "_seen")

    def __init__(self) -> None:
        self._seen = 0
        self._mean = 1.0
        self._deviation = 0.0

    @property
    def ratio(self) -> float:
        """Counted tokens for each estimated one; 1 before anything is known."""
        return self._mean

    def saw(self, estimated: int, counted: int) -> None:
        """Take in what a prompt was estimated at, and what its endpoint counted."""
        if estimated < SMALL or counted <= 0:
            return
        ratio = min(max(counted / estimated, LEAST), MOST)
        self._seen = min(self._seen + 1, MEMORY)
        if self._seen == 1:
            self._mean = ratio
            return
        away = ratio - self._mean
        self._mean += away / self._seen
        self._deviation += (abs(away) - self._deviation) / self._seen

    def expected(self, tokens: int) -> int:
        """Return how many tokens an estimate probably stands for."""
        return tokens if self._mean == 1.0 else round(tokens * self._mean)

    def surely(self, least: int) -> int:
        """Return how many tokens a prompt surely has.

        Args:
            least: What the prompt has at least in the eyes of one who knows nothing of the model.
        """
        if self._seen < ENOUGH:
            return least
        low = self._mean * (1 - MARGIN) - SPREAD * self._deviation
        return int(least * max(low, LEAST) / FLOOR)
