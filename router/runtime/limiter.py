"""At most so many attempts at once at an endpoint; the rest wait, by urgency, then age."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING

from router.core.errors import Shed
from router.core.options import URGENCIES

if TYPE_CHECKING:
    from router.core.clock import Clock
    from router.core.request import Endpoint

# How long a place is taken before any was given back, in seconds; and what the latest one counts for in the mean.
ASSUMED, LATEST = 1.0, 0.2
RANKS = {urgency: rank for rank, urgency in enumerate(URGENCIES)}
_Waiter = tuple[int, int, asyncio.Future[None]]


class Limiter:
    """The places of one endpoint on one event loop; that loop alone touches its state."""

    __slots__ = ("_age", "_endpoint", "_held", "_mean", "_queue")

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._held = 0
        self._age = 0
        self._queue: list[_Waiter] = []
        self._mean: float | None = None  # seconds a place is taken

    @property
    def held(self) -> int:
        """Places that are taken."""
        return self._held

    @property
    def free(self) -> bool:
        """Whether one more attempt would not have to wait."""
        return self._held < self._endpoint.concurrency

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return len(self._queue)

    def take(self) -> bool:
        """Take a place if one is free."""
        free = self._held < self._endpoint.concurrency
        self._held += free
        return free

    async def acquire(self, urgency: str, clock: Clock, deadline: float) -> None:
        """Take a place, or wait for one.

        Raises:
            Shed: The queue is full, or the wait too long.
            TimeoutError: The deadline passed.
        """
        if self.take():
            return
        waiter = self._enqueue(RANKS[urgency])
        limit = clock.now() + self._endpoint.queue_timeout
        try:
            async with clock.timeout_at(min(limit, deadline)):
                await waiter[2]
        except BaseException as error:
            self._leave(waiter)
            if isinstance(error, TimeoutError) and limit < deadline:
                waited = self._endpoint.queue_timeout
                raise self._shed(
                    f"endpoint `{self._endpoint.name}` had no free place in {waited:g} s"
                ) from error
            raise

    def release(self, seconds: float | None = None) -> None:
        """Give a place back, which was taken so many seconds; it goes to the most urgent, then oldest waiter."""
        if seconds is not None:
            self._mean = seconds if self._mean is None else self._mean + LATEST * (seconds - self._mean)
        while self._queue:
            _, _, future = heapq.heappop(self._queue)
            if not future.done():
                future.set_result(None)
                return
        self._held -= 1

    def _enqueue(self, rank: int) -> _Waiter:
        if len(self._queue) >= self._endpoint.queue_max:
            self._make_room(rank)
        self._age += 1
        waiter = (rank, self._age, asyncio.get_running_loop().create_future())
        heapq.heappush(self._queue, waiter)
        return waiter

    def _make_room(self, rank: int) -> None:
        """Send the youngest of the least urgent away, if it is less urgent than the newcomer."""
        worst = max(self._queue, default=None, key=lambda waiter: waiter[:2])
        full = f"the queue of endpoint `{self._endpoint.name}` is full ({len(self._queue)} waiting)"
        if worst is None or worst[0] <= rank:
            raise self._shed(full)
        self._remove(worst)
        if not worst[2].done():
            worst[2].set_exception(self._shed(f"{full} and a more urgent call came"))

    def _shed(self, why: str) -> Shed:
        """Return the error of a call that is sent away, with the time in which the queue is likely to be done."""
        each = ASSUMED if self._mean is None else self._mean
        return Shed(why, retry_after=(len(self._queue) + 1) * each / self._endpoint.concurrency)

    def _leave(self, waiter: _Waiter) -> None:
        """Forget a waiter; a place it was given in the same moment goes on to the next."""
        future = waiter[2]
        granted = future.done() and not future.cancelled() and future.exception() is None
        if granted:
            self.release()
        elif waiter in self._queue:
            self._remove(waiter)

    def _remove(self, waiter: _Waiter) -> None:
        self._queue.remove(waiter)
        heapq.heapify(self._queue)
