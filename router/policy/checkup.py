"""What a row of health checks says of an endpoint, and when the next one is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.core.port import Vitality
    from router.core.request import HealthPolicy

UNWELL, LOADING, QUIET = 3.0, 1.6, 60.0
SPREAD = 0.2


class Checkup:
    """The checks of one endpoint: it takes several of a kind to change a mind."""

    __slots__ = ("_policy", "_row", "state")

    def __init__(self, policy: HealthPolicy) -> None:
        self._policy = policy
        self._row = 0  # checks in a row that say otherwise than `state`
        self.state: Vitality = "up"

    def took(self, found: Vitality) -> Vitality:
        """Take in one check and return the verdict so far."""
        if found == self.state:
            self._row = 0
            return self.state
        self._row += 1
        # A server that says that it is loading is believed at once.
        needed = 1 if "loading" in (found, self.state) and found != "down" else None
        needed = needed or (self._policy.fall if found == "down" else self._policy.rise)
        if self._row >= needed:
            self.state = found
            self._row = 0
        return self.state

    def pause(self, dice: float, *, quiet: bool) -> float:
        """Return seconds until the next check: soon for an endpoint that is unwell, rarely when nobody calls.

        For one that is loading two seconds at most: calls may be waiting for it.
        """
        every = self._policy.every
        if self.state != "up" or self._row:
            every = min(every, LOADING if self.state == "loading" else UNWELL)
        elif quiet:
            every = max(every, QUIET)
        return every * (1 - SPREAD + 2 * SPREAD * dice)
