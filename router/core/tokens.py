"""How many tokens a prompt has, before any endpoint has counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.core.messages import Message

PER_MESSAGE = 4
PER_IMAGE = 800
LONGEST_PLAIN, LONGEST_OTHER = 6, 4  # characters of a long token


def estimate_text(text: str) -> int:
    """Return about how many tokens a text has: four ASCII characters or one other character each.

    Characters / 4 alone is off by half and more for Chinese, Japanese or emoji.
    """
    if text.isascii():
        return (len(text) + 3) // 4
    plain = len(text.encode("ascii", "ignore"))
    return (plain + 3) // 4 + len(text) - plain


def least(messages: Iterable[Message]) -> int:
    """Return how many tokens a conversation surely has, whatever the tokenizer.

    Six ASCII characters, or four others, are hardly ever fewer than one token; an image is left out.
    """
    total = 0.0
    for message in messages:
        texts = [message.text, *(text for call in message.tool_calls for text in (call.name, call.arguments))]
        for text in texts:
            plain = len(text) if text.isascii() else sum(map(str.isascii, text))
            total += plain / LONGEST_PLAIN + (len(text) - plain) / LONGEST_OTHER
    return int(total)


def estimate(messages: Iterable[Message]) -> int:
    """Return about how many tokens a conversation has, its frame included."""
    total = 0
    for message in messages:
        content = message.content
        if type(content) is str:
            total += PER_MESSAGE + ((len(content) + 3) // 4 if content.isascii() else estimate_text(content))
        else:
            total += PER_MESSAGE + estimate_text(message.text)
            total += PER_IMAGE * sum(1 for part in content if hasattr(part, "url"))
        for call in message.tool_calls:
            total += PER_MESSAGE + estimate_text(call.name) + estimate_text(call.arguments)
    return total
