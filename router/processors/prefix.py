"""`prefix: TEXT` and `template: TEXT`: words around the last user message, such as a switch or an instruction form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from router.core.messages import Message, TextPart

if TYPE_CHECKING:
    from router.core.processor import Before

HOLE = "{text}"


def template(*, text: str) -> Before:
    """Return what puts the last user message into a text, where it says `{text}`.

    Images stay behind the text that stood before them.
    """
    head, _, tail = text.partition(HOLE)

    def apply(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        for index in range(len(messages) - 1, -1, -1):
            message = messages[index]
            if message.role == "user":
                return (*messages[:index], _framed(message, head, tail), *messages[index + 1 :])
        raise ValueError("there is no user message to put into the template")

    return apply


def prefix(*, text: str) -> Before:
    """Return what puts a text before the last user message; a call without one stays as it is."""

    def apply(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        has_user = any(each.role == "user" for each in messages)
        return framed(messages) if has_user else messages

    framed = template(text=f"{text}{HOLE}")
    return apply


def _framed(message: Message, head: str, tail: str) -> Message:
    content = message.content
    if isinstance(content, str):
        return replace(message, content=f"{head}{content}{tail}")
    parts = (TextPart(head), *content, TextPart(tail))
    return replace(message, content=tuple(each for each in parts if each != TextPart("")))
