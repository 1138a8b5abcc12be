"""One request to a chat API over HTTP and its answer, streamed or whole; what differs between APIs is left open."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from router.core.errors import (
    CallFailed,
    InvalidRequest,
    MalformedResponse,
    ModelLoading,
    StreamInterrupted,
)
from router.core.events import TextDelta
from router.core.secret import Secret
from router.providers._errors import error_for_status
from router.providers._http import transport_for
from router.providers._openai_wire import has_image
from router.providers._source import Source
from router.providers._sse import SseParser
from router.providers._transport import HttpRequest, place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from router.core.events import Delta, Done, Event, Garbled
    from router.core.port import Vitality
    from router.core.request import Endpoint, Request
    from router.providers._transport import HttpResponse

ERROR_CAP = 8 * 1024
ERROR_SECONDS = 5.0
USAGE_GRACE = 0.2
LOADING_STATUS = 503
BROKEN_STATUS = 500
# What a comment in a stream says: the endpoint has nothing to add yet, and is not stuck.
ALIVE = TextDelta("")


class Decoder(Protocol):
    """Takes in one answer, streamed or whole, and tells when it is over. It raises `CallFailed` only."""

    @property
    def finished(self) -> bool:
        """Whether the reason of the end is known; only the usage may still come."""
        ...

    @property
    def over(self) -> bool:
        """Whether nothing more can come."""
        ...

    def feed_text(self, text: str) -> list[Delta]:
        """Take in the data of one event."""
        ...

    def feed_event(self, text: str) -> list[Delta | Garbled]:
        """Take in the data of one event of a stream; one that cannot be read does not end an answer that has begun."""
        ...

    def feed_whole(self, text: str) -> list[Delta]:
        """Take in the JSON of an answer that comes in one piece, with which it is over."""
        ...

    def end(self) -> Done:
        """Return the closing event."""
        ...


class ChatProvider(ABC):
    """One endpoint with a chat API.

    Args:
        endpoint: Where to send.
        http: A `Transport` or an `httpx.AsyncClient` to send with, used as it is and never closed, or None.
    """

    # The path that lists the models, below the endpoint's address: it costs nothing and needs no prompt.
    _models_path = "/models"

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        self._transport = transport_for(endpoint, http)
        secrets = [value for value in endpoint.headers.values() if isinstance(value, Secret)]
        self._source = Source(place(endpoint), (*endpoint.keys, *secrets))
        fixed: dict[str, str | Secret] = {"content-type": "application/json"}
        tokens = [dict(self._credential(key)) for key in endpoint.keys]
        # One set of header fields for each credential.
        self._headers = [{**fixed, **token, **endpoint.headers} for token in (tokens or [{}])]
        self._health = endpoint.health

    @abstractmethod
    def _credential(self, key: Secret) -> Mapping[str, Secret]:
        """Return the header field that carries a key."""

    @abstractmethod
    def _path(self, request: Request) -> str:
        """Return the path that a request goes to, below the endpoint's address."""

    @abstractmethod
    def _body(self, request: Request) -> Mapping[str, Any]:
        """Return what is sent, as the API writes it.

        Raises:
            CallFailed: The API has no place for something the request carries.
        """

    @abstractmethod
    def _decoder(self, source: Source, request: Request) -> Decoder:
        """Return what reads the answer to a request."""

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Send one request; see `router.core.port.Provider`."""
        accept = "text/event-stream" if request.stream else "application/json"
        sent = HttpRequest(
            "POST",
            self._path(request),
            {**self._headers[request.key], "accept": accept},
            self._encode(request),
        )
        async with self._transport.open(sent) as response:
            if not 200 <= response.status < 300:  # noqa: PLR2004
                raise await self._refusal(response, request)
            decoder = self._decoder(self._source.asked(request.messages), request)
            async with aclosing(self._events(response, decoder, request)) as events:
                yield events
            if decoder.over:
                await response.linger()

    async def probe(self) -> Vitality:
        """Ask how the server is, without a prompt; see `router.core.port.Provider`."""
        path = self._health.probe if self._health is not None else None
        sent = HttpRequest("GET", path or self._models_path, self._headers[0], rooted=path is not None)
        try:
            async with self._transport.open(sent) as response:
                if response.status != LOADING_STATUS:
                    return "up" if response.status < BROKEN_STATUS else "down"
                error = await self._refusal(response, None)
        except CallFailed:
            return "down"
        return "loading" if isinstance(error, ModelLoading) else "down"

    async def close(self) -> None:
        """Close the connections; it may be opened again afterwards."""
        await self._transport.close()

    def _encode(self, request: Request) -> bytes:
        try:
            body = json.dumps(self._body(request), ensure_ascii=False, allow_nan=False)
            return body.encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest(f"{self._source.where}: the request cannot be written as JSON") from error

    async def _refusal(self, response: HttpResponse, request: Request | None) -> CallFailed:
        body = b""
        try:
            async with asyncio.timeout(ERROR_SECONDS):
                body = await response.read(ERROR_CAP)
        except (CallFailed, TimeoutError):
            body = b""  # the status says enough
        image = request is not None and has_image(request)
        source = self._source if request is None else self._source.asked(request.messages)
        return error_for_status(source, response.status, response.headers, body, has_image=image)

    async def _events(
        self, response: HttpResponse, decoder: Decoder, request: Request
    ) -> AsyncGenerator[Event, None]:
        known = self._source.request_id(response.headers)
        try:
            if _is_stream(response.headers, asked=request.stream, where=self._source.where):
                async with aclosing(self._read_stream(response, decoder)) as events:
                    async for event in events:
                        yield event
            else:
                body = await response.read()
                for event in decoder.feed_whole(body.decode("utf-8", "replace")):
                    yield event
            yield replace(decoder.end(), request_id=known)
        except CallFailed as error:
            error.upstream_id = error.upstream_id or known
            raise

    async def _read_stream(self, response: HttpResponse, decoder: Decoder) -> AsyncGenerator[Event, None]:
        parser = SseParser(self._source.where)
        chunks = response.chunks()
        until: float | None = None
        while (chunk := await _next(chunks, until)) is not None:
            found = False
            for sent in parser.feed(chunk):
                found = True
                for event in decoder.feed_event(sent.data):
                    yield event
                if decoder.over:
                    return
            if not found and chunk.startswith(b":"):
                yield ALIVE
            if decoder.finished and until is None:
                until = asyncio.get_running_loop().time() + USAGE_GRACE
        for delta in self._read_rest(parser, decoder):
            yield delta

    def _read_rest(self, parser: SseParser, decoder: Decoder) -> list[Delta]:
        """Take in an event that the end of the stream cut short; half of one is no event."""
        deltas: list[Delta] = []
        try:
            for sent in parser.flush():
                deltas += decoder.feed_text(sent.data)
        except MalformedResponse as error:
            if not decoder.finished:
                where = self._source.where
                raise StreamInterrupted(f"{where} ended in the middle of an event") from error
        return deltas


async def _next(chunks: AsyncIterator[bytes], until: float | None) -> bytes | None:
    """Return the next chunk, or None at the end and at the time `until`."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(chunks, None)
    except TimeoutError:
        return None


def _is_stream(headers: Mapping[str, str], *, asked: bool, where: str) -> bool:
    """Return whether the body is a stream of events; servers may answer either way."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return True
    if kind.endswith("json"):
        return False
    if kind == "text/html":
        raise MalformedResponse(f"{where} answered with a web page")
    return asked
