"""The pool as an httpx transport: for whoever has an `httpx.AsyncClient`, the OpenAI SDK's for one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from router.providers._guard import Guard
from router.providers._per_loop import PerLoop
from router.providers._transport import KEEP_ALIVE
from router.providers.transport import failures
from router.providers.transport.failures import Unsendable, WireError
from router.providers.transport.message import Message, written
from router.providers.transport.pool import Pool
from router.providers.transport.target import Target
from router.providers.transport.trust import trust

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, AsyncIterator, Iterator

    from router.providers.transport.answer import Answer

PORTS = {"http": 80, "https": 443}
MOST_TARGETS = 1000
DIGITS = 18
OTHER_LENGTH = "the body is of another length than its head announces"
KINDS: dict[type[WireError], type[httpx.TransportError]] = {
    failures.ConnectTooSlow: httpx.ConnectTimeout,
    failures.CannotConnect: httpx.ConnectError,
    failures.Refused: httpx.ConnectError,
    failures.Hangup: httpx.RemoteProtocolError,
    failures.CutOff: httpx.RemoteProtocolError,
    failures.NotHttp: httpx.RemoteProtocolError,
    failures.Lost: httpx.ReadError,
    failures.Unsendable: httpx.LocalProtocolError,
    failures.TooSlow: httpx.ReadTimeout,
}
# Those that httpx's own transport has words for.
WORDS: dict[type[WireError], str] = {
    failures.Hangup: "Server disconnected without sending a response.",
    failures.CutOff: "peer closed connection without sending complete message body",
}


class FastTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 without proxies, for any `httpx.AsyncClient`: `httpx.AsyncClient(transport=FastTransport())`.

    It keeps every connection for a while and bounds their number by nothing: bound the requests. The client's
    timeouts `connect` and `read` hold; `pool` and `write` have no meaning here. It serves any number of event loops.

    Args:
        verify: Whether certificates are checked, or what checks them.
        uds: A unix socket to connect to, whatever the address says.
        keep_alive: Seconds that an idle connection is kept.
    """

    # Mutable: the targets by address.

    def __init__(
        self,
        verify: ssl.SSLContext | bool = True,  # noqa: FBT001, FBT002 - as httpx's own
        *,
        uds: str | None = None,
        keep_alive: float = KEEP_ALIVE,
    ) -> None:
        self._verify = verify
        self._socket = uds
        self._targets: dict[tuple[object, ...], Target] = {}
        self._pools = PerLoop(lambda: Pool(keep_alive), Pool.close)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its answer is read as it is wanted.

        Raises:
            httpx.TransportError: It failed.
        """
        pool = self._pools.here() or await self._pools.enter()
        times = request.extensions.get("timeout", {})
        read = times.get("read")
        with as_httpx(request):
            answer = await pool.exchange(self._target(request), _message(request), times.get("connect"), read)
        return httpx.Response(
            answer.status,
            headers=answer.fields,
            stream=_Body(answer, read, request),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Close the connections of all loops; it may be used again afterwards."""
        await self._pools.close()

    def _target(self, request: httpx.Request) -> Target:
        url = request.url
        name = request.extensions.get("sni_hostname")
        trace = request.extensions.get("trace")
        guard = trace if isinstance(trace, Guard) else None  # a router's, whose client carries this transport
        key = (url.scheme, url.host, url.port, name, guard)
        found = self._targets.get(key)
        if found is not None:
            return found
        if url.scheme not in PORTS or not url.host:
            raise httpx.UnsupportedProtocol(
                f"{url.scheme!r} is no protocol of this transport", request=request
            )
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()  # idle connections to them end by themselves
        host = url.raw_host.decode("ascii")
        tls = self._trust if url.scheme == "https" else None
        shown = str(name or host) if tls is not None else None
        port = url.port or PORTS[url.scheme]
        found = self._targets[key] = Target(host, port, self._socket, tls, shown, guard)
        return found

    def _trust(self) -> ssl.SSLContext:
        return trust(verify=self._verify) if isinstance(self._verify, bool) else self._verify


class _Body(httpx.AsyncByteStream):
    """A body as it arrives; closing it early closes the connection."""

    def __init__(self, answer: Answer, read_seconds: float | None, request: httpx.Request) -> None:
        self._answer = answer
        self._seconds = read_seconds
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with as_httpx(self._request):
            while (part := await self._answer.take(self._seconds)) is not None:
                yield part

    async def aclose(self) -> None:
        self._answer.leave()


@contextmanager
def as_httpx(request: httpx.Request) -> Iterator[None]:
    """Raise what fails as httpx's own transport would."""
    try:
        yield
    except WireError as error:
        kind = type(error)
        raise KINDS[kind](WORDS.get(kind, str(error)), request=request) from error


def _message(request: httpx.Request) -> Message:
    """Return a request as bytes; its head and its body say the same of where it ends.

    Raises:
        Unsendable: They do not, and what follows would be read as another request.
    """
    stream = request.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise RuntimeError("an async request needs an async stream")  # noqa: TRY004 - httpx's own words and kind
    length = _length(request.headers)
    fields = request.headers.raw
    if length is None:
        fields = [field for field in fields if field[0].lower() != b"content-length"]
    head = written(request.method.encode("ascii"), request.url.raw_path, fields)
    bodiless = request.method == "HEAD"
    if length is None:
        return Message(head, b"", _chunked(stream), bodiless=bodiless)
    if isinstance(stream, httpx.ByteStream):  # all of it is there; that of a redirect is not told as content
        body = b"".join(stream)
        if len(body) != length:
            raise Unsendable(OTHER_LENGTH)
        return Message(head, body, bodiless=bodiless)
    return Message(head, b"", _measured(stream, length), bodiless=bodiless)


def _length(headers: httpx.Headers) -> int | None:
    """Return the bytes of the body that a head announces; None where it comes in chunks.

    Raises:
        Unsendable: It announces something else.
    """
    encoding = headers.get("transfer-encoding")
    if encoding is not None:
        if encoding.strip().lower() != "chunked":
            raise Unsendable("a body is sent in chunks or with its length, and in no other encoding")
        return None
    length = headers.get("content-length", "0").strip()
    if not (length.isascii() and length.isdecimal() and len(length) <= DIGITS):
        raise Unsendable("the length of the body is no number")
    return int(length)


async def _measured(stream: AsyncIterable[bytes], length: int) -> AsyncIterator[bytes]:
    """Hand a body on that must be of a length."""
    left = length
    async for part in stream:
        left -= len(part)
        if left < 0:
            raise Unsendable(OTHER_LENGTH)
        yield part
    if left:
        raise Unsendable(OTHER_LENGTH)


async def _chunked(stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Frame the parts of a body whose length nobody knows."""
    async for part in stream:
        if part:
            yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"
