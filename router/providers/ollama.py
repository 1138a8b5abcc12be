"""Speaks to Ollama in its own interface: the window as declared, nothing cut away unseen, models loaded and unloaded."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from router.core.cloud import answered_elsewhere
from router.core.errors import CallFailed, UnsupportedFeature
from router.core.messages import shows_image
from router.core.secret import Secret
from router.providers._chat import ChatProvider
from router.providers._json_api import JsonApi, parsed, root_of
from router.providers._ollama_answer import LineParser, OllamaDecoder, unwrapped
from router.providers._ollama_models import cuts_unseen, listed, running
from router.providers._ollama_wire import FOREVER, render, settle
from router.providers._transport import BODY_CAP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.core.port import Listed
    from router.core.request import Endpoint, Request
    from router.providers._chat import Decoder
    from router.providers._transport import HttpResponse

FIRST_LOOK, LONGEST_LOOK = 0.05, 1.0
VERSION_CAP = 40  # characters


class OllamaProvider(ChatProvider):
    """One Ollama server.

    A prompt that is longer than the window is an error, which Ollama tells since version 0.12.6; older ones cut it.
    A model that was loaded by `load` stays in memory, whoever asks it, until it is unloaded.

    Args:
        endpoint: Where to send: the server's address, with or without `/api` or `/v1`; a key is sent as a bearer
            token.
        http: A `Transport` or an `httpx.AsyncClient` to send with, used as it is and never closed, or None.
    """

    # Mutable: `_held`, the models that are to stay in memory and their windows; single assignments, one loop or many.

    _models_path = "/api/version"

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        if not endpoint.url.startswith("unix:"):
            bare = endpoint.url
            for ending in ("/v1", "/api"):
                bare = bare.removesuffix(ending)
            endpoint = replace(endpoint, url=bare)
        super().__init__(endpoint, http)
        self._local = endpoint.locality == "local"
        self._api = JsonApi(self.transport, self.source, self._headers[0], root_of(endpoint))
        self._held: dict[str, int | None] = {}

    async def listed(self) -> tuple[Listed, ...]:
        """Return the models that are pulled, and which are in memory; see `router.core.port.Lister`."""
        tags, ps = await asyncio.gather(self._api.get("/api/tags"), self._api.get("/api/ps"))
        return listed(tags, ps, self.source.where)

    async def version(self) -> tuple[str, bool]:
        """Return the server's version, and whether that one cuts a long prompt without a word.

        Raises:
            CallFailed: It does not tell.
        """
        answer = await self._api.get("/api/version")
        found = str(answer.get("version", "")) if isinstance(answer, dict) else ""
        return self.source.quote(found, VERSION_CAP), cuts_unseen(found)

    async def load(self, model: str, context: int | None = None) -> None:
        """Have a model in memory until it is unloaded; see `router.core.port.Resident`."""
        self._guard(model)
        await self._api.post("/api/chat", settle(model, FOREVER, context))
        self._held[model] = context

    async def unload(self, model: str) -> None:
        """Free a model's memory, once the answers it is giving are given; see `router.core.port.Resident`."""
        self._held.pop(model, None)
        await self._api.post("/api/chat", settle(model, 0))
        pause = FIRST_LOOK
        while running(await self._api.get("/api/ps"), model, self.source.where):
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK)

    def _credential(self, key: Secret) -> Mapping[str, Secret]:
        return {"authorization": Secret(f"Bearer {key.reveal()}")}

    def _path(self, request: Request) -> str:
        self._guard(request.model)
        return "/api/chat"

    def _body(self, request: Request) -> Mapping[str, Any]:
        if request.model not in self._held:
            return render(request, self.source.where)
        context = request.context if request.context is not None else self._held[request.model]
        return render(replace(request, context=context), self.source.where, FOREVER)

    def decoder(self, request: Request) -> Decoder:
        """Return what reads the answer to a request."""
        source = self.source.asked(request.messages)
        before = sum(len(message.tool_calls) for message in request.messages)
        return OllamaDecoder(source, image=shows_image(request.messages), calls=before)

    def _guard(self, model: str) -> None:
        """Refuse to send what is declared to stay on this machine to where it does not stay."""
        if self._local and answered_elsewhere(model):
            where = self.source.where
            raise UnsupportedFeature(
                f"{where}: `{model}` is answered by ollama.com; write `locality: remote` at an endpoint of its own"
            )

    async def refusal(self, response: HttpResponse, request: Request | None) -> CallFailed:
        """Return the error that an answer tells."""
        return await super().refusal(_Unwrapped(response), request)

    def comes_in_pieces(self, kind: str, *, asked: bool) -> bool:
        """Return whether a body of a media type is lines of JSON."""
        return kind == "application/x-ndjson" or (asked and kind != "application/json")

    def parser(self) -> LineParser:
        """Return what cuts a body into lines."""
        return LineParser(self.source.where)


class _Unwrapped:
    """A refusal whose words are those of the engine inside Ollama, where they are its."""

    def __init__(self, response: HttpResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self.chunks = response.chunks
        self.linger = response.linger

    async def read(self, limit: int = BODY_CAP) -> bytes:
        """Return the first `limit` bytes of the body at most."""
        body = await self._response.read(limit)
        found = parsed(body.decode("utf-8", "replace"))
        if isinstance(found, dict) and "error" in found:
            body = json.dumps({**found, "error": unwrapped(found["error"])}).encode()
        return body
