"""How many tokens a prompt has, before any endpoint has counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.core.messages import Message

PER_MESSAGE = 4
PER_IMAGE = 800


def estimate_text(text: str) -> int:
    """Return about how many tokens a text has: four ASCII characters or one other character each.

    Characters / 4 alone is off by half and more for Chinese, Japanese or emoji.
    """
    if text.isascii():
        return (len(text) + 3) // 4
    plain = sum(map(str.isascii, text))
    return (plain + 3) // 4 + len(text) - plain


def estimate(messages: Iterable[Message]) -> int:
    """Return about how many tokens a conversation has, its frame included."""
    total = 0
    for message in messages:
        total += PER_MESSAGE + estimate_text(message.text)
        if not isinstance(message.content, str):
            total += PER_IMAGE * sum(1 for part in message.content if hasattr(part, "url"))
        for call in message.tool_calls:
            total += PER_MESSAGE + estimate_text(call.name) + estimate_text(call.arguments)
    return total
