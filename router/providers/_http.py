"""The transport over httpx, and the choice between it and the fast one."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

import httpx

from router.core.carrier import carrier
from router.core.errors import (
    CallFailed,
    ConfigError,
    ConnectFailed,
    InvalidRequest,
    MalformedResponse,
    ResponseTooLarge,
)
from router.core.secret import Secret
from router.providers import _transport
from router.providers._guard import guard_of
from router.providers._http_failures import FOREIGN, failure
from router.providers._per_loop import PerLoop
from router.providers._pump import Pump
from router.providers._quiet import hush, quiet
from router.providers._renewing import RenewingTransport
from router.providers._transport import BODY_CAP, SOCKET_BASE, place
from router.providers.transport.trust import USELESS, Trust

if TYPE_CHECKING:
    import ssl
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Generator,
        Mapping,
    )

    from router.core.request import Endpoint
    from router.providers._transport import HttpRequest, Transport

_SENDABLE = re.compile(r"[\x20-\x7e\t]*\Z")


def transport_for(endpoint: Endpoint, http: object | None = None) -> Transport:
    """Return what sends to an endpoint; the one place that chooses.

    Args:
        endpoint: Gives address, connect timeout and the settings `transport`, `proxy`, `ca`, `cert` and `verify`.
        http: What carries the bytes, used as it is and never closed: a `Transport`, an `httpx.AsyncClient` or an
            `httpx.AsyncBaseTransport`; or None.

    Raises:
        ConfigError: The endpoint names a transport that cannot serve it.
    """
    if http is not None and hasattr(http, "open"):
        return cast("Transport", http)
    if isinstance(http, httpx.AsyncBaseTransport):
        http = httpx.AsyncClient(transport=http, trust_env=False, cookies=_no_cookies())
    chosen = carrier(endpoint)
    if http is None and chosen.trouble is not None:
        raise ConfigError(f"endpoint `{endpoint.name}`: {chosen.trouble}")
    if http is None and chosen.name == "fast":
        from router.providers.transport.fast import PooledTransport  # noqa: PLC0415 - it needs an extra

        return PooledTransport(endpoint)
    return HttpxTransport(endpoint, cast("httpx.AsyncClient | None", http))


class HttpxTransport:
    """Sends with one `httpx.AsyncClient` per event loop.

    Args:
        endpoint: Where to send.
        client: A client to use as it is, and never to close, or None.
    """

    def __init__(self, endpoint: Endpoint, client: httpx.AsyncClient | None = None) -> None:
        self._endpoint = endpoint
        self._where = place(endpoint)
        self._given = client
        self._clients = PerLoop(self._build, httpx.AsyncClient.aclose)
        self._socket = endpoint.url.removeprefix("unix:") if endpoint.url.startswith("unix:") else None
        self._base = SOCKET_BASE.get(endpoint.kind, "http://localhost/v1") if self._socket else endpoint.url
        self._root = "{0.scheme}://{0.netloc}".format(urlsplit(self._base))
        guard = guard_of(endpoint, self._where)
        self._extensions = {"trace": guard} if guard is not None else {}
        hush()

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[_Answer]:
        """Send; entering waits for the head, leaving frees the connection. Raises `CallFailed` only."""
        client = self._given or self._clients.here() or await self._clients.enter()

        async def produce(emit: Callable[[httpx.Response | bytes], Awaitable[None]]) -> None:
            failed = await self._failure(client, request, emit)
            if failed is not None:
                raise failed

        async with Pump(produce) as pump:
            head = await pump.take()
            yield _Answer(cast("httpx.Response", head), pump)

    async def close(self) -> None:
        """Close the clients of all loops, each on its own; it may be opened again afterwards."""
        await self._clients.close()

    async def _failure(
        self,
        client: httpx.AsyncClient,
        request: HttpRequest,
        emit: Callable[[httpx.Response | bytes], Awaitable[None]],
    ) -> CallFailed | None:
        """Exchange, and return how the library failed: raised from here, it would hold the library's frames."""
        begun = False

        async def told(item: httpx.Response | bytes) -> None:
            nonlocal begun
            begun = True
            await emit(item)

        try:
            with quiet():
                await self._exchange(client, request, told)
        except FOREIGN as error:
            return failure(self._where, error, begun=begun)
        return None

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        request: HttpRequest,
        emit: Callable[[httpx.Response | bytes], Awaitable[None]],
    ) -> None:
        sent = client.build_request(
            request.method,
            (self._root if request.rooted else self._base) + request.path,
            content=request.body,
            headers={"accept-encoding": "identity"},
            timeout=httpx.Timeout(None, connect=self._endpoint.timeouts.connect),
            extensions=self._extensions,
        )
        auth = _Reveal(request.headers, self._where)
        response = await client.send(sent, auth=auth, stream=True, follow_redirects=False)
        try:
            self._inspect(response)
            await emit(response)
            size = 0
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > _transport.BODY_CAP:
                    raise ResponseTooLarge(f"{self._where} sent more than {_transport.BODY_CAP} bytes")
                await emit(chunk)
        finally:
            await response.aclose()

    def _inspect(self, response: httpx.Response) -> None:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise MalformedResponse(
                f"{self._where} used an encoding that was not asked for: {encoding[:20]!r}"
            )
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > _transport.BODY_CAP:
            raise ResponseTooLarge(f"{self._where} announced more than {_transport.BODY_CAP} bytes")

    def _build(self) -> httpx.AsyncClient:
        try:
            transport = self._carried()
        except (OSError, ValueError) as error:
            raise ConnectFailed(f"{self._where}: {USELESS}: {error}") from error
        return httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            cookies=_no_cookies(),
        )

    def _carried(self) -> httpx.AsyncBaseTransport:
        settings = self._endpoint.settings
        if not (self._base.startswith("https:") or settings.get("proxy")):
            return self._trusting(verify=False)
        trust = Trust(settings)
        if trust.has_files:
            return RenewingTransport(trust, lambda context: self._trusting(verify=context))
        return self._trusting(verify=trust.now())

    def _trusting(self, *, verify: ssl.SSLContext | bool) -> httpx.AsyncHTTPTransport:
        proxy = self._endpoint.settings.get("proxy")
        return httpx.AsyncHTTPTransport(
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=None,
                keepalive_expiry=_transport.KEEP_ALIVE,
            ),
            proxy=str(proxy) if proxy else None,
            uds=self._socket,
        )


