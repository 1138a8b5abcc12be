"""Shares among models: which one a caller gets."""

from __future__ import annotations

import hashlib

from router.core.frozen import dataclass

_SPACE = 2**64


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of calls.

    Attributes:
        shares: Each model and its weight, at least one, weights positive.
        by_user: Whether a user stays with one model; else every call is drawn anew.
    """

    shares: tuple[tuple[str, int], ...]
    by_user: bool

    def pick(self, user: str | None, dice: float) -> str:
        """Return the model for a call; `dice` from 0 to 1 decides where no user does.

        The same user gets the same model in every process, as long as the shares stay as they are.
        """
        return self.at(self.point(user, dice))

    def point(self, user: str | None, dice: float) -> float:
        """Return the number from 0 to 1 that decides a call."""
        return _point(user, self.shares) if self.by_user and user is not None else dice

    def at(self, point: float) -> str:
        """Return the model at a point from 0 to 1."""
        left = point * sum(weight for _, weight in self.shares)
        for model, weight in self.shares:
            left -= weight
            if left < 0:
                return model
        return self.shares[-1][0]

    @property
    def key(self) -> str:
        """Its models: splits of the same models, in the same order, send a user to the same point."""
        return ",".join(model for model, _ in self.shares)

    @property
    def in_words(self) -> str:
        """The shares as a person reads them: `big 90% / small 10%`."""
        total = sum(weight for _, weight in self.shares)
        return " / ".join(f"{model} {weight / total:.0%}" for model, weight in self.shares)

    @property
    def largest(self) -> str:
        """The model with the largest share; the first of equals."""
        return max(self.shares, key=lambda share: share[1])[0]


def _point(user: str, shares: tuple[tuple[str, int], ...]) -> float:
    """Return a number from 0 to 1 that depends on the user and on which models share."""
    names = "\0".join(model for model, _ in shares)
    digest = hashlib.sha256(f"{names}\0{user}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / _SPACE
