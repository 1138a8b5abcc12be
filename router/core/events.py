"""The pieces a streamed answer is made of, and how they become one message."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from router.core.frozen import dataclass
from router.core.messages import ToolCall

if TYPE_CHECKING:
    from decimal import Decimal

    from router.core.messages import FinishReason
    from router.core.usage import Usage


@final
@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text; an empty one says only that the endpoint is still at it."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of what the model thinks aloud."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call; pieces of one call share `index`, `arguments` is to be joined."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@final
@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer: always the last event of a provider, never handed to the caller.

    Attributes:
        finish_reason: Why the answer ended.
        usage: Tokens as the endpoint counted them, or None when it did not say.
        model: The model the endpoint says it used, or "".
        request_id: The endpoint's own id of the request, or None.
        cost: Dollars as the endpoint counted them, which hold where the file has no price; None when it did not say.
    """

    finish_reason: FinishReason
    usage: Usage | None = None
    model: str = ""
    request_id: str | None = None
    cost: Decimal | None = None


@final
@dataclass(frozen=True, slots=True)
class Garbled:
    """An event of the answer that cannot be read; what was said before and comes after still can.

    Attributes:
        why: What is wrong with it, as an error message tells it.
    """

    why: str


Delta = TextDelta | ReasoningDelta | ToolCallDelta
Event = Delta | Garbled | Done


class Collector:
    """Joins deltas into an answer. Its state is its lists; one attempt owns it."""

    __slots__ = ("_calls", "_reasoning", "_text")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] | None = None  # most say nothing of it
        self._calls: dict[int, tuple[str, str, list[str]]] = {}

    def add(self, delta: Delta) -> None:
        """Take in one piece."""
        if type(delta) is TextDelta:
            self._text.append(delta.text)
        elif type(delta) is ReasoningDelta:
            if self._reasoning is None:
                self._reasoning = []
            self._reasoning.append(delta.text)
        else:
            known_id, known_name, pieces = self._calls.get(delta.index, ("", "", []))
            pieces.append(delta.arguments)
            self._calls[delta.index] = (delta.id or known_id, delta.name or known_name, pieces)

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        return "".join(self._reasoning) if self._reasoning else ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls so far, in the order of their index."""
        if not self._calls:
            return ()
        return tuple(
            ToolCall(call_id, name, "".join(pieces))
            for _, (call_id, name, pieces) in sorted(self._calls.items())
        )

    @property
    def empty(self) -> bool:
        """Whether nothing worth an answer has arrived."""
        return not (self._text or self._reasoning or self._calls)
