"""Requests in the form of Ollama's own chat interface. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from router.core.errors import InvalidRequest, UnsupportedFeature
from router.core.messages import ImagePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.core.messages import Message, ToolCall
    from router.core.request import Request

FOREVER = -1
# A prompt that does not fit is refused, and an answer that does not fit ends: nothing is ever cut away unseen.
# Both are also what the model is started with, so that whoever loads it must say the same.
UNCUT: Mapping[str, object] = {"truncate": False, "shift": False}
FIXED = ("model", "messages", "stream", *UNCUT)
OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "max_tokens": "num_predict",
}
THINKING: Mapping[object, object] = {"none": False, "minimal": "low", "xhigh": "high"}
_IMAGE = re.compile(r"data:[\w.+/-]+(?:;[\w.+=-]+)*;base64,", re.IGNORECASE)


def render(request: Request, where: str, keep_alive: int | None = None) -> dict[str, Any]:
    """Return the body of a request; `extra` fills in fields, but never the model, the messages or what keeps them whole.

    Args:
        request: What is asked.
        where: How messages name the endpoint.
        keep_alive: Seconds that the model stays in memory afterwards, negative for ever; None leaves it to Ollama.

    Raises:
        UnsupportedFeature: Ollama has no place for something that it carries.
        InvalidRequest: Something that it carries is not of the OpenAI form.
    """
    body: dict[str, Any] = {"model": request.model, "messages": _messages(request.messages, where)}
    body |= {"stream": request.stream, **UNCUT}
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    if request.tools and _wants_tools(request.tool_choice, where):
        body["tools"] = [dict(tool) for tool in request.tools]
    if request.response_format is not None:
        body |= _format(request.response_format, where)
    effort = request.params.get("reasoning_effort")
    if effort is not None:
        body["think"] = THINKING.get(effort, effort)
    extra = {name: value for name, value in request.extra.items() if name not in FIXED}
    more = extra.pop("options", None)
    options = {**_options(request), **(more if isinstance(more, Mapping) else {})}
    return body | ({"options": options} if options else {}) | extra


def settle(model: str, keep_alive: int, context: int | None = None) -> dict[str, Any]:
    """Return the body of a request that loads a model and asks it nothing, or unloads it (`keep_alive` 0)."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [],
        "keep_alive": keep_alive,
        "stream": False,
        **UNCUT,
    }
    if context is not None:
        body["options"] = {"num_ctx": context}
    return body


def _options(request: Request) -> dict[str, object]:
    found = {name: request.params[given] for given, name in OPTIONS.items() if given in request.params}
    if request.context is not None:
        found["num_ctx"] = request.context
    return found


def _wants_tools(choice: object, where: str) -> bool:
    """Return whether the model may call tools: it decides by itself which, and whether."""
    if choice in (None, "auto", "none"):
        return choice != "none"
    raise UnsupportedFeature(
        f"{where}: Ollama cannot be told which tool to call; only tool_choice auto and none"
    )


def _format(wanted: Mapping[str, object], where: str) -> dict[str, object]:
    kind = wanted.get("type")
    if kind == "text":
        return {}
    if kind == "json_object":
        return {"format": "json"}
    inner = wanted.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else None
    if kind == "json_schema" and isinstance(schema, Mapping):
        return {"format": dict(schema)}
    raise InvalidRequest(
        f"{where}: response_format is none of text, json_object and json_schema with a schema"
    )


def _messages(messages: Sequence[Message], where: str) -> list[dict[str, Any]]:
    names: dict[str, str] = {}
    shown = []
    for message in messages:
        shown.append(_message(message, names, where))
        names |= {call.id: call.name for call in message.tool_calls}
    return shown


def _message(message: Message, names: Mapping[str, str], where: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "role": "system" if message.role == "developer" else message.role,
        "content": message.text,
    }
    parts = () if isinstance(message.content, str) else message.content
    images = [_image(part.url, where) for part in parts if isinstance(part, ImagePart)]
    if images:
        shown["images"] = images
    if message.tool_calls:
        shown["tool_calls"] = [_call(call, where) for call in message.tool_calls]
    if message.tool_call_id is not None:
        shown["tool_call_id"] = message.tool_call_id
        name = message.name or names.get(message.tool_call_id)
        shown |= {} if name is None else {"tool_name": name}
    return shown


def _image(url: str, where: str) -> str:
    found = _IMAGE.match(url)
    if found is None:
        raise UnsupportedFeature(
            f"{where}: Ollama takes images as `data:...;base64,` only, not by their address"
        )
    return url[found.end() :]


def _call(call: ToolCall, where: str) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequest(f"{where}: the arguments of an earlier tool call are no JSON object")
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments}}
