"""What callers hand in as messages, made into messages or refused before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from router.core.errors import InvalidCall
from router.core.messages import Content, ImagePart, Message, Role, TextPart, ToolCall

ROLES: tuple[Role, ...] = get_args(Role)
PLAIN = ("user", "assistant", "system", "developer")
KEYS = ("role", "content", "tool_calls", "tool_call_id", "name")
MAX_MESSAGES = 10_000


def parse_messages(messages: object) -> tuple[Message, ...]:
    """Return the conversation; a bare text is one user message.

    Mappings are taken in the OpenAI chat form; further keys are refused unless their value is empty.

    Raises:
        InvalidCall: The conversation is empty, too long or malformed; the text says where.
    """
    if isinstance(messages, str) and messages:
        return (Message.user(messages),)
    if isinstance(messages, str):
        messages = ()
    if type(messages) is not list and (not isinstance(messages, Sequence) or isinstance(messages, bytes)):
        raise InvalidCall(f"messages must be a list of messages or a text, not {type(messages).__name__}")
    if not messages:
        raise InvalidCall("messages is empty: a call needs at least one message")
    if len(messages) > MAX_MESSAGES:
        raise InvalidCall(f"messages has {len(messages):,} entries; at most {MAX_MESSAGES:,} are taken")
    return tuple(
        [
            Message(each["role"], each["content"]) if _is_plain(each) else _message(each, index)
            for index, each in enumerate(messages)
        ]
    )


def _is_plain(value: object) -> bool:
    """Whether a message is what nearly all are: a role that needs nothing else, and a text."""
    return (
        type(value) is dict
        and len(value) == 2  # noqa: PLR2004 - the two
        and type(value.get("content")) is str
        and value.get("role") in PLAIN
    )


def _message(value: object, index: int) -> Message:
    where = f"messages[{index}]"
    if isinstance(value, Message):
        _check(value, where)
        _tool_calls(value.tool_calls, where)
        return value
    if not isinstance(value, Mapping):
        raise InvalidCall(f"{where} must be a Message or a mapping, not {type(value).__name__}")
    strangers = [key for key, inner in value.items() if key not in KEYS and inner]
    if strangers:
        raise InvalidCall(f"{where} has the unknown key `{strangers[0]}`; legal are {', '.join(KEYS)}")
    calls = _tool_calls(value.get("tool_calls") or (), where)
    message = Message(
        role=value.get("role"),  # type: ignore[arg-type]  # checked below
        content=_content(value.get("content"), where, optional=bool(calls)),
        tool_calls=calls,
        tool_call_id=value.get("tool_call_id"),
        name=value.get("name"),
    )
    _check(message, where)
    return message


def _check(message: Message, where: str) -> None:
    if message.role not in ROLES:
        raise InvalidCall(f"{where}.role is {message.role!r}; it must be one of {', '.join(ROLES)}")
    if not isinstance(message.content, str):
        _content(message.content, where, optional=False)
    for key in ("tool_call_id", "name"):
        if not isinstance(getattr(message, key), str | None):
            raise InvalidCall(f"{where}.{key} must be a text")
    if message.role == "tool" and not message.tool_call_id:
        raise InvalidCall(f"{where}.tool_call_id is missing: a tool message says which call it answers")
    if message.tool_calls and message.role != "assistant":
        raise InvalidCall(f"{where}.tool_calls belongs to assistant messages, not to role {message.role}")


def _content(value: object, where: str, *, optional: bool) -> Content:
    if isinstance(value, str):
        return value
    if value is None and optional:
        return ""
    if isinstance(value, list | tuple) and value:
        return tuple(_part(part, f"{where}.content[{index}]") for index, part in enumerate(value))
    raise InvalidCall(f"{where}.content must be a text or a list of text and image parts")


def _part(value: object, where: str) -> TextPart | ImagePart:
    if isinstance(value, TextPart | ImagePart):
        return value if isinstance(value, TextPart) else _image(value.url, value.detail, where)
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "text" and isinstance(value, Mapping) and isinstance(value.get("text"), str):
        return TextPart(value["text"])
    if kind == "image_url" and isinstance(value, Mapping):
        image = value.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        return _image(url, image.get("detail") if isinstance(image, Mapping) else None, where)
    raise InvalidCall(
        f'{where} must be {{"type": "text", "text": ...}} or {{"type": "image_url", "image_url": {{"url": ...}}}}'
    )


def _image(url: object, detail: str | None, where: str) -> ImagePart:
    """Return an image that is no file of the endpoint's machine."""
    if isinstance(url, str) and url.startswith(("https://", "http://", "data:image/")):
        return ImagePart(url, detail)
    raise InvalidCall(f"{where}.image_url must be an http(s) address or a `data:image/...` text")


def _tool_calls(values: object, where: str) -> tuple[ToolCall, ...]:
    if not isinstance(values, list | tuple):
        raise InvalidCall(f"{where}.tool_calls must be a list")
    return tuple(_tool_call(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(values))


def _tool_call(value: object, where: str) -> ToolCall:
    if isinstance(value, ToolCall):
        return value
    function = value.get("function") if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and isinstance(function, Mapping):
        call_id, name, arguments = value.get("id"), function.get("name"), function.get("arguments")
        if isinstance(call_id, str) and isinstance(name, str) and isinstance(arguments, str):
            return ToolCall(call_id, name, arguments)
    raise InvalidCall(
        f'{where} must be {{"id": ..., "type": "function", "function": {{"name": ..., "arguments": JSON text}}}}'
    )
