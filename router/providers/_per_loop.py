"""Something that belongs to an event loop: made once in each that asks, ended with it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

T = TypeVar("T")
ELSEWHERE = 1.0  # seconds that closing waits for a loop of another thread


@dataclass(frozen=True, slots=True, eq=False)
class _Lease(Generic[T]):
    """A thing, and the generator that ends it."""

    thing: T
    lifetime: AsyncGenerator[None, None]


class PerLoop(Generic[T]):
    """One thing for each event loop that is alive.

    Args:
        build: Makes one; it is called in the loop it is for.
        end: Ends one, in its loop.
    """

    # Mutable: `_leases`, one per loop; changed under `_lock`, read without it.

    def __init__(self, build: Callable[[], T], end: Callable[[T], Awaitable[None]]) -> None:
        self._build = build
        self._end = end
        self._lock = threading.Lock()
        self._leases: dict[asyncio.AbstractEventLoop, _Lease[T]] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def here(self) -> T | None:
        """Return the running loop's, or None where there is none yet."""
        lease = self._leases.get(asyncio.get_running_loop())
        return None if lease is None else lease.thing

    async def enter(self) -> T:
        """Return the running loop's, made if need be."""
        loop = asyncio.get_running_loop()
        with self._lock:
            lease = self._leases.get(loop)
            if lease is not None:
                return lease.thing
            thing = self._build()
            alive = {old: lease for old, lease in self._leases.items() if not old.is_closed()}
            lease = _Lease(thing, self._lifetime(loop, thing))
            self._leases = {**alive, loop: lease}
        await anext(lease.lifetime)
        return thing

    async def close(self) -> None:
        """End those of all loops, each in its own; they are made again when asked for."""
        with self._lock:
            leases = dict(self._leases)
        for loop, lease in leases.items():
            if loop is asyncio.get_running_loop():
                await lease.lifetime.aclose()
            elif loop.is_running():
                await _close_on(loop, lease.lifetime)

    async def _lifetime(self, loop: asyncio.AbstractEventLoop, thing: T) -> AsyncGenerator[None, None]:
        """Hold a loop's thing: a loop that shuts down ends its generators, and so ends the thing."""
        try:
            yield
        finally:
            with self._lock:
                self._leases.pop(loop, None)
            await self._end(thing)


async def _close_on(loop: asyncio.AbstractEventLoop, lifetime: AsyncGenerator[None, None]) -> None:
    """End a thing in its own loop, which may be stuck, or end at this moment and so end it itself."""

    async def close() -> None:
        with suppress(RuntimeError):  # it is being ended already
            await lifetime.aclose()

    closing = close()
    try:
        ended = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(closing, loop))
    except RuntimeError:  # the loop is closed by now
        closing.close()
    else:
        await asyncio.wait({ended}, timeout=ELSEWHERE)
