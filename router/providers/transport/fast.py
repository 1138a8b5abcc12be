"""Sends to one endpoint over the pool; no task is made for a request, and a cancelled one leaves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpx

from router.core.errors import CallFailed, ConnectFailed, MalformedResponse, ResponseTooLarge
from router.providers import _transport
from router.providers._guard import guard_of
from router.providers._per_loop import PerLoop
from router.providers._transport import BODY_CAP, SOCKET_BASE, place
from router.providers.transport.failures import WireError, failed
from router.providers.transport.message import Message, head_of
from router.providers.transport.pool import Pool
from router.providers.transport.target import Target
from router.providers.transport.trust import trust

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType

    from router.core.request import Endpoint
    from router.providers._transport import HttpRequest
    from router.providers.transport.answer import Answer

HEADS = 64  # heads that are kept ready
LINGER = 0.05
HTTPS = 443
HTTP = 80
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
        self._heads: dict[tuple[object, ...], bytes] = {}
        self._pools = PerLoop(lambda: Pool(_transport.KEEP_ALIVE), Pool.close)

    def open(self, request: HttpRequest) -> _Sending:
        """Send; entering waits for the head, leaving frees the connection. Raises `CallFailed` only."""
        return _Sending(self, request)

    async def close(self) -> None:
        """Close the connections of all loops; it may be opened again afterwards."""
        await self._pools.close()

    async def send(self, request: HttpRequest) -> Answer:
        """Return the answer, of which the head is there.

        Raises:
            CallFailed: It failed; nothing is left of it.
        """
        pool = self._pools.here() or await self._pools.enter()
        target = self._target or self._aim()
        try:
            answer = await pool.exchange(target, self._message(request), self._endpoint.timeouts.connect)
        except WireError as error:
            failure = failed(self._where, error, begun=False)
        else:
            return answer
        raise failure

    def failed(self, error: WireError) -> CallFailed:
        """Return what an answer that breaks off is."""
        return failed(self._where, error, begun=True)

    def inspect(self, headers: Mapping[str, str]) -> None:
        """Refuse an answer whose head says that it is none of ours.

        Raises:
            MalformedResponse: It has an encoding.
            ResponseTooLarge: It is over the cap.
        """
        encoding = headers.get("content-encoding")
        if encoding is not None and encoding.strip().lower() not in ("", "identity"):
            raise MalformedResponse(
                f"{self._where} used an encoding that was not asked for: {encoding.strip().lower()[:20]!r}"
            )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > _transport.BODY_CAP:
            raise ResponseTooLarge(f"{self._where} announced more than {_transport.BODY_CAP} bytes")

    def too_large(self) -> ResponseTooLarge:
        """Return that an answer turned out to be over the cap."""
        return ResponseTooLarge(f"{self._where} sent more than {_transport.BODY_CAP} bytes")

    def _message(self, request: HttpRequest) -> Message:
        """Return the request as bytes; the head of one that looks the same is taken from the last time."""
        key = (request.method, request.path, request.rooted, *request.headers.items())
        if key not in self._heads:
            if len(self._heads) >= HEADS:
                self._heads.clear()
            self._heads[key] = self._head(request)
        size = len(request.body)
        bodiless = request.method == "HEAD"
        if not size and request.method in WITHOUT_BODY:
            return Message(self._heads[key] + b"\r\n", b"", bodiless=bodiless)
        return Message(
            b"%bcontent-length: %d\r\n\r\n" % (self._heads[key], size), request.body, bodiless=bodiless
        )

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
        settings = self._endpoint.settings
        ca = settings.get("ca")
        try:
            tls = (
                trust(str(ca) if ca else None, verify=settings.get("verify") is not False) if secure else None
            )
        except (OSError, ValueError) as error:
            raise ConnectFailed(
                f"{self._where}: the settings proxy, ca and verify do not work: {error}"
            ) from error
        guard = guard_of(self._endpoint, self._where)
        port = url.port or (HTTPS if secure else HTTP)
        self._target = Target(host, port, self._socket, tls, host if secure else None, guard)
        return self._target


class _Sending:
    """One exchange: entering sends, leaving frees."""

    __slots__ = ("_answer", "_request", "_transport")

    def __init__(self, transport: PooledTransport, request: HttpRequest) -> None:
        self._transport = transport
        self._request = request
        self._answer: Answer | None = None

    async def __aenter__(self) -> _Response:
        answer = self._answer = await self._transport.send(self._request)
        try:
            self._transport.inspect(answer.headers)
        except CallFailed:
            answer.leave()
            raise
        return _Response(self._transport, answer)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._answer is not None:
            self._answer.leave()


class _Response:
    """An answer as adapters see it."""

    __slots__ = ("_answer", "_read", "_transport", "headers", "status")

    def __init__(self, transport: PooledTransport, answer: Answer) -> None:
        self._transport = transport
        self._answer = answer
        self._read = 0
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers

    async def read(self, limit: int = BODY_CAP) -> bytes:
        """Return the first `limit` bytes of the body at most."""
        first = await self._take()
        if first is None:
            return b""
        if len(first) >= limit:
            return first[:limit]
        if self._answer.spent:
            return first
        body = bytearray(first)
        while len(body) < limit and (part := await self._take()) is not None:
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
        part = await self._take()
        if part is None:
            raise StopAsyncIteration
        return part

    async def _take(self) -> bytes | None:
        try:
            part = await self._answer.take()
        except WireError as error:
            failure = self._transport.failed(error)
        else:
            if part is not None:
                self._read += len(part)
                if self._read > _transport.BODY_CAP:
                    raise self._transport.too_large()
            return part
        raise failure