def _no_cookies() -> CookieJar:
    """Return a jar that keeps none."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


class _Answer:
    """An answer whose body a pump brings."""

    def __init__(self, response: httpx.Response, pump: Pump[httpx.Response | bytes]) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._pump = pump

    async def read(self, limit: int = BODY_CAP) -> bytes:
        """Return the first `limit` bytes of the body at most."""
        body = bytearray()
        async for chunk in self:
            body += chunk
            if len(body) >= limit:
                break
        return bytes(body[:limit])

    def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body as it arrives."""
        return self

    async def linger(self) -> None:
        """Wait a moment for the end of the body."""
        await self._pump.linger()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._pump.take()
        if chunk is None:
            raise StopAsyncIteration
        return cast("bytes", chunk)


class _Reveal(httpx.Auth):
    """Writes the header fields at the last moment, so that no client and no repr ever holds a secret."""

    def __init__(self, headers: Mapping[str, str | Secret], where: str) -> None:
        self._headers = headers
        self._where = where

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for name, value in self._headers.items():
            # No variable holds what is revealed: tracebacks may show the variables of a frame.
            if not _SENDABLE.match(_plain(value)):
                raise InvalidRequest(f"{self._where}: the header {name!r} has characters that cannot be sent")
            request.headers[name] = _plain(value)
        yield request


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
