"""Tries several addresses of one name: the next begins a moment after the last, and the first that stands wins.

asyncio's own race leaves sockets to the garbage collector when it is cancelled.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

T = TypeVar("T")
PAUSE = 0.25


async def race(
    addresses: Sequence[str],
    dial: Callable[[str], Coroutine[None, None, T]],
    drop: Callable[[T], None],
    pause: float = PAUSE,
) -> T:
    """Return what the first successful `dial` gives; whatever else one gives, now or later, is dropped.

    Args:
        addresses: At least one.
        dial: Connects to one.
        drop: Closes what is not wanted.
        pause: Seconds after which the next is tried too.

    Raises:
        OSError: None can be connected to; that of the first to fail.
    """
    running = _Race(drop)
    waiting = list(reversed(addresses))
    try:
        while not running.won:
            if waiting:
                running.begin(dial(waiting.pop()))
            elif not running.tasks:
                raise running.errors[0]
            await asyncio.wait(
                tuple(running.tasks), timeout=pause if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
        return running.won.pop()
    finally:
        running.leave()


class _Race(Generic[T]):
    """Tries under way, and what became of the others."""

    # Mutable: all of it, touched only in the loop.

    def __init__(self, drop: Callable[[T], None]) -> None:
        self._drop = drop
        self._over = False
        self.tasks: set[asyncio.Task[T]] = set()
        self.won: list[T] = []  # one at most
        self.errors: list[BaseException] = []

    def begin(self, coro: Coroutine[None, None, T]) -> None:
        """Try one more."""
        task = asyncio.create_task(coro)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def leave(self) -> None:
        """Give up what is still under way, and what nobody took."""
        self._over = True
        for task in tuple(self.tasks):
            task.cancel()
        for each in self.won:
            self._drop(each)

    def _ended(self, task: asyncio.Task[T]) -> None:
        self.tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.errors.append(error)
        elif self._over or self.won:
            self._drop(task.result())
        else:
            self.won.append(task.result())
