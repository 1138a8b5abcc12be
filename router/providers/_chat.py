"""One request to a chat API over HTTP and its answer, streamed or whole; what differs between APIs is left open."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from router.core.errors import (
    CallFailed,
    InvalidRequest,
    MalformedResponse,
    ModelLoading,
    StreamInterrupted,
)
from router.core.events import TextDelta
from router.core.messages import shows_image
from router.core.secret import Secret
from router.providers._errors import error_for_status
from router.providers._http import transport_for
from router.providers._json import is_finite, quick_bytes
from router.providers._refusal import refused_body
from router.providers._source import Source
from router.providers._sse import SseParser
from router.providers._transport import HttpRequest, place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    from router.core.events import Delta, Done, Event, Garbled
    from router.core.port import Vitality
    from router.core.request import Endpoint, Request
    from router.providers._transport import HttpResponse

USAGE_GRACE = 0.2
LOADING_STATUS = 503
BROKEN_STATUS = 500
# What a comment in a stream says: the endpoint has nothing to add yet, and is not stuck.
ALIVE = TextDelta("")
USUAL_KINDS = frozenset(("application/json", "text/event-stream"))


class Parser(Protocol):
    """Cuts a body into the data of events, however its bytes come."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Return what a chunk completes."""
        ...

    def flush(self) -> Iterator[bytes]:
        """Yield what the end of the body leaves."""
        ...


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

    def feed_text(self, text: str | bytes) -> list[Delta]:
        """Take in the data of one event."""
        ...

    def feed_event(self, text: str | bytes) -> list[Delta | Garbled]:
        """Take in the data of one event of a stream; one that cannot be read does not end an answer that has begun."""
        ...

    def feed_whole(self, text: str | bytes) -> list[Delta]:
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
        self.transport = transport_for(endpoint, http)
        secrets = [value for value in endpoint.headers.values() if isinstance(value, Secret)]
        self.source = Source(place(endpoint), (*endpoint.keys, *secrets))
        fixed: dict[str, str | Secret] = {"content-type": "application/json"}
        tokens = [dict(self._credential(key)) for key in endpoint.keys]
        # One set of header fields for each credential.
        self._headers = [{**fixed, **token, **endpoint.headers} for token in (tokens or [{}])]
        self._streamed = [{**each, "accept": "text/event-stream"} for each in self._headers]
        self._whole = [{**each, "accept": "application/json"} for each in self._headers]
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
    def decoder(self, request: Request) -> Decoder:
        """Return what reads the answer to a request."""

    def comes_in_pieces(self, kind: str, *, asked: bool) -> bool:
        """Return whether a body of a media type is a stream, where one was asked for or not."""
        return kind == "text/event-stream" or (asked and not kind.endswith("json"))

    def parser(self) -> Parser:
        """Return what cuts a streamed body into events."""
        return SseParser(self.source.where)

    def open(self, request: Request) -> _Exchange:
        """Send one request; see `router.core.port.Provider`."""
        return _Exchange(self, request)

    async def probe(self) -> Vitality:
        """Ask how the server is, without a prompt; see `router.core.port.Provider`."""
        path = self._health.probe if self._health is not None else None
        sent = HttpRequest("GET", path or self._models_path, self._headers[0], rooted=path is not None)
        try:
            async with self.transport.open(sent) as response:
                if response.status != LOADING_STATUS:
                    return "up" if response.status < BROKEN_STATUS else "down"
                error = await self.refusal(response, None)
        except CallFailed:
            return "down"
        return "loading" if isinstance(error, ModelLoading) else "down"

    async def close(self) -> None:
        """Close the connections; it may be opened again afterwards."""
        await self.transport.close()

    def sent(self, request: Request) -> HttpRequest:
        """Return a request as it goes out.

        Raises:
            InvalidRequest: It cannot be written as JSON.
            UnsupportedFeature: The API has no place for something it carries.
        """
        headers = self._streamed if request.stream else self._whole
        return HttpRequest("POST", self._path(request), headers[request.key], self._encode(request))

    def _encode(self, request: Request) -> bytes:
        body = self._body(request)
        foreign = request.extra or request.tools or request.response_format or request.tool_choice
        if not foreign and is_finite(request.params):
            return quick_bytes(body)  # texts and numbers, nothing else
        try:
            return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest(f"{self.source.where}: the request cannot be written as JSON") from error

    async def refusal(self, response: HttpResponse, request: Request | None) -> CallFailed:
        """Return the error that an answer tells."""
        body = await refused_body(response)
        image = request is not None and shows_image(request.messages)
        source = self.source if request is None else self.source.asked(request.messages)
        return error_for_status(source, response.status, response.headers, body, has_image=image)


