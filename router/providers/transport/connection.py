"""HTTP/1.1 on one connection: a request out, an answer in, one at a time. `httptools` parses."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from router.providers.transport.answer import Answer
from router.providers.transport.failures import CutOff, Hangup, Lost, NotHttp, broken
from router.providers.transport.framing import breach, folded, has_end

if TYPE_CHECKING:
    from router.providers.transport.failures import WireError
    from router.providers.transport.message import Message
    from router.providers.transport.target import Target

HEAD_CAP = 64 * 1024  # bytes of all heads of an answer; of its trailers; about those of a line between chunks
APART = 64 * 1024  # a body above is not copied behind its head
FINAL = 200  # what is below announces an answer: 100 Continue, 103 Early Hints
SWITCHING = 101


class Shelf(Protocol):
    """Where connections are kept."""

    @property
    def buffer(self) -> memoryview:
        """Where the connections of a loop read to, one after the other."""
        ...

    def give(self, connection: Connection) -> None:
        """Keep a connection that is idle now."""
        ...

    def forget(self, connection: Connection) -> None:
        """Take note that a connection is closed."""
        ...


class Connection(asyncio.BufferedProtocol):
    """One connection: idle on its shelf, or busy with one answer.

    What follows an answer that nobody asked for, in the same packet or later, is never taken for another answer:
    the connection is closed.

    Args:
        shelf: Where it is kept.
        target: Where it leads.
    """

    # Mutable: all of it, touched only in the loop. `_answer` is None while it is idle.

    __slots__ = (
        "_answer",
        "_closing",
        "_complete",
        "_fault",
        "_fed",
        "_fields",
        "_interim",
        "_keep",
        "_parser",
        "_ready",
        "_room",
        "_sending",
        "_shelf",
        "_trailers",
        "_transport",
        "_until_close",
        "_writable",
        "since",
        "target",
    )

    def __init__(self, shelf: Shelf, target: Target) -> None:
        self.target = target
        self.since = 0.0  # when it became idle, in the loop's time
        self._shelf = shelf
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._closing = False
        self._writable: asyncio.Future[None] | None = None
        self._ready: select.poll | None = None
        self._sending = False  # whether a part of the request is still to come
        self._renew()

    def _renew(self) -> None:
        """Forget the last answer."""
        self._fields: list[tuple[bytes, bytes]] = []
        self._fed = 0  # bytes taken in while the head was not complete
        self._room = HEAD_CAP  # bytes that may still come before something is complete
        self._trailers = 0
        self._interim = False
        self._until_close = False
        self._complete = False
        self._keep = False
        self._fault: str | None = None

    # What its owner does.

    @property
    def transport(self) -> asyncio.Transport | None:
        """What carries it, while it stands."""
        return self._transport

    @property
    def usable(self) -> bool:
        """Whether it stands."""
        return not self._closing and self._transport is not None and not self._transport.is_closing()

    @property
    def fit(self) -> bool:
        """Whether it stands, and nothing has come that the loop has not handed over yet.

        That would be its end, or what nobody asked for and would be read as the next answer.
        """
        transport = self._transport
        if self._closing or transport is None or transport.is_closing():
            return False
        return self._ready is None or not self._ready.poll(0)

    def send(self, loop: asyncio.AbstractEventLoop, message: Message) -> Answer:
        """Send a request, and return its answer, of which nothing is there yet."""
        answer = self._answer = Answer(self, loop, bodiless=message.bodiless)
        self._renew()
        self._sending = message.more is not None
        transport = self._transport
        if transport is None or self._closing:
            self._fail(Lost("closed at once"))
        elif len(message.body) <= APART:
            transport.write(message.head + message.body)
        else:
            transport.write(message.head)
            transport.write(message.body)
        return answer

    async def add(self, loop: asyncio.AbstractEventLoop, part: bytes) -> None:
        """Send more of a request, as fast as it is taken.

        Raises:
            WireError: The connection is closed.
        """
        if self._transport is None or self._closing:
            raise Lost("closed while the request was sent")
        self._transport.write(part)
        if self._transport.get_write_buffer_size() > APART:
            self._writable = loop.create_future()
            try:
                await self._writable
            finally:
                self._writable = None

    def sent(self) -> None:
        """Take note that all of the request is sent; before, what is sent next would be read as more of it."""
        self._sending = False

    def move(self, transport: asyncio.BaseTransport) -> None:
        """Go on over another transport: TLS over what stands."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=APART, low=0)

    def drop(self) -> None:
        """Close it, whatever is under way; an answer that is not complete fails."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
        self._fail(Lost("closed on this side"))

    def hold(self) -> None:
        """Stop reading."""
        if self.usable:
            cast("asyncio.Transport", self._transport).pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self.usable:
            cast("asyncio.Transport", self._transport).resume_reading()

    # What the loop does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.move(transport)
        sock = transport.get_extra_info("socket")
        if hasattr(select, "poll") and sock is not None:  # not on Windows
            self._ready = select.poll()
            self._ready.register(sock, select.POLLIN)

    def resume_writing(self) -> None:
        """Let the sender go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read to; a new object for each packet, as large as it may get, would cost far more."""
        del sizehint
        return self._shelf.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take in what was read: at once, for the next one to read is another connection."""
        self.data_received(self._shelf.buffer[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take in what came."""
        answer = self._answer
        if answer is None:
            self.drop()  # nobody asked
            return
        answer.heard = True
        try:
            self._feed(answer, data)
        except httptools.HttpParserError:
            self._fault = self._fault or "its answer is not HTTP/1.1"
        if self._complete:
            self._end(answer)
        elif self._fault is not None:
            self._fail(NotHttp(self._fault))
            self.drop()
        else:
            answer.tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of its end, which is the end of an answer without a length."""
        self._closing = True
        self._shelf.forget(self)
        self._transport = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(Lost("closed while the request was sent"))
        answer = self._answer
        if answer is None:
            return
        if exc is not None:
            self._fail(broken(exc))
        elif not answer.begun:
            self._fail(Hangup("closed without an answer"))
        elif self._until_close:
            self._answer = None
            answer.end()
        else:
            self._fail(CutOff("closed in the middle of the answer"))

    def eof_received(self) -> bool:
        """Let the loop close it."""
        self._closing = True
        return False

    # What the parser does: a callback never raises.

    def on_message_begin(self) -> None:
        """See that nothing follows a complete answer."""
        if self._complete:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a field of the head, or of the trailers, which are dropped."""
        answer = self._answer
        if answer is not None and answer.begun:
            self._trailers += len(name) + len(value)
            if self._trailers > HEAD_CAP:
                self._fault = self._fault or f"its trailers have more than {HEAD_CAP} bytes"
        else:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Take in a head."""
        answer = self._answer
        if answer is None or answer.begun:
            return
        status = self._parser.get_status_code()
        if status < FINAL:
            self._interim = True
            if status == SWITCHING:
                self._fault = "it changed the protocol unasked"
            return
        headers = folded(self._fields)
        self._fault = self._fault or breach(headers, self._parser.get_http_version())
        if self._fault is None:
            answer.status, answer.fields, answer.headers, answer.begun = status, self._fields, headers, True
            self._complete = answer.bodiless
            self._until_close = not has_end(status, headers)

    def on_body(self, body: bytes) -> None:
        """Take in a part of the body."""
        answer = self._answer
        if answer is not None and not self._complete and self._fault is None:
            self._room = HEAD_CAP
            answer.add(body)

    def on_chunk_complete(self) -> None:
        """Take in the end of a chunk."""
        self._room = HEAD_CAP

    def on_message_complete(self) -> None:
        """Take in the end of a message."""
        if self._interim:
            self._interim = False
            self._fields = []
        elif not self._complete and self._fault is None:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    def _feed(self, answer: Answer, data: bytes | memoryview) -> None:
        """Parse; of a head no more than the cap is looked at, however the bytes are cut."""
        if not answer.begun:
            room = HEAD_CAP - self._fed
            self._fed += len(data)
            if len(data) > room:
                self._parser.feed_data(data[:room])
                self._feed_rest(answer, data[room:])
                return
        elif self._room < 0:
            self._fault = "a line of its body has no end"
            return
        else:
            self._room -= len(data)  # made good by whatever is complete in it
        self._parser.feed_data(data)

    def _feed_rest(self, answer: Answer, data: bytes | memoryview) -> None:
        if answer.begun:
            self._parser.feed_data(data)
        else:
            self._fault = self._fault or f"its head has more than {HEAD_CAP} bytes"

    def _end(self, answer: Answer) -> None:
        """Hand the answer over, and the connection back, unless it is not fit for another."""
        self._answer = None
        transport = self._transport
        keep = self._keep and self._fault is None and not self._closing and not self._sending
        if keep and transport is not None and not transport.get_write_buffer_size():
            self._shelf.give(self)
        else:
            self.drop()
        answer.end()

    def _fail(self, error: WireError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.end(error)
