"""Speaks to Anthropic's messages API, and to servers that offer it as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from router.core.errors import MalformedResponse
from router.core.messages import shows_image
from router.core.port import Listed
from router.core.request import USUAL_URLS
from router.providers._anthropic_answer import MessageDecoder
from router.providers._anthropic_wire import render
from router.providers._chat import ChatProvider
from router.providers._json import parse
from router.providers._transport import HttpRequest

if TYPE_CHECKING:
    from router.core.request import Endpoint, Request
    from router.core.secret import Secret

VERSION = "2023-06-01"
PAGE = 1000
MOST_PAGES = 20


class AnthropicProvider(ChatProvider):
    """One endpoint with Anthropic's messages API: Anthropic itself, llama.cpp, and others.

    Args:
        endpoint: Where to send, Anthropic itself without an address; the key that a request names is sent as
            `x-api-key`. `settings["api_version"]` is sent as `anthropic-version`.
        http: A `Transport` or an `httpx.AsyncClient` to send with, used as it is and never closed, or None.
    """

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        url = endpoint.url or USUAL_URLS["anthropic"]
        version = str(endpoint.settings.get("api_version") or VERSION)
        # An address may end in `/v1`, as those of OpenAI-compatible servers do.
        self._prefix = "" if urlsplit(url).path.rstrip("/").endswith("/v1") else "/v1"
        if url.startswith("unix:"):
            self._prefix = ""
        self._models_path = f"{self._prefix}/models"
        super().__init__(
            replace(endpoint, url=url, headers={"anthropic-version": version, **endpoint.headers}), http
        )

    async def listed(self) -> tuple[Listed, ...]:
        """Return the models that the key may use; see `router.core.port.Lister`."""
        found: list[Listed] = []
        after = ""
        for _ in range(MOST_PAGES):
            page = await self._page(f"{self._models_path}?limit={PAGE}{after}")
            models = page.get("data")
            if not isinstance(models, list):
                raise MalformedResponse(f"{self.source.where} does not list its models")
            found += [each for model in models if (each := _listed(model)) is not None]
            last = page.get("last_id")
            if page.get("has_more") is not True or not isinstance(last, str):
                break
            after = f"&after_id={quote(last, safe='')}"
        return tuple(found)

    async def _page(self, path: str) -> Mapping[str, object]:
        async with self.transport.open(HttpRequest("GET", path, self._headers[0])) as response:
            if not 200 <= response.status < 300:  # noqa: PLR2004
                raise await self.refusal(response, None)
            found = parse((await response.read()).decode("utf-8", "replace"))
        if not isinstance(found, Mapping):
            raise MalformedResponse(f"{self.source.where} does not list its models")
        return found

    def _credential(self, key: Secret) -> Mapping[str, Secret]:
        return {"x-api-key": key}

    def _path(self, request: Request) -> str:
        del request
        return f"{self._prefix}/messages"

    def _body(self, request: Request) -> Mapping[str, Any]:
        return render(request, self.source.where)

    def decoder(self, request: Request) -> MessageDecoder:
        """Return what reads the answer to a request."""
        return MessageDecoder(self.source.asked(request.messages), image=shows_image(request.messages))


def _listed(model: object) -> Listed | None:
    """Return a model of the list; llama.cpp tells its context window as well."""
    if not isinstance(model, Mapping) or not isinstance(model.get("id"), str):
        return None
    meta = model.get("meta")
    told = model.get("max_input_tokens", meta.get("n_ctx") if isinstance(meta, Mapping) else None)
    return Listed(str(model["id"]), context=told if isinstance(told, int) and told > 0 else None)
