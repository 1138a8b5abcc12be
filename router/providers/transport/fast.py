"""Sends to one endpoint over the pool; no task is made for a request, and a cancelled one leaves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpx

from router.core.errors import ConnectFailed, MalformedResponse, ResponseTooLarge
from router.providers import _transport
from router.providers._guard import guard_of
from router.providers._per_loop import PerLoop
from router.providers._transport import BODY_CAP, SOCKET_BASE, place
from router.providers.transport.failures import WireError, failed
from router.providers.transport.message import Message, head_of
from router.providers.transport.pool import Pool
from router.providers.transport.target import Target
from router.providers.transport.trust import USELESS, Trust

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping
    from types import TracebackType

    from router.core.errors import CallFailed
    from router.core.request import Endpoint
    from router.core.secret import Secret
    from router.providers._transport import HttpRequest
    from router.providers.transport.answer import Answer

HEADS = 64  # heads that are kept ready
LINGER = 0.05
HTTPS = 443
HTTP = 80
NO_HEAD = (None, b"")
WITHOUT_BODY = frozenset(("GET", "HEAD"))


class PooledTransport:
    """Sends to an endpoint; see `router.providers._transport.Transport`.

    Args:
        endpoint: Where to send.
    """

    # Mutable: the target, made with the first request, and the heads, which are only added to and cleared.

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._where = place(endpoint)
        self._socket = endpoint.url.removeprefix("unix:") if endpoint.url.startswith("unix:") else None
        self._base = SOCKET_BASE.get(endpoint.kind, "http://localhost/v1") if self._socket else endpoint.url
        self._root = "{0.scheme}://{0.netloc}".format(urlsplit(self._base))
        self._target: Target | None = None
        self._heads: dict[tuple[object, ...], tuple[Mapping[str, str | Secret], bytes]] = {}
        self._pools = PerLoop(lambda: Pool(_transport.KEEP_ALIVE), Pool.close)

    def open(self, request: HttpRequest) -> _Sending:
        """Send; entering waits for the head, leaving frees the connection. Raises `CallFailed` only."""
        return _Sending(self, request)

    async def close(self) -> None:
        """Close the connections of all loops; it may be opened again afterwards."""
        await self._pools.close()

    async def send(self, sending: _Sending) -> _Sending:
        """Send a request, and wait for the head of its answer.

        Raises:
            CallFailed: It failed; nothing is left of it.
        """
        pool = self._pools.here() or await self._pools.enter()
        target, seconds = self._target or self._aim(), self._endpoint.timeouts.connect
        try:
            answer = await pool.exchange(target, self._message(sending.request), seconds)
        except WireError as error:
            failure = failed(self._where, error, begun=False)
        else:
            self._inspect(answer)
            sending.begin(answer)
            return sending
        raise failure

    def failed(self, error: WireError) -> CallFailed:
        """Return what an answer that breaks off is."""
        return failed(self._where, error, begun=True)

    def _inspect(self, answer: Answer) -> None:
        """Refuse an answer whose head says that it is none of ours, and leave it.

        Raises:
            MalformedResponse: It has an encoding.
            ResponseTooLarge: It is over the cap.
        """
        encoding = answer.headers.get("content-encoding")
        if encoding is not None and encoding.strip().lower() not in ("", "identity"):
            answer.leave()
            raise MalformedResponse(
                f"{self._where} used an encoding that was not asked for: {encoding.strip().lower()[:20]!r}"
            )
        length = answer.headers.get("content-length", "")
        if length.isdecimal() and int(length) > _transport.BODY_CAP:
            answer.leave()
            raise ResponseTooLarge(f"{self._where} announced more than {_transport.BODY_CAP} bytes")

    def too_large(self) -> ResponseTooLarge:
        """Return that an answer turned out to be over the cap."""
        return ResponseTooLarge(f"{self._where} sent more than {_transport.BODY_CAP} bytes")

    def _message(self, request: HttpRequest) -> Message:
        """Return the request as bytes; the head of one that looks the same is taken from the last time."""
        key = (id(request.headers), request.method, request.path, request.rooted)
        fields, head = self._heads.get(key, NO_HEAD)
        if fields != request.headers:  # others, or changed since
            if len(self._heads) >= HEADS:
                self._heads.clear()
            head = self._head(request)
            self._heads[key] = (dict(request.headers), head)
        size = len(request.body)
        bodiless = request.method == "HEAD"
        if not size and request.method in WITHOUT_BODY:
            return Message(head + b"\r\n", b"", bodiless=bodiless)
        return Message(b"%bcontent-length: %d\r\n\r\n" % (head, size), request.body, bodiless=bodiless)

    def _head(self, request: HttpRequest) -> bytes:
        url = self._url((self._root if request.rooted else self._base) + request.path)
        return head_of(url, request.method, request.headers, self._where)

    def _url(self, text: str) -> httpx.URL:
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, UnicodeError):
            raise ConnectFailed(f"{self._where} has no usable address") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise ConnectFailed(f"{self._where} has no usable address")
        return url

    def _aim(self) -> Target:
        """Return where connections lead."""
        url = self._url(self._base)
        secure = url.scheme == "https"
        host = url.raw_host.decode("ascii")
        trust = Trust(self._endpoint.settings) if secure else None
        try:
            tls = None if trust is None else trust.looked_at()
        except (OSError, ValueError) as error:
            raise ConnectFailed(f"{self._where}: {USELESS}: {error}") from error
        guard = guard_of(self._endpoint, self._where)
        port = url.port or (HTTPS if secure else HTTP)
        self._target = Target(host, port, self._socket, tls, host if secure else None, guard)
        return self._target


class _Sending:
    """One exchange: entering sends, leaving frees; entered, it is the answer as adapters see it."""

    __slots__ = ("_answer", "_read", "_transport", "headers", "request", "status")

    def __init__(self, transport: PooledTransport, request: HttpRequest) -> None:
        self._transport = transport
        self.request = request
        self._read = 0

    def begin(self, answer: Answer) -> None:
        """Take over an answer of which the head is there."""
        self._answer = answer
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers

    def __aenter__(self) -> Coroutine[object, None, _Sending]:
        return self._transport.send(self)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._answer.leave()

    def whole(self) -> bytes | None:
        """Return the body if all of it is there already; see `router.providers._transport.Prompt`."""
        answer = self._answer
        return self._measured(answer.arrived()) if answer.over and answer.error is None else None

    async def read(self, limit: int = BODY_CAP) -> bytes:
        """Return the first `limit` bytes of the body at most."""
        body = bytearray()
        while len(body) < limit and (part := await anext(self, None)) is not None:
            if not body and self._answer.spent:
                return part[:limit]
            body += part
        return bytes(body[:limit])

    def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body as it arrives."""
        return self

    async def linger(self) -> None:
        """Wait a moment for the end of the body."""
        if not self._answer.over:
            await self._answer.linger(LINGER)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await self._answer.take()
        except WireError as error:
            failure = self._transport.failed(error)
        else:
            if part is None:
                raise StopAsyncIteration
            return self._measured(part)
        raise failure

    def _measured(self, part: bytes) -> bytes:
        """Hand on what came of the body.

        Raises:
            ResponseTooLarge: It is over the cap now.
        """
        self._read += len(part)
        if self._read > _transport.BODY_CAP:
            raise self._transport.too_large()
        return part
