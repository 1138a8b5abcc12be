"""The transport over httpx; besides `_http_failures`, no other module knows an HTTP library."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

import httpx

from router.core.errors import (
    CallFailed,
    ConnectFailed,
    InvalidRequest,
    MalformedResponse,
    ResponseTooLarge,
)
from router.core.secret import Secret
from router.providers._guard import Guard
from router.providers._http_failures import FOREIGN, failure
from router.providers._pump import Pump
from router.providers._quiet import hush, quiet
from router.providers._transport import BODY_CAP, place

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Generator,
        Mapping,
    )

    from router.core.request import Endpoint
    from router.providers._transport import HttpRequest, Transport

# Seconds that an idle connection is kept: llama.cpp and uvicorn close theirs after five, and who sends at that
# moment loses the request.
KEEP_ALIVE = 4.0
ELSEWHERE = 1.0  # seconds that closing waits for a loop of another thread
_SENDABLE = re.compile(r"[\x20-\x7e\t]*\Z")


def transport_for(endpoint: Endpoint, http: object | None = None) -> Transport:
    """Return what sends to an endpoint.

    Args:
        endpoint: Gives address, connect timeout and the settings `proxy`, `ca` and `verify`.
        http: A `Transport` or an `httpx.AsyncClient`, used as it is and never closed, or None.
    """
    if http is not None and hasattr(http, "open"):
        return cast("Transport", http)
    return HttpxTransport(endpoint, cast("httpx.AsyncClient | None", http))


@dataclass(frozen=True, slots=True, eq=False)
class _Lease:
    """A client, and the generator that closes it."""

    client: httpx.AsyncClient
    lifetime: AsyncGenerator[None, None]


class HttpxTransport:
    """Sends with one `httpx.AsyncClient` per event loop.

    Args:
        endpoint: Where to send.
        client: A client to use as it is, and never to close, or None.
    """

    # Mutable: `_leases`, one per loop that is alive, guarded by `_lock`.

    def __init__(self, endpoint: Endpoint, client: httpx.AsyncClient | None = None) -> None:
        self._endpoint = endpoint
        self._where = place(endpoint)
        self._given = client
        self._lock = threading.Lock()
        self._leases: dict[asyncio.AbstractEventLoop, _Lease] = {}
        self._socket = endpoint.url.removeprefix("unix:") if endpoint.url.startswith("unix:") else None
        self._base = "http://localhost/v1" if self._socket else endpoint.url
        self._root = "{0.scheme}://{0.netloc}".format(urlsplit(self._base))
        guarded = endpoint.locality == "remote" and not self._socket
        self._extensions = {"trace": Guard(self._where, endpoint.timeouts.connect)} if guarded else {}
        hush()

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[_Answer]:
        """Send; entering waits for the head, leaving frees the connection. Raises `CallFailed` only."""
        client = self._given or await self._client()

        async def produce(emit: Callable[[httpx.Response | bytes], Awaitable[None]]) -> None:
            failed = await self._failure(client, request, emit)
            if failed is not None:
                raise failed

        async with Pump(produce) as pump:
            head = await pump.take()
            yield _Answer(cast("httpx.Response", head), pump)

    async def close(self) -> None:
        """Close the clients of all loops, each on its own; it may be opened again afterwards."""
        with self._lock:
            leases = dict(self._leases)
        for loop, lease in leases.items():
            if loop is asyncio.get_running_loop():
                await lease.lifetime.aclose()
            elif loop.is_running():
                await _close_on(loop, lease.lifetime)

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
                if size > BODY_CAP:
                    raise ResponseTooLarge(f"{self._where} sent more than {BODY_CAP} bytes")
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
        if length.isdecimal() and int(length) > BODY_CAP:
            raise ResponseTooLarge(f"{self._where} announced more than {BODY_CAP} bytes")

    async def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop in self._leases:
                return self._leases[loop].client
            self._leases = {old: lease for old, lease in self._leases.items() if not old.is_closed()}
            client = self._build()
            lease = self._leases[loop] = _Lease(client, self._lifetime(loop, client))
        await anext(lease.lifetime)
        return client

    async def _lifetime(
        self, loop: asyncio.AbstractEventLoop, client: httpx.AsyncClient
    ) -> AsyncGenerator[None, None]:
        """Hold a loop's client: a loop that shuts down ends its generators, and so closes the client."""
        try:
            yield
        finally:
            with self._lock:
                self._leases.pop(loop, None)
            await client.aclose()

    def _build(self) -> httpx.AsyncClient:
        proxy = self._endpoint.settings.get("proxy")
        try:
            transport = httpx.AsyncHTTPTransport(
                verify=self._trust(),
                trust_env=False,
                limits=httpx.Limits(
                    max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_ALIVE
                ),
                proxy=str(proxy) if proxy else None,
                uds=self._socket,
            )
        except (OSError, ValueError) as error:
            raise ConnectFailed(
                f"{self._where}: the settings proxy, ca and verify do not work: {error}"
            ) from error
        return httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # keeps none
        )

    def _trust(self) -> ssl.SSLContext | bool:
        settings = self._endpoint.settings
        if settings.get("verify") is False or not (self._base.startswith("https:") or settings.get("proxy")):
            return False
        ca = settings.get("ca")
        return ssl.create_default_context(cafile=str(ca)) if ca else True


async def _close_on(loop: asyncio.AbstractEventLoop, lifetime: AsyncGenerator[None, None]) -> None:
    """Close a client on its own loop, which may be stuck, or end at this moment and so close it itself."""

    async def close() -> None:
        with suppress(RuntimeError):  # it is being closed already
            await lifetime.aclose()

    closing = close()
    try:
        ended = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(closing, loop))
    except RuntimeError:  # the loop is closed by now
        closing.close()
    else:
        await asyncio.wait({ended}, timeout=ELSEWHERE)


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
