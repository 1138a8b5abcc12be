"""`strip_images`: leaves out images, for models that see none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from router.core.messages import ImagePart, Message, TextPart

if TYPE_CHECKING:
    from router.core.processor import Before


def strip_images(*, instead: str = "") -> Before:
    """Return what leaves out every image.

    Args:
        instead: What stands in its place, such as `[image]`.
    """

    def stripped(message: Message) -> Message:
        if isinstance(message.content, str):
            return message
        parts = [instead if isinstance(part, ImagePart) else part.text for part in message.content]
        return replace(message, content="".join(parts))

    def apply(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        shown = any(_seen(each) for each in messages)
        return tuple(stripped(each) if _seen(each) else each for each in messages) if shown else messages

    return apply


def _seen(message: Message) -> bool:
    return not isinstance(message.content, str) and any(
        not isinstance(part, TextPart) for part in message.content
    )
