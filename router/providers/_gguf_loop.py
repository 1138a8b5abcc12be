"""An event loop in a thread of its own: it outlives the loops of callers, and cares for child processes."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

T = TypeVar("T")
LAST = 2.0  # seconds that the end of what still runs is waited for


class Ward(Protocol):
    """A child process in the care of a loop thread."""

    def kill(self) -> None:
        """End it."""
        ...

    def forsake(self) -> None:
        """Close this process's ends of its pipes: after a fork it is the parent's child."""
        ...


class LoopThread:
    """A running event loop. Its thread starts the children, and they end with it.

    Args:
        name: Of the thread.
    """

    # Mutable: `wards`, changed by the own thread alone.

    def __init__(self, name: str) -> None:
        self.wards: set[Ward] = set()
        # Whatever kind of loop the program has: this one can wait for pipes in any thread.
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there; may be called from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function there, soon; nothing happens if the loop has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def stop(self) -> None:
        """End all children and the thread; it may be called again."""
        if not self._loop.is_closed():
            self.submit(self._end())
            if threading.current_thread() is not self._thread:
                self._thread.join(2 * LAST)

    def forsake(self) -> None:
        """Leave all children to the process that this one was forked from."""
        for ward in tuple(self.wards):
            ward.forsake()

    async def _end(self) -> None:
        for ward in tuple(self.wards):
            ward.kill()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=LAST)
        self._loop.call_soon(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
