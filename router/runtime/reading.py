"""Whether anybody reads a stream: one that nobody reads does not hold its place for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from router.core.clock import Clock

UNREAD = 60.0


class Reading:
    """The reader of one stream, as far as its endpoint has to wait for it.

    Attributes:
        paused: Seconds that the reader took for itself so far.
        closing: What closes the stream because nobody read it, or None.
        active: Whether something was taken without waiting since that was last looked at.
    """

    # Mutable besides: when it was read last, whether it is being read, and the timer that looks after that.

    __slots__ = (
        "_clock",
        "_close",
        "_over",
        "_read_at",
        "_reading",
        "_unread",
        "active",
        "closing",
        "paused",
    )

    def __init__(self, clock: Clock, close: Callable[[], Awaitable[None]]) -> None:
        self._clock = clock
        self._close = close
        self._read_at = 0.0
        self._reading = False
        self._over = False
        self._unread: asyncio.TimerHandle | None = None
        self.active = False
        self.paused = 0.0
        self.closing: asyncio.Future[None] | None = None

    def begin(self) -> None:
        """Take note that the reader waits for the next delta."""
        self.paused += self._clock.now() - self._read_at
        self._reading = True

    def end(self) -> None:
        """Take note that the reader has what it waited for."""
        now = self._clock.now()
        if not self._reading and self._read_at:
            self.paused += now - self._read_at
        self._reading = False
        self._read_at = now
        if self._unread is None and not self._over:
            self._unread = self._clock.call_at(self._read_at + UNREAD, self._look)

    def stop(self) -> None:
        """Look after it no more."""
        self._over = True
        self._close = _nothing  # else the two would keep each other alive
        if self._unread is not None:
            self._unread.cancel()

    def _look(self) -> None:
        self._unread = None
        if self._over:
            return
        now = self._clock.now()
        if self._reading or self.active or now < self._read_at + UNREAD:
            again = now + UNREAD if self._reading or self.active else self._read_at + UNREAD
            self.active = False
            self._unread = self._clock.call_at(again, self._look)
        else:
            self.closing = asyncio.ensure_future(self._close())


async def _nothing() -> None:
    """Close nothing: it is closed."""
