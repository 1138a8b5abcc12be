"""Equal calls at once: one of them asks, the others wait for what it gets."""

from __future__ import annotations

import asyncio
import copy
import weakref
from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING

from router.core.errors import CallFailed, DeadlineExceeded
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from decimal import Decimal

    from router.core.clock import Clock
    from router.core.messages import Completion
    from router.runtime.attempt import Attempt
    from router.runtime.replay import Replay


@dataclass(frozen=True, slots=True)
class Landed:
    """What the one that asked got.

    Attributes:
        answer: The answer.
        saved: Dollars that it cost, and that whoever waited for it saves; None when unknown.
        found: What stands for the call that asked.
    """

    answer: Completion
    saved: Decimal | None
    found: Attempt | Replay


_Waiter = asyncio.Future[Landed | CallFailed | None]  # None: ask yourself


@dataclass(slots=True)
class _Flight:
    waiters: deque[_Waiter] = field(default_factory=deque)


class Flights:
    """The calls under way by key, on each event loop; that loop alone touches its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._flights: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Flight]] = (
            weakref.WeakKeyDictionary()
        )

    async def join(
        self, key: str, deadline: float, ask: Callable[[], Awaitable[Landed]]
    ) -> tuple[Landed, bool]:
        """Return what came of asking, and whether this call was the one that asked.

        One that is cancelled or out of time harms nobody: the next one asks. Other failures are everybody's.

        Args:
            key: Equal for equal calls.
            deadline: Loop time at which this one gives up.
            ask: Asks; used at most once.

        Raises:
            CallFailed: No answer.
        """
        flights = self._here()
        flight = flights.get(key)
        if flight is None:
            flight = flights[key] = _Flight()
        else:
            landed = await self._wait(flights, key, flight, deadline)
            if isinstance(landed, CallFailed):
                raise copied(landed) from landed
            if landed is not None:
                return landed, False
        return await self._ask(flights, key, flight, ask), True

    def _here(self) -> dict[str, _Flight]:
        loop = asyncio.get_running_loop()
        found = self._flights.get(loop)
        if found is None:
            found = self._flights.setdefault(loop, {})
        return found

    async def _ask(
        self,
        flights: dict[str, _Flight],
        key: str,
        flight: _Flight,
        ask: Callable[[], Awaitable[Landed]],
    ) -> Landed:
        try:
            landed = await ask()
        except DeadlineExceeded:
            _hand_on(flights, key, flight)
            raise
        except CallFailed as error:
            _tell(flights, key, flight, error)
            raise
        except BaseException:
            _hand_on(flights, key, flight)
            raise
        _tell(flights, key, flight, landed)
        return landed

    async def _wait(
        self, flights: dict[str, _Flight], key: str, flight: _Flight, deadline: float
    ) -> Landed | CallFailed | None:
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        flight.waiters.append(waiter)
        try:
            async with self._clock.timeout_at(deadline):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.result() is None:
                _hand_on(flights, key, flight)  # it was its turn in the same moment
            if isinstance(error, TimeoutError):
                raise DeadlineExceeded(
                    "the deadline passed while an equal call was being answered"
                ) from error
            raise


def _hand_on(flights: dict[str, _Flight], key: str, flight: _Flight) -> None:
    """Let the next one ask."""
    while flight.waiters:
        waiter = flight.waiters.popleft()
        if not waiter.done():
            waiter.set_result(None)
            return
    del flights[key]


def _tell(flights: dict[str, _Flight], key: str, flight: _Flight, landed: Landed | CallFailed) -> None:
    del flights[key]
    for waiter in flight.waiters:
        if not waiter.done():
            waiter.set_result(landed)


def copied(error: CallFailed) -> CallFailed:
    """Return the same failure for another call, which made no attempt of its own."""
    found = copy.copy(error)
    found.attempts, found.partial_text, found.usage, found.request_id = (), "", None, ""
    return found
