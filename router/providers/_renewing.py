"""httpx's transport, made anew when what is trusted or shown changes; what is under way goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    from router.providers.transport.trust import Trust


class _Made:
    """One transport, the context it was made for, and how many answers of it are under way."""

    __slots__ = ("context", "running", "transport")

    def __init__(self, context: ssl.SSLContext, transport: httpx.AsyncBaseTransport) -> None:
        self.context = context
        self.transport = transport
        self.running = 0


class RenewingTransport(httpx.AsyncBaseTransport):
    """Sends over the transport of the files as they are; one that is outdated is closed behind its last answer.

    Args:
        trust: What is trusted and shown.
        make: Makes a transport for it.
    """

    # Mutable: the transports, the last one is the newest; it belongs to one event loop.

    def __init__(self, trust: Trust, make: Callable[[ssl.SSLContext], httpx.AsyncBaseTransport]) -> None:
        self._trust = trust
        self._make = make
        context = trust.now()
        self._made = [_Made(context, make(context))]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.TransportError: It failed.
        """
        made = await self._newest()
        made.running += 1
        try:
            response = await made.transport.handle_async_request(request)
        except BaseException:
            await self._ended(made)
            raise

        async def end() -> None:
            await self._ended(made)

        response.stream = _Stream(cast("httpx.AsyncByteStream", response.stream), end)
        return response

    async def aclose(self) -> None:
        """Close all of them."""
        for each in self._made:
            await each.transport.aclose()

    async def _newest(self) -> _Made:
        context = self._trust.now()
        last = self._made[-1]
        if context is last.context:
            return last
        made = _Made(context, self._make(context))
        self._made.append(made)
        if not last.running:
            await self._retire(last)
        return made

    async def _ended(self, made: _Made) -> None:
        made.running -= 1
        if not made.running and made is not self._made[-1]:
            await self._retire(made)

    async def _retire(self, made: _Made) -> None:
        self._made.remove(made)
        await made.transport.aclose()


class _Stream(httpx.AsyncByteStream):
    """A body that tells when it is closed, once."""

    def __init__(self, inner: httpx.AsyncByteStream, end: Callable[[], Awaitable[None]]) -> None:
        self._inner = inner
        self._end: Callable[[], Awaitable[None]] | None = end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            yield part

    async def aclose(self) -> None:
        end, self._end = self._end, None
        try:
            await self._inner.aclose()
        finally:
            if end is not None:
                await end()
