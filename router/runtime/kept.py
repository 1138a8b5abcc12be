"""An answer as it is kept: JSON text with its times."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from functools import lru_cache
from typing import Any, get_args

from router.core.frozen import dataclass
from router.core.messages import Completion, FinishReason, ToolCall
from router.core.usage import Usage

VERSION = 1
OVERHEAD = 256  # bytes beside its text: key, times, index
DECODED = 64  # answers that are ready to be given again


@dataclass(frozen=True, slots=True)
class Kept:
    """One answer; times in seconds since 1970.

    Attributes:
        body: JSON text, see `encoded`.
        stored: When it was given.
        until: Until when it may stand for a new one; 0 for never.
        last: When it may be thrown away.
    """

    body: str
    stored: float
    until: float
    last: float

    @property
    def size(self) -> int:
        """Bytes it takes."""
        return len(self.body) + OVERHEAD


def encoded(answer: Completion, saved: Decimal | None) -> str:
    """Return an answer as ASCII JSON, without what belongs to its call alone.

    Args:
        answer: The answer.
        saved: Dollars that it cost, or None when unknown.
    """
    return json.dumps(
        {
            "version": VERSION,
            "content": answer.text,
            "tool_calls": [[each.id, each.name, each.arguments] for each in answer.tool_calls],
            "reasoning": answer.reasoning,
            "notes": answer.notes,
            "model": answer.model,
            "endpoint": answer.endpoint,
            "finish_reason": answer.finish_reason,
            "usage": asdict(answer.usage),
            "saved": None if saved is None else str(saved),
        },
        separators=(",", ":"),
    )


@lru_cache(DECODED)
def decoded(body: str) -> tuple[Completion, Decimal | None]:
    """Return an answer, and dollars that it cost.

    Raises:
        ValueError: It is none, or of another version.
    """
    try:
        found: dict[str, Any] = json.loads(body)
        if found["version"] != VERSION or found["finish_reason"] not in get_args(FinishReason):
            raise ValueError("another version")
        answer = Completion(
            role="assistant",
            content=_text(found["content"]),
            tool_calls=tuple(ToolCall(*map(_text, each)) for each in found["tool_calls"]),
            model=_text(found["model"]),
            endpoint=_text(found["endpoint"]),
            usage=_usage(found["usage"]),
            finish_reason=found["finish_reason"],
            reasoning=_text(found["reasoning"]),
            notes=tuple(map(_text, found.get("notes", ()))),
        )
        saved = found["saved"]
        return answer, None if saved is None else Decimal(_text(saved))
    except (TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"no kept answer: {type(error).__name__}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _usage(found: dict[str, Any]) -> Usage:
    counts = {name: value for name, value in found.items() if name != "estimated"}
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in counts.values()):
        raise TypeError("no count")
    return Usage(**counts, estimated=found["estimated"] is True)
