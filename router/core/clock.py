"""Time and dice, as something that is handed in."""

from __future__ import annotations

import asyncio
import time
from asyncio import get_running_loop
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """Seconds, and how to wait for them."""

    def now(self) -> float:
        """Return monotonic seconds of the running loop."""
        ...

    def wall(self) -> float:
        """Return seconds since 1970, for records."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        """Return a context that raises TimeoutError at `when`; None means never."""
        ...

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call something on the running loop at a time."""
        ...

    def reading(self, loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
        """Return what tells the same as `now` while this loop runs, at the least cost."""
        ...


class LoopClock:
    """The running event loop's clock: the machine's in production, a virtual one in tests."""

    def now(self) -> float:
        """Return monotonic seconds of the running loop."""
        return get_running_loop().time()

    def wall(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        """Return a context that raises TimeoutError at `when`; None means never."""
        return asyncio.timeout_at(when)

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call something on the running loop at a time."""
        return get_running_loop().call_at(when, callback)

    def reading(self, loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
        """Return what tells the same as `now` while this loop runs, at the least cost."""
        if type(self).now is not LoopClock.now:
            return self.now
        # What the loop itself would call, unless it has a time of its own.
        return time.monotonic if type(loop).time is asyncio.BaseEventLoop.time else loop.time
