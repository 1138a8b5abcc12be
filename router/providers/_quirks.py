"""A request in the OpenAI chat format, as the server at hand wants it: the rows of `router.core.quirk` applied. No I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from router.core.errors import UnsupportedFeature

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.core.quirk import Quirk
    from router.core.request import Request

AZURE_VERSION = "2024-10-21"
CHAT = "/chat/completions"
_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}\Z")
_SHORT_LENGTH = 9


def check(row: Quirk, request: Request, where: str) -> None:
    """Refuse what the server cannot take, before anything is sent.

    Raises:
        UnsupportedFeature: It takes no such number of stops, response format or tool choice.
    """
    stops = request.params.get("stop")
    if row.most_stops is not None and isinstance(stops, list | tuple) and len(stops) > row.most_stops:
        raise _unsupported(where, row, f"takes at most {row.most_stops} texts of `stop`, not {len(stops)}")
    form = (request.response_format or {}).get("type")
    if row.formats is not None and isinstance(form, str) and form not in row.formats:
        raise _unsupported(where, row, f"takes no response_format of type `{form}`")
    if row.choice == "none" and request.tools and request.tool_choice not in (None, "auto", "none"):
        raise _unsupported(where, row, "cannot be made to call a tool: leave tool_choice out")


def adapt(body: dict[str, Any], row: Quirk, request: Request) -> dict[str, Any]:
    """Return the body as the server wants it; what `extra` brings stays as it is.

    Args:
        body: The request in the plain chat format, which is taken apart.
        row: The server.
        request: What was asked.
    """
    own = {name: value for name, value in body.items() if name not in request.extra}
    extra = {name: value for name, value in body.items() if name in request.extra}
    for name in row.ignored(request.model):
        own.pop(name, None)
    if not row.asks_usage:
        own.pop("stream_options", None)
    if row.template_effort and "reasoning_effort" in own:
        extra["chat_template_kwargs"] = _template(own["reasoning_effort"], extra.get("chat_template_kwargs"))
    _choose(own, row)
    if not (row.names and row.developer and not row.short_ids):
        own["messages"] = [_message(message, row) for message in own["messages"]]
    return {row.fields.get(name, name): value for name, value in own.items()} | extra


def path_of(url: str, request: Request, version: str | None) -> str:
    """Return the path of a chat request to a server with deployments, below the endpoint's address.

    Args:
        url: The endpoint's address.
        request: What is asked.
        version: `api_version` as the file writes it, or None.
    """
    if has_version_in_path(url):
        return f"{CHAT}?api-version={quote(version, safe='')}" if version else CHAT
    return _below(url, f"/deployments/{quote(request.model, safe='')}{CHAT}", version)


def models_path(row: Quirk, url: str, version: str | None) -> str:
    """Return the path of the list of models, below the endpoint's address."""
    if not row.deployments or has_version_in_path(url):
        return "/models"
    return _below(url, "/models", version)


def has_version_in_path(url: str) -> bool:
    """Return whether an address is of Azure's newer form, which ends in `/openai/v1` and takes the model in the body."""
    return urlsplit(url).path.rstrip("/").endswith("/v1")


def _below(url: str, path: str, version: str | None) -> str:
    inside = "" if urlsplit(url).path.rstrip("/").endswith("/openai") else "/openai"
    return f"{inside}{path}?api-version={quote(version or AZURE_VERSION, safe='')}"


def _unsupported(where: str, row: Quirk, why: str) -> UnsupportedFeature:
    return UnsupportedFeature(f"{where} ({row.name}) {why}; nothing was sent")


def _template(effort: object, written: object) -> dict[str, Any]:
    """Return what the chat template is told of the effort; what the caller told it already wins."""
    told = {"enable_thinking": False} if effort == "none" else {"reasoning_effort": effort}
    return {**told, **(written if isinstance(written, Mapping) else {})}


def _choose(body: dict[str, Any], row: Quirk) -> None:
    """Say which tool to call the way the server understands it."""
    choice = body.get("tool_choice")
    if row.choice == "none":
        if body.pop("tool_choice", None) == "none":
            body.pop("tools", None)
    elif row.choice == "words" and isinstance(choice, Mapping):
        # One tool alone, and that one must be called: the same, said in words.
        body["tools"] = list(_named(body.get("tools", ()), choice))
        body["tool_choice"] = "required"


def _named(tools: Iterable[Mapping[str, Any]], choice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    name = _function_name(choice)
    return (tool for tool in tools if _function_name(tool) == name)


def _function_name(value: Mapping[str, Any]) -> object:
    function = value.get("function")
    return function.get("name") if isinstance(function, Mapping) else None


def _message(message: Mapping[str, Any], row: Quirk) -> dict[str, Any]:
    shown = dict(message)
    if not row.names:
        shown.pop("name", None)
    if not row.developer and shown["role"] == "developer":
        shown["role"] = "system"
    if row.short_ids and "tool_call_id" in shown:
        shown["tool_call_id"] = short_id(shown["tool_call_id"])
    if row.short_ids and "tool_calls" in shown:
        shown["tool_calls"] = [{**call, "id": short_id(call["id"])} for call in shown["tool_calls"]]
    return shown


def short_id(call_id: str) -> str:
    """Return an id of nine letters and digits: its own if it is one, else one that the same id always gives."""
    if _SHORT_ID.match(call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:_SHORT_LENGTH]
