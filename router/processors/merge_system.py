"""`merge_system`: one system message at the start, or none, for models that take no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from router.core.messages import Message, TextPart
from router.processors.system import SETTING

if TYPE_CHECKING:
    from router.core.processor import Before


def merge_system(*, into: str = "system") -> Before:
    """Return what joins all system messages, a blank line between them.

    Args:
        into: `system`: one message at the start; `user`: the beginning of the first user message.
    """

    def apply(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        scenes = [each for each in messages if each.role in SETTING]
        if not scenes or (into == "system" and len(scenes) == 1 and messages[0] is scenes[0]):
            return messages
        text = "\n\n".join(each.text for each in scenes)
        rest = tuple(each for each in messages if each.role not in SETTING)
        if into == "system":
            return (Message.system(text), *rest)
        return _told_by_user(text, rest)

    return apply


def _told_by_user(text: str, rest: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the messages with a text at the beginning of the first user message; with one of its own without any."""
    for index, message in enumerate(rest):
        if message.role == "user":
            content = message.content
            joined = (
                f"{text}\n\n{content}" if isinstance(content, str) else (TextPart(f"{text}\n\n"), *content)
            )
            return (*rest[:index], replace(message, content=joined), *rest[index + 1 :])
    return (Message.user(text), *rest)
