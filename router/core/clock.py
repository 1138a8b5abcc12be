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
