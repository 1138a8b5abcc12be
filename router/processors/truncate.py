"""`truncate: {tokens, drop}`: leaves out turns of a conversation that has more tokens than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.tokens import estimate
from router.policy.shorten import shortened

if TYPE_CHECKING:
    from router.core.messages import Message
    from router.core.processor import Before
    from router.policy.shorten import Drop


def truncate(*, tokens: int, drop: Drop = "oldest") -> Before:
    """Return what shortens a conversation to so many estimated tokens; see `router.policy.shorten`."""

    def apply(messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return messages if estimate(messages) <= tokens else shortened(messages, tokens, drop)

    return apply
