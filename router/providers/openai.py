"""Speaks to any server with an OpenAI-compatible chat endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.core.quirk import PLAIN, quirk_of
from router.core.secret import Secret
from router.providers._chat import ChatProvider
from router.providers._json_api import JsonApi, root_of
from router.providers._openai_answer import AnswerDecoder
from router.providers._openai_models import OpenAiModels
from router.providers._openai_wire import render
from router.providers._quirks import CHAT, adapt, check, models_path, path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.core.port import Listed
    from router.core.request import Endpoint, Request


class OpenAiProvider(ChatProvider):
    """One OpenAI-compatible endpoint: OpenAI itself, llama.cpp, Ollama, vLLM and many more.

    Args:
        endpoint: Where to send; the key that a request names, if there is any, is sent as a bearer token.
            `settings["quirks"]` names the server where its address does not tell it, `settings["api_version"]`
            the version of Azure's interface.
        http: A `Transport` or an `httpx.AsyncClient` to send with, used as it is and never closed, or None.
    """

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        written, version = endpoint.settings.get("quirks"), endpoint.settings.get("api_version")
        self._row = quirk_of(str(written) if written else None, endpoint.url)
        self._version = str(version) if version else None
        self._url = endpoint.url
        self._models_path = models_path(self._row, endpoint.url, self._version)
        super().__init__(endpoint, http)
        tell = self.transport, self.source, self._headers[0]
        beside = root_of(endpoint) or ("/v1" if endpoint.url.startswith("unix:") else "")
        self._models = OpenAiModels(
            JsonApi(*tell, beside),
            JsonApi(*tell, root_of(endpoint, "/v1")),
            self._models_path,
            self.source.where,
        )

    async def listed(self) -> tuple[Listed, ...]:
        """Return the models it lists; see `router.core.port.Lister`."""
        return await self._models.listed()

    async def load(self, model: str, context: int | None = None) -> None:
        """Have a model in memory, with the window its server gives it; see `router.core.port.Resident`."""
        del context
        await self._models.load(model)

    async def unload(self, model: str) -> None:
        """Free a model's memory; see `router.core.port.Resident`."""
        await self._models.unload(model)

    def _credential(self, key: Secret) -> Mapping[str, Secret]:
        if self._row.key_header is not None:
            return {self._row.key_header: key}
        return {"authorization": Secret(f"Bearer {key.reveal()}")}

    def _path(self, request: Request) -> str:
        if not self._row.deployments:
            return CHAT
        return path_of(self._url, request, self._version)

    def _body(self, request: Request) -> Mapping[str, Any]:
        body = render(request, stream=request.stream)
        if self._row is PLAIN:
            return body
        check(self._row, request, self.source.where)
        return adapt(body, self._row, request)

    def decoder(self, request: Request) -> AnswerDecoder:
        """Return what reads the answer to a request."""
        return AnswerDecoder(self.source, request, tells_cost=self._row.tells_cost)
