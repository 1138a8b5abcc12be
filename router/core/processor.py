"""Processors: what changes the messages before a model gets them, and its answer before the caller does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from router.core.frozen import dataclass
from router.core.messages import Message

if TYPE_CHECKING:
    from router.core.request import Request

# Returns the messages to send; what it is given is never changed. A `ValueError` says why the model cannot take them.
Before = Callable[[tuple[Message, ...]], tuple[Message, ...]]


class Transformer(Protocol):
    """One answer's text on its way: it comes in pieces and leaves in pieces, cut anywhere.

    However the pieces are cut, those that leave join to the same text.
    """

    def feed(self, text: str) -> str:
        """Take in a piece, and return what can be handed on now, perhaps nothing."""
        ...

    def end(self) -> str:
        """Return the rest; nothing comes after it. A `ValueError` says why the answer is none."""
        ...


@runtime_checkable
class Thoughtful(Protocol):
    """A transformer that tells reasoning from the answer."""

    def thought(self) -> str:
        """Return the reasoning found since it was last asked."""
        ...


@runtime_checkable
class After(Protocol):
    """What changes the text of answers."""

    def begin(self, request: Request) -> Transformer | None:
        """Return what changes the answer to one request, or None to leave it as it comes."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessorUse:
    """A processor as a file names it.

    Attributes:
        name: Its name.
        options: Its options by name.
        place: Where it stands, for messages.
    """

    name: str
    options: Mapping[str, object] = field(default_factory=dict)
    place: str = ""
