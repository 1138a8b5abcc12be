"""A producer in a task of its own, which leaves nothing behind when its consumer leaves.

httpx 0.28's connection pool loses connections when its task is cancelled natively, but not when an anyio
cancel scope is. So the request runs in a child task inside such a scope, and a native cancellation of the
consumer becomes a cancellation of the scope.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

T = TypeVar("T")
AHEAD = 64
LINGER = 0.05


class Pump(Generic[T]):
    """Runs `produce(emit)` in a child task and hands over, in order, what it emits.

    Args:
        produce: Emits items; it is held back while `ahead` of them wait, and cancelled through an anyio
            scope when the consumer leaves.
        ahead: Items that may wait.
    """

    # Mutable: the items, the two events and the flag, touched only by tasks of the one running loop.

    def __init__(
        self, produce: Callable[[Callable[[T], Awaitable[None]]], Awaitable[None]], ahead: int = AHEAD
    ) -> None:
        self._produce = produce
        self._ahead = ahead
        self._items: deque[T] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._lingering = False
        self._scope = anyio.CancelScope()
        self._task: asyncio.Task[None]  # from entering on

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: self._filled.set())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop(self._task)

    async def take(self) -> T | None:
        """Return the next item, or None after the last; raise what `produce` raised.

        Cancelling this call loses no item.
        """
        while not self._items:
            if self._task.done():
                self._task.result()
                return None
            self._filled.clear()
            await self._filled.wait()
        self._drained.set()
        return self._items.popleft()

    async def linger(self, seconds: float = LINGER) -> None:
        """Let the producer end by itself for a moment, and drop what it still emits."""
        self._lingering = True
        self._drained.set()
        await asyncio.wait({self._task}, timeout=seconds)

    async def _run(self) -> None:
        with self._scope:
            await self._produce(self._emit)

    async def _emit(self, item: T) -> None:
        while len(self._items) >= self._ahead and not self._lingering:
            self._drained.clear()
            await self._drained.wait()
        if not self._lingering:
            self._items.append(item)
            self._filled.set()

    async def _stop(self, task: asyncio.Task[None]) -> None:
        """Cancel the scope and see the task to its end, however often this is cancelled meanwhile."""
        self._scope.cancel()
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                cancelled = error
        if not task.cancelled():
            task.exception()  # marks it as seen: the consumer left and does not care
        if cancelled is not None:
            raise cancelled
