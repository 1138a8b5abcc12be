"""Time and dice, as something that is handed in."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Clock(Protocol):
    """Seconds, and how to wait for them."""

    def now(self) -> float:
        """Return monotonic seconds of the running loop."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        """Return a context that raises TimeoutError at `when`; None means never."""
        ...


class LoopClock:
    """The running event loop's clock: the machine's in production, a virtual one in tests."""

    def now(self) -> float:
        """Return monotonic seconds of the running loop."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        """Return a context that raises TimeoutError at `when`; None means never."""
        return asyncio.timeout_at(when)
