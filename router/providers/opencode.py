"""Speaks to a server of OpenCode: one session a call, by an agent that may do nothing but answer."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from router.core.errors import CallFailed, ModelNotFound, ServerError, StreamInterrupted
from router.core.secret import Secret
from router.providers import _opencode_models as catalog
from router.providers._http import transport_for
from router.providers._opencode_answer import AnswerDecoder
from router.providers._opencode_prompt import prompt_of
from router.providers._opencode_session import Exchange, Session
from router.providers._refusal import ERROR_SECONDS
from router.providers._source import Source
from router.providers._sse import SseParser
from router.providers._transport import HttpRequest, place

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from router.core.events import Event
    from router.core.port import Listed, Vitality
    from router.core.request import Endpoint, Request
    from router.providers._transport import HttpResponse

USER = "opencode"
AGENT = "router"
SERVERS_OWN = "default"
NO_TOOLS = {"*": False}
# The stream of events is everybody's on the server: those of other sessions may carry whole files.
EVENT_CAP = 16 * 1024 * 1024
BROKEN_STATUS = 500


class OpenCodeProvider:
    """One server of OpenCode (`opencode serve`).

    Args:
        endpoint: Where to send. A key is the server's password, sent by Basic authentication for the user
            `opencode`; the setting `agent` names the agent that answers (`router` when it is absent, the
            server's own one when it is `default`).
        http: An `httpx.AsyncClient` to send with, used as it is and never closed, or None.
    """

    # Mutable: `_known`, the models looked up so far; writing the same twice does no harm.

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        self._transport = transport_for(endpoint, http)
        secrets = [value for value in endpoint.headers.values() if isinstance(value, Secret)]
        tokens = [_basic(key) for key in endpoint.keys]
        self._source = Source(place(endpoint), (*endpoint.keys, *tokens, *secrets))
        fixed: dict[str, str | Secret] = {"content-type": "application/json"}
        # One set of header fields for each credential.
        self._headers = [
            {**fixed, **token, **endpoint.headers}
            for token in ([{"authorization": token} for token in tokens] or [{}])
        ]
        self._agent = str(endpoint.settings.get("agent") or AGENT)
        self._health = endpoint.health
        self._known: dict[tuple[str, object], catalog.Known] = {}

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Send one request; see `router.core.port.Provider`."""
        exchange = self._exchange(request)
        prompt = prompt_of(request, self._source.where)
        message = self._message(request, prompt, await self._model(exchange, request))
        feed = exchange.request("GET", "/event")
        async with self._transport.open(feed) as told:
            await exchange.refuse(told)
            async with Session(exchange) as session:
                decoder = AnswerDecoder(exchange.source, session.id)
                async with (
                    aclosing(self._events(told, session.post(message), decoder)) as events,
                    aclosing(self._explained(events, exchange, request)) as explained,
                ):
                    yield explained

    async def probe(self) -> Vitality:
        """Ask how the server is, without a prompt; see `router.core.port.Probed`."""
        path = self._health.probe if self._health is not None else None
        sent = HttpRequest("GET", path or "/global/health", self._headers[0], rooted=path is not None)
        try:
            async with self._transport.open(sent) as response:
                return "up" if response.status < BROKEN_STATUS else "down"
        except CallFailed:
            return "down"

    async def listed(self) -> tuple[Listed, ...]:
        """Return the models of all its providers; see `router.core.port.Lister`."""
        return catalog.listed(await self._models(Exchange(self._transport, self._source, self._headers[0])))

    async def close(self) -> None:
        """Close the connections; it may be opened again afterwards."""
        await self._transport.close()

    def _exchange(self, request: Request) -> Exchange:
        source = self._source.asked(request.messages)
        return Exchange(self._transport, source, self._headers[request.key])

    def _message(self, request: Request, prompt: tuple[str, str], model: catalog.Known) -> dict[str, object]:
        """Return the one message of the session; fields of `extra` fill in, but never what is set here."""
        system, text = prompt
        body: dict[str, object] = {
            "model": {"providerID": model.provider, "modelID": model.model},
            "parts": [{"type": "text", "text": text}],
            "tools": NO_TOOLS,  # whatever the agent may do elsewhere
        }
        effort = request.params.get("reasoning_effort")
        body |= {"system": system} if system else {}
        body |= {"agent": self._agent} if self._agent != SERVERS_OWN else {}
        body |= {"variant": effort} if effort is not None else {}
        return {**request.extra, **body}

    async def _model(self, exchange: Exchange, request: Request) -> catalog.Known:
        """Return the model to ask, looked up only where its name or its effort does not say enough."""
        effort = request.params.get("reasoning_effort")
        known = catalog.named(request.model) if effort is None else None
        known = known or self._known.get((request.model, effort))
        if known is None:
            where = self._source.where
            known = catalog.found(request.model, await self._models(exchange), where)
            known = known if effort is None else catalog.with_variant(known, str(effort), where)
            self._known[request.model, effort] = known
        return known

    async def _models(self, exchange: Exchange) -> tuple[catalog.Known, ...]:
        payload = await exchange.ask(exchange.request("GET", catalog.PATH))
        return catalog.models_in(payload, self._source.where)

    async def _events(
        self, told: HttpResponse, answer: asyncio.Task[object], decoder: AnswerDecoder
    ) -> AsyncGenerator[Event, None]:
        """Yield what the events tell until the answer is there, and then what they did not tell."""
        parser = SseParser(self._source.where, EVENT_CAP)
        chunks = told.chunks()
        reading = asyncio.ensure_future(_next(chunks))
        try:
            while not answer.done():
                await asyncio.wait({answer, reading}, return_when=asyncio.FIRST_COMPLETED)
                if not answer.done():
                    chunk = reading.result()
                    if chunk is None:
                        raise StreamInterrupted(f"{self._source.where} ended its stream of events")
                    for event in _fed(parser, chunk, decoder):
                        yield event
                    if decoder.over:
                        break
                    reading = asyncio.ensure_future(_next(chunks))
            for event in decoder.end_early() if decoder.over else decoder.end(answer.result()):
                yield event
        finally:
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled():
                reading.exception()  # marks it as seen

    async def _explained(
        self, events: AsyncIterator[Event], exchange: Exchange, request: Request
    ) -> AsyncGenerator[Event, None]:
        """Hand the events on; a failure of which the server does not say the reason is looked into."""
        try:
            async for event in events:
                yield event
        except ServerError as error:
            if error.status != BROKEN_STATUS:
                raise
            found = await self._look_into(exchange, request)
            raise found or error from None

    async def _look_into(self, exchange: Exchange, request: Request) -> ModelNotFound | None:
        """Return why a message was refused with a bare 500: the server has no such model, or no such agent."""
        where = self._source.where
        try:
            async with asyncio.timeout(ERROR_SECONDS):
                catalog.found(request.model, await self._models(exchange), where)
                agents = await exchange.ask(exchange.request("GET", "/agent"))
        except ModelNotFound as error:
            return error
        except (CallFailed, TimeoutError):
            return None
        if self._agent == SERVERS_OWN or not isinstance(agents, list) or self._agent in _names(agents):
            return None
        return ModelNotFound(
            f"{where} has no agent `{self._agent}`: add it to the server's configuration, or write"
            " `agent: default` to take the server's own one"
        )


def _fed(parser: SseParser, chunk: bytes, decoder: AnswerDecoder) -> Iterator[Event]:
    for data in parser.feed(chunk):
        yield from decoder.feed(data)


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


def _names(agents: list[object]) -> set[str]:
    return {str(agent.get("name")) for agent in agents if isinstance(agent, Mapping)}


def _basic(password: Secret) -> Secret:
    return Secret("Basic " + b64encode(f"{USER}:{password.reveal()}".encode()).decode("ascii"))
