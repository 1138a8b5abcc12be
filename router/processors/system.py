"""`system: TEXT`: sets the scene where the call does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.messages import Message

if TYPE_CHECKING:
    from router.core.processor import Before

SETTING = ("system", "developer")


def system(*, text: str) -> Before:
    """Return what puts a system message first, unless the call has one."""
    scene = Message.system(text)

    def apply(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return messages if any(each.role in SETTING for each in messages) else (scene, *messages)

    return apply
