"""Speaks to any server with an OpenAI-compatible chat endpoint."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

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
from router.providers._openai_answer import AnswerDecoder
from router.providers._openai_wire import has_image, render
from router.providers._source import Source
from router.providers._sse import SseParser
from router.providers._transport import HttpRequest, place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from router.core.events import Delta, Event
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


class OpenAiProvider:
    """One OpenAI-compatible endpoint: OpenAI itself, llama.cpp, Ollama, vLLM and many more.

    Args:
        endpoint: Where to send; the key that a request names, if there is any, is sent as a bearer token.
        http: An `httpx.AsyncClient` to send with, used as it is and never closed, or None.
    """

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        self._transport = transport_for(endpoint, http)
        secrets = [value for value in endpoint.headers.values() if isinstance(value, Secret)]
        self._source = Source(place(endpoint), (*endpoint.keys, *secrets))
        fixed: dict[str, str | Secret] = {"content-type": "application/json"}
        tokens = [{"authorization": Secret(f"Bearer {key.reveal()}")} for key in endpoint.keys]
        # One set of header fields for each credential.
        self._headers = [{**fixed, **token, **endpoint.headers} for token in (tokens or [{}])]
        self._health = endpoint.health

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Send one request; see `router.core.port.Provider`."""
        accept = "text/event-stream" if request.stream else "application/json"
        sent = HttpRequest(
            "POST",
            "/chat/completions",
            {**self._headers[request.key], "accept": accept},
            self._encode(request),
        )
        async with self._transport.open(sent) as response:
            if not 200 <= response.status < 300:  # noqa: PLR2004
                raise await self._refusal(response, request)
            decoder = AnswerDecoder(self._source.asked(request.messages), image=has_image(request))
            async with aclosing(self._events(response, decoder, request)) as events:
                yield events
            if decoder.over:
                await response.linger()

    async def probe(self) -> Vitality:
        """Ask how the server is, without a prompt; see `router.core.port.Provider`."""
        path = self._health.probe if self._health is not None else None
        sent = HttpRequest("GET", path or "/models", self._headers[0], rooted=path is not None)
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
            body = json.dumps(render(request, stream=request.stream), ensure_ascii=False, allow_nan=False)
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
        self, response: HttpResponse, decoder: AnswerDecoder, request: Request
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

    async def _read_stream(
        self, response: HttpResponse, decoder: AnswerDecoder
    ) -> AsyncGenerator[Event, None]:
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

    def _read_rest(self, parser: SseParser, decoder: AnswerDecoder) -> list[Delta]:
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
