"""One answer as it arrives: its head, the parts of its body, its end. One task reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from router.providers.transport.failures import TooSlow

if TYPE_CHECKING:
    import asyncio

    from router.providers.transport.failures import WireError

HIGH = 256 * 1024  # bytes that may wait for their reader; beyond, the connection is not read


class Source(Protocol):
    """Where an answer comes from."""

    def hold(self) -> None:
        """Stop reading."""
        ...

    def go_on(self) -> None:
        """Read again."""
        ...

    def drop(self) -> None:
        """Close."""
        ...


class Answer:
    """What a connection writes and a caller reads.

    Attributes:
        status: The HTTP status, once the head is there.
        fields: Header fields as they came.
        headers: Header fields by lower-case name; those that came twice are joined by commas.
        begun: Whether the head is there.
        over: Whether nothing more comes: all is there, or it failed.
        heard: Whether any byte came.
        error: How it failed, or None.
        bodiless: Whether there is no body whatever the head says: the answer to a HEAD.
    """

    # Mutable: all of it, touched only in the connection's loop.

    __slots__ = (
        "_held",
        "_loop",
        "_parts",
        "_source",
        "_unwanted",
        "_waiter",
        "_waiting",
        "begun",
        "bodiless",
        "error",
        "fields",
        "headers",
        "heard",
        "over",
        "status",
    )

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop, *, bodiless: bool) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.headers: dict[str, str] = {}
        self.begun = False
        self.over = False
        self.heard = False
        self.error: WireError | None = None
        self.bodiless = bodiless
        self._source: Source | None = source
        self._loop = loop
        self._parts: list[bytes] = []
        self._waiting = 0  # bytes in `_parts`
        self._held = False  # whether the connection is not read
        self._unwanted = False  # whether the rest is dropped
        self._waiter: asyncio.Future[None] | None = None

    # What the connection does.

    def add(self, part: bytes) -> None:
        """Take in a part of the body."""
        if not self._unwanted:
            self._parts.append(part)
            self._waiting += len(part)

    def end(self, error: WireError | None = None) -> None:
        """Take in that this was all, and wake the reader; the connection is another's from now on."""
        self.over = True
        self.error = error
        self._source = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def tell(self) -> None:
        """Wake the reader if there is news for it, and hold the connection back if it lags behind."""
        if self.begun and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._waiting > HIGH and self._source is not None and not self._held:
            self._held = True
            self._source.hold()

    # What the caller does.

    @property
    def spent(self) -> bool:
        """Whether all of it has come and been taken."""
        return self.over and self.error is None and not self._parts

    async def head(self, seconds: float | None = None) -> None:
        """Wait for the head; each wait takes at most so many seconds. When this fails or is cancelled it is left.

        Raises:
            WireError: It does not come.
        """
        try:
            while not self.begun:
                if self.over:
                    raise self._failure()
                await (self._news() if seconds is None else self._news_within(seconds))
        except BaseException:
            self.leave()
            raise

    async def take(self, seconds: float | None = None) -> bytes | None:
        """Return all of the body that has arrived since the last time, waiting for some; None after its end.

        Cancelling this call loses nothing.

        Raises:
            WireError: It breaks off; all that came before has been returned.
        """
        while not self._parts:
            if self.over:
                if self.error is not None:
                    raise self._failure()
                return None
            await (self._news() if seconds is None else self._news_within(seconds))
        return self.arrived()

    def arrived(self) -> bytes:
        """Return all of the body that has arrived since the last time."""
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._waiting = 0
        if self._held:
            self._go_on()
        return data

    async def linger(self, seconds: float) -> None:
        """Wait a moment for the end of a body whose rest nobody wants, so that its connection is kept."""
        self._unwanted = True
        self.arrived()  # to nobody
        until = self._loop.time() + seconds
        while not self.over:
            left = until - self._loop.time()
            if left <= 0:
                return
            try:
                await self._news_within(left)
            except TooSlow:
                return

    def leave(self) -> None:
        """Want nothing more: a connection that has not brought all of it is closed."""
        source, self._source = self._source, None
        if source is not None:
            self.over = True
            source.drop()

    def _failure(self) -> WireError:
        assert self.error is not None  # noqa: S101 - what is over without a head has failed
        return self.error.with_traceback(None)

    def _go_on(self) -> None:
        self._held = False
        if self._source is not None:
            self._source.go_on()

    def _news(self) -> asyncio.Future[None]:
        """Return what is done when something has arrived."""
        waiter = self._waiter = self._loop.create_future()
        return waiter

    async def _news_within(self, seconds: float) -> None:
        """Wait until something has arrived.

        Raises:
            TooSlow: Nothing did in so many seconds.
        """
        waiter = self._news()
        timer = self._loop.call_later(seconds, _give_up, waiter)
        try:
            await waiter
        finally:
            timer.cancel()


def _give_up(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TooSlow("nothing came in time"))
