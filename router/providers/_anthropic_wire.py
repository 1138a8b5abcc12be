"""Requests in the form of Anthropic's messages API. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from router.core.errors import InvalidRequest, UnsupportedFeature
from router.core.messages import ImagePart
from router.providers._anthropic_thinking import max_tokens, thinking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.core.messages import Message, TextPart
    from router.core.request import Request

FIXED = ("model", "messages", "stream")
PARALLEL = "parallel_tool_calls"
INSTRUCTING = ("system", "developer")
CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_DATA = re.compile(r"data:(image/[\w.+-]+);base64,(.*)\Z", re.DOTALL)
Block = dict[str, Any]


def render(request: Request, where: str) -> dict[str, Any]:
    """Return the body of a request; `extra` fills in fields, but never model, messages or stream.

    Args:
        request: What is asked.
        where: How messages name the endpoint.

    Raises:
        UnsupportedFeature: The API has no place for something that is asked.
        InvalidRequest: The arguments of a tool call are no JSON object.
    """
    body: dict[str, Any] = {"model": request.model, "max_tokens": max_tokens(request)}
    body |= {"messages": turns(request.messages, where), "stream": request.stream}
    system = instructions(request.messages)
    if system:
        body["system"] = system
    body |= {name: request.params[name] for name in ("temperature", "top_p") if name in request.params}
    if "stop" in request.params:
        body["stop_sequences"] = request.params["stop"]
    body |= _tools(request, where)
    body |= thinking(request, where)
    form = _format(request.response_format, where)
    if form is not None:
        body["output_config"] = {**body.get("output_config", {}), "format": form}
    kept = {name: value for name, value in request.extra.items() if name not in FIXED and name != PARALLEL}
    return body | kept


def instructions(messages: Sequence[Message]) -> str:
    """Return what is said as system or developer, wherever it stands, joined by empty lines."""
    return "\n\n".join(each.text for each in messages if each.role in INSTRUCTING and each.text)


def turns(messages: Sequence[Message], where: str) -> list[dict[str, Any]]:
    """Return the conversation as turns of user and assistant; what the same side says in a row is one turn."""
    found: list[dict[str, Any]] = []
    for message in messages:
        if message.role in INSTRUCTING:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = list(_blocks(message, where))
        if found and found[-1]["role"] == role:
            found[-1]["content"] += blocks
        else:
            found.append({"role": role, "content": blocks})
    return found


def _blocks(message: Message, where: str) -> Iterator[Block]:
    if message.role == "tool":
        yield {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id,
            "content": list(_said(message, where)),
        }
        return
    yield from _said(message, where)
    for call in message.tool_calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments, where)}


def _said(message: Message, where: str) -> Iterator[Block]:
    """Yield the texts and images of a message; empty texts are left out, for the API refuses them."""
    if isinstance(message.content, str):
        if message.content:
            yield {"type": "text", "text": message.content}
        return
    for part in message.content:
        if isinstance(part, ImagePart) or part.text:
            yield _part(part, where)


def _part(part: TextPart | ImagePart, where: str) -> Block:
    if not isinstance(part, ImagePart):
        return {"type": "text", "text": part.text}
    if not part.url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    data = _DATA.match(part.url)
    if data is None:
        raise UnsupportedFeature(f"{where} takes an image inside a message as base64 only; nothing was sent")
    return {"type": "image", "source": {"type": "base64", "media_type": data[1], "data": data[2]}}


def _input(arguments: str, where: str) -> Mapping[str, Any]:
    try:
        found = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        found = None  # the parser's error would show the text
    if not isinstance(found, Mapping):
        raise InvalidRequest(f"{where}: the arguments of a tool call are no JSON object; nothing was sent")
    return found


def _tools(request: Request, where: str) -> dict[str, Any]:
    """Return the tools and which of them may be called."""
    if not request.tools:
        return {}
    shown: dict[str, Any] = {"tools": [_tool(tool, where) for tool in request.tools]}
    choice = _choice(request.tool_choice, where)
    if request.extra.get(PARALLEL) is False and choice.get("type") != "none":
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    return {**shown, "tool_choice": choice} if choice else shown


def _tool(tool: Mapping[str, object], where: str) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UnsupportedFeature(f"{where} takes tools that are functions only; nothing was sent")
    shown: dict[str, Any] = {"name": function["name"]}
    if function.get("description"):
        shown["description"] = function["description"]
    shown["input_schema"] = function.get("parameters") or {"type": "object", "properties": {}}
    return {**shown, "strict": True} if function.get("strict") is True else shown


def _choice(choice: object, where: str) -> dict[str, Any]:
    if choice is None:
        return {}
    if isinstance(choice, str) and choice in CHOICES:
        return {"type": CHOICES[choice]}
    function = choice.get("function") if isinstance(choice, Mapping) else None
    if isinstance(function, Mapping) and isinstance(function.get("name"), str):
        return {"type": "tool", "name": function["name"]}
    raise UnsupportedFeature(f"{where} has no such tool_choice; nothing was sent")


def _format(form: Mapping[str, object] | None, where: str) -> dict[str, Any] | None:
    """Return the format of the answer: the API has one with a schema, and none that is JSON alone."""
    kind = (form or {}).get("type")
    if form is None or kind == "text":
        return None
    inner = form.get("json_schema")
    if kind == "json_schema" and isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping):
        return {"type": "json_schema", "schema": inner["schema"]}
    raise UnsupportedFeature(
        f"{where} takes no response_format of type `{kind}`: write `json_schema` with a schema; nothing was sent"
    )
