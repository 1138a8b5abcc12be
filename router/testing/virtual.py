"""An event loop that jumps to the next timer instead of sleeping."""

from __future__ import annotations

import asyncio
import math
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

T = TypeVar("T")


class LostWakeup(RuntimeError):
    """Every task waits and no timer is set: in real life this would hang for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock starts at 0 and moves only when every task waits; it sees no sockets and no threads."""

    # Mutable: `_now`, moved by the loop's own selector alone.

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_JumpingSelector(self))
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Return virtual seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock, by the least step at least, so that rounding never stops it."""
        self._now = max(self._now + seconds, math.nextafter(self._now, math.inf))


class _JumpingSelector(selectors.BaseSelector):
    """Keeps the books of a real selector, and turns every wait into a jump."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise LostWakeup("nothing is ready and no timer is set: a waiter was lost")
        if timeout > 0:
            self._loop.advance(timeout)
        return []


def run_virtual(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a new virtual loop and return its result.

    Args:
        coro: What to run; it sleeps in no time at all. Tasks it leaves behind are cancelled.

    Raises:
        LostWakeup: Every task waits and no timer is set.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coro)
