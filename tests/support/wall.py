"""A raw-socket HTTP server that misbehaves as told, and remembers what it was asked, when, and what became of it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

REASONS = {200: "OK", 302: "Found", 429: "Too Many Requests", 503: "Service Unavailable"}
TICK = 0.002
LOADING = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}


class Hangup(Exception):
    """Raised by a reply to end the connection."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived, and when (monotonic seconds)."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float = 0.0

    @property
    def json(self) -> dict[str, object]:
        """The body as an object."""
        return json.loads(self.body)


@dataclass(slots=True, eq=False)
class Wall:
    """A running server: answers request n with `replies[n]`, and further ones with the last.

    Attributes:
        url: Base address.
        connections: Connections open now.
        accepted: Connections so far.
        asked: Requests so far.
        running: Requests being answered now.
        most: The largest number of requests answered at once.
        left: When a connection was ended by the other side before its answer was.
        tasks: One per connection.
    """

    replies: list[Reply]
    url: str = ""
    connections: int = 0
    accepted: int = 0
    asked: list[Asked] = field(default_factory=list)
    running: int = 0
    most: int = 0
    left: list[float] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def attempts(self) -> int:
        """Requests so far."""
        return len(self.asked)

    async def serve(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        self.connections += 1
        self.accepted += 1
        task = asyncio.current_task()
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, Hangup):
                while True:
                    asked = await _read(reader)
                    turn = len(self.asked)
                    self.asked.append(asked)
                    await self._reply(self.replies[min(turn, len(self.replies) - 1)], asked, reader, writer)
        finally:
            self.connections -= 1
            writer.close()

    async def _reply(self, reply: Reply, asked: Asked, reader: Reader, writer: asyncio.StreamWriter) -> None:
        """Answer, unless the other side hangs up first."""
        self.running += 1
        self.most = max(self.most, self.running)
        work = asyncio.ensure_future(reply(asked, writer))
        gone = asyncio.ensure_future(reader.gone.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self.left.append(time.monotonic())
                raise Hangup
            work.result()
        finally:
            self.running -= 1
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def empties(self, seconds: float = 0.1) -> bool:
        """Return whether the last connection is gone within some seconds of real time."""
        until = asyncio.get_running_loop().time() + seconds
        while self.connections and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(TICK)
        return self.connections == 0


Reply = "Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]"


class Reader(asyncio.StreamReader):
    """A reader that tells when the other side has hung up, without reading on."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        """Take note of an end."""
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc: Exception) -> None:
        """Take note of a broken connection."""
        super().set_exception(exc)
        self.gone.set()


@asynccontextmanager
async def wall(
    *replies: Reply, unix: str | None = None, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Wall]:
    """Run a server on an address of this machine, or on a unix socket."""
    state = Wall(list(replies))
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(Reader(), state.serve)

    if unix is None:
        server = await loop.create_server(protocol, host, 0, backlog=4096, ssl=tls)
        shown = f"[{host}]" if ":" in host else host
        state.url = f"{'https' if tls else 'http'}://{shown}:{server.sockets[0].getsockname()[1]}"
    else:
        server = await loop.create_unix_server(protocol, unix)
        state.url = f"unix:{unix}"
    try:
        yield state
    finally:
        server.close()
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        for _ in range(3):  # both sides' sockets are closed in the loop's next turns
            await asyncio.sleep(0)


def answer(
    status: int = 200,
    body: bytes | object = b"",
    headers: Mapping[str, str] | None = None,
    kind: str = "application/json",
) -> Reply:
    """Answer with a whole body: bytes, or an object as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": kind, "content-length": str(len(content)), **(headers or {})}

    async def reply(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, fields) + content)
        await writer.drain()

    return reply


def said(text: str = "hello", finish: str = "stop") -> dict[str, object]:
    """Return a whole answer."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {"model": "m", "choices": [choice], "usage": usage}


def piece(text: str | None = None, finish: str | None = None, **fields: object) -> dict[str, object]:
    """Return one chunk of a streamed answer."""
    delta = {} if text is None else {"content": text}
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **fields}


USAGE = {"model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}


def stream(*events: object, pause: float = 0.0, end: str = "close") -> Reply:
    """Answer with events: objects become JSON, texts and bytes are sent as they are, a float is a pause in seconds.

    `end` is `close` (a proper end, connection kept), `cut` (hang up without one), `mute` (say no more)
    or `open` (leave the rest to the caller).
    """

    async def reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}))
        await body(asked, writer)

    body = rest(*events, pause=pause, end=end)
    return reply


def rest(*events: object, pause: float = 0.0, end: str = "close") -> Reply:
    """Send further events of a stream that was left open, and end it as `stream` does."""

    async def reply(_: Asked, writer: asyncio.StreamWriter) -> None:
        for event in events:
            if isinstance(event, float):
                await asyncio.sleep(event)
                continue
            await asyncio.sleep(pause)
            content = event if isinstance(event, bytes) else _event(event)
            writer.write(b"%x\r\n%s\r\n" % (len(content), content))
            await writer.drain()
        if end == "mute":
            await asyncio.Event().wait()
        if end == "cut":
            raise Hangup
        if end == "open":
            return
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return reply


def raw(content: bytes) -> Reply:
    """Send bytes and hang up."""

    async def reply(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        raise Hangup

    return reply


def after(seconds: float, reply: Reply) -> Reply:
    """Wait, then reply."""

    async def late(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await reply(asked, writer)

    return late


async def reset(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Break the connection off without a farewell."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    raise Hangup


async def mute(_: Asked, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def head_only(_: Asked, writer: asyncio.StreamWriter) -> None:
    """Send the head of a stream, and nothing after it."""
    writer.write(_head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}))
    await writer.drain()
    await asyncio.Event().wait()


def loading() -> Reply:
    """Answer as llama.cpp does while it loads."""
    return answer(503, LOADING)


def _event(event: object) -> bytes:
    return f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body, time.monotonic())
