"""Requests in the OpenAI chat format. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.core.messages import ImagePart

if TYPE_CHECKING:
    from router.core.messages import Message, TextPart
    from router.core.request import Request

FIXED = ("model", "messages", "stream")


def render(request: Request, *, stream: bool) -> dict[str, Any]:
    """Return the body of a request; `extra` fills in fields, but never model, messages or stream."""
    messages = [_message(message) for message in request.messages]
    body = {"model": request.model, "messages": messages, "stream": stream, **request.params}
    if stream:
        body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = request.tool_choice
    if request.response_format is not None:
        body["response_format"] = dict(request.response_format)
    if request.extra:
        body |= {name: value for name, value in request.extra.items() if name not in FIXED}
    return body


def _message(message: Message) -> dict[str, Any]:
    content: object = message.content
    if not isinstance(message.content, str):
        content = [_part(part) for part in message.content]
    elif message.tool_calls:
        content = message.content or None
    shown: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        shown["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        shown["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        shown["name"] = message.name
    return shown


def _part(part: TextPart | ImagePart) -> dict[str, Any]:
    if not isinstance(part, ImagePart):
        return {"type": "text", "text": part.text}
    detail = {} if part.detail is None else {"detail": part.detail}
    return {"type": "image_url", "image_url": {"url": part.url, **detail}}