class _Exchange:
    """One request and its answer: entered it is sent and the head of the answer is there, iterated it yields events.

    Attributes:
        ready: Events that have come and were not taken yet; whoever iterates may take them from here as well.
    """

    __slots__ = (
        "_chunks",
        "_decoder",
        "_failure",
        "_known",
        "_left",
        "_over",
        "_parser",
        "_provider",
        "_request",
        "_response",
        "_sending",
        "_until",
        "ready",
    )

    def __init__(self, provider: ChatProvider, request: Request) -> None:
        self.ready: deque[Event] = deque()
        self._provider = provider
        self._request = request
        self._parser: Parser | None = None
        self._until: float | None = None
        self._failure: CallFailed | None = None
        self._over = False
        self._left = False  # whether the exchange is over, and nothing is left to free

    async def __aenter__(self) -> Self:
        provider, request = self._provider, self._request
        self._sending = provider.transport.open(provider.sent(request))
        self._response = response = await self._sending.__aenter__()
        try:
            if not 200 <= response.status < 300:  # noqa: PLR2004
                raise await provider.refusal(response, request)
            self._known = provider.source.request_id(response.headers)
            self._decoder = provider.decoder(request)
            self._look_at(response.headers)
        except BaseException as error:
            await self._sending.__aexit__(type(error), error, error.__traceback__)
            raise
        if self._parser is None and (whole := getattr(response, "whole", None)) is not None:
            self._take_whole(whole)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._left:
            return
        try:
            if kind is None and self._decoder.over:
                await self._response.linger()
        finally:
            await self._sending.__aexit__(kind, error, trace)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self.ready:
            if self._failure is not None:
                failure, self._failure, self._over = self._failure, None, True
                raise failure
            if self._over:
                raise StopAsyncIteration
            try:
                self._take_in(await self._coming())
            except CallFailed as error:
                self._fail(error)
        return self.ready.popleft()

    def _look_at(self, headers: Mapping[str, str]) -> None:
        """Tell from the head whether the body comes in pieces; servers may answer either way."""
        kind = headers.get("content-type", "")
        if kind not in USUAL_KINDS:
            kind = kind.partition(";")[0].strip().lower()
        if kind == "text/html":
            error = MalformedResponse(f"{self._provider.source.where} answered with a web page")
            error.upstream_id = self._known
            raise error
        if self._provider.comes_in_pieces(kind, asked=self._request.stream):
            self._parser = self._provider.parser()
            self._chunks = self._response.chunks()

    def _coming(self) -> Awaitable[bytes | None]:
        """Return what waits for all of the body, or for more of a stream; None is its end."""
        if self._parser is None:
            return self._response.read()
        if self._until is None:
            return anext(self._chunks, None)
        return _next(self._chunks, self._until)

    def _take_in(self, data: bytes | None) -> None:
        """Make events of all of the body, or of a chunk of a stream; None is its end."""
        ready, decoder, parser = self.ready, self._decoder, self._parser
        if parser is None or data is None:
            ready += decoder.feed_whole(data or b"") if parser is None else self._rest(parser)
            self._end()
            return
        found = False
        for event in parser.feed(data):
            found = True
            ready += decoder.feed_event(event)
            if decoder.over:
                self._end()
                return
        if not found and data.startswith(b":"):
            ready.append(ALIVE)
        if decoder.finished and self._until is None:
            self._until = asyncio.get_running_loop().time() + USAGE_GRACE

    def _take_whole(self, whole: Callable[[], bytes | None]) -> None:
        """Make events of an answer that is all there; nothing is waited for."""
        try:
            body = whole()
            if body is not None:
                self._left = True
                self._take_in(body)
        except CallFailed as error:
            self._fail(error)

    def _end(self) -> None:
        done = self._decoder.end()
        self.ready.append(done if self._known is None else replace(done, request_id=self._known))
        self._over = True

    def _fail(self, error: CallFailed) -> None:
        """Keep an error until what came before it is taken."""
        error.upstream_id = error.upstream_id or self._known
        self._failure = error

    def _rest(self, parser: Parser) -> list[Delta]:
        """Take in an event that the end of the stream cut short; half of one is no event."""
        deltas: list[Delta] = []
        try:
            for data in parser.flush():
                deltas += self._decoder.feed_text(data)
        except MalformedResponse as error:
            if not self._decoder.finished:
                where = self._provider.source.where
                raise StreamInterrupted(f"{where} ended in the middle of an event") from error
        return deltas


async def _next(chunks: AsyncIterator[bytes], until: float) -> bytes | None:
    """Return the next chunk, or None at the end and at the time `until`."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(chunks, None)
    except TimeoutError:
        return None
