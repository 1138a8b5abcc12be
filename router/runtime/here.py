"""What one event loop has for itself: the places of endpoints, and the timers of attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.runtime.alarm import Timers
from router.runtime.limiter import Limiter

if TYPE_CHECKING:
    import asyncio

    from router.core.clock import Clock
    from router.core.request import Endpoint

MANY = 10_000


class Here:
    """What only this loop touches, and `now`, which tells its seconds.

    Args:
        loop: The loop.
        clock: Where time comes from.
    """

    __slots__ = ("_by_endpoint", "limiters", "loop", "now", "timers")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self.loop = loop
        self.now = clock.reading(loop)
        self.timers = Timers(clock, self.now)
        self.limiters: dict[tuple[object, ...], Limiter] = {}
        self._by_endpoint: dict[int, tuple[Endpoint, Limiter]] = {}

    def limiter(self, endpoint: Endpoint) -> Limiter:
        """Return the places of an endpoint; they stay the same as long as its limits do, whatever is loaded."""
        known = self._by_endpoint.get(id(endpoint))
        if known is not None:
            return known[1]
        key = (endpoint.name, endpoint.concurrency, endpoint.queue_max, endpoint.queue_timeout)
        limiter = self.limiters.get(key)
        if limiter is None:
            limiter = self.limiters[key] = Limiter(endpoint)
        if len(self._by_endpoint) > MANY:  # of configurations that are gone
            self._by_endpoint.clear()
        self._by_endpoint[id(endpoint)] = (endpoint, limiter)
        return limiter
