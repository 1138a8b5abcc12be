"""What may be written down of prompts and answers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.core.messages import Message
    from router.core.observer import CallRecord
    from router.observers.redaction import Redaction
    from router.policy.calllog import Content

CONTENTS = ("none", "hash", "truncated", "full")
LONGEST = 200


def said(record: CallRecord, content: Content, redaction: Redaction) -> dict[str, str]:
    """Return what may be written of a call's prompt and its answer, secrets out of it."""
    if content == "none":
        return {}
    answer = record.completion
    texts = {
        "prompt": "\n".join(_line(message) for message in record.messages),
        "answer": _line(answer) if answer is not None else None,
    }
    return {name: _shown(text, content, redaction) for name, text in texts.items() if text is not None}


def hashed(text: str) -> str:
    """Return what tells equal texts from different ones."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def caller(user: str | None, content: Content, redaction: Redaction) -> str | None:
    """Return what may be written of who called: a hash that tells equal ones, unless all may be written."""
    if user is None:
        return None
    return redaction.text(user) if content == "full" else hashed(user)


def cut(text: str, redaction: Redaction) -> str:
    """Return the beginning of a text, secrets out of it."""
    text = redaction.text(text)  # first: half of a key would not be known as one
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _shown(text: str, content: Content, redaction: Redaction) -> str:
    match content:
        case "hash":
            return hashed(text)
        case "truncated":
            return cut(text, redaction)
        case _:
            return redaction.text(text)


def _line(message: Message) -> str:
    calls = "".join(f" {call.name}({call.arguments})" for call in message.tool_calls)
    return f"{message.role}: {message.text}{calls}"
