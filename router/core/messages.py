"""The messages that cross the port, in both directions."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, Self

from router.core.frozen import dataclass
from router.core.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from router.core.record import AttemptRecord

Role = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of text in a message of several parts."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by its address: `https://...` or `data:image/png;base64,...`."""

    url: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool that the model asks for; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


Content = str | tuple[TextPart | ImagePart, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: Content
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    @classmethod
    def system(cls, content: str) -> Self:
        """Return a message that sets the scene."""
        return cls("system", content)

    @classmethod
    def user(cls, content: Content) -> Self:
        """Return a message from the user."""
        return cls("user", content)

    @property
    def text(self) -> str:
        """The message's words, without its images."""
        content = self.content
        if type(content) is str:
            return content
        return "".join([part.text for part in content if isinstance(part, TextPart)])


@dataclass(frozen=True, slots=True)
class Completion(Message):
    """An answer, and how it came about.

    Attributes:
        model: Name of the model in the file.
        endpoint: Name of the endpoint that answered.
        rule: Name of the rule that chose it; None when the call named the model itself.
        usage: Tokens used.
        finish_reason: Why the answer ended.
        reasoning: What the model thought aloud, if it did.
        cost: Dollars of all attempts; None when a price is unknown.
        attempts: Every attempt of the call, in order; the last one gave the answer.
        cached: Whether the answer was kept from an earlier call.
        degraded: The step of the offline ladder that answered, or None.
        request_id: The call's own id.
        ms: Milliseconds from call to answer.
        notes: What the model's own settings changed on the way: a clamped option, turns that were left out.
    """

    model: str = ""
    endpoint: str = ""
    rule: str | None = None
    usage: Usage = field(default_factory=Usage)
    finish_reason: FinishReason = "stop"
    reasoning: str = ""
    cost: Decimal | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    cached: bool = False
    degraded: str | None = None
    request_id: str = ""
    ms: float = 0.0
    notes: tuple[str, ...] = ()


def shows_image(messages: Iterable[Message]) -> bool:
    """Whether any of them shows one."""
    for message in messages:
        if type(message.content) is not str and any(type(part) is ImagePart for part in message.content):
            return True
    return False
