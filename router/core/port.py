"""The ports: the one callers hold, the one providers implement, and what some providers can do besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from router.core.events import Event
    from router.core.messages import Message
    from router.core.request import Request


Vitality = Literal["up", "loading", "down"]


@runtime_checkable
class LlmPort(Protocol):
    """What an agent holds: one verb."""

    async def complete(
        self,
        messages: Sequence[Message | Mapping[str, object]] | str,
        opts: Mapping[str, object] | None = None,
        /,
        **options: object,
    ) -> Message:
        """Return the whole answer.

        Args:
            messages: The conversation; a bare string is one user message.
            opts: Options as a mapping (`{"model": ..., "temperature": ...}`), or None.
            **options: The same as keywords; a name in both is an error.

        Raises:
            RouterError: The call is malformed or got no answer.
        """
        ...


class Provider(Protocol):
    """What an adapter implements, one instance per endpoint: one verb, and an end."""

    def open(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Send one request.

        Entering sends it and waits for the head of the answer; the value iterates over deltas and ends
        with exactly one `Done`. Leaving, early or late, frees the connection. Entering and iterating
        raise a subclass of `CallFailed`, nothing else, for whatever the world does wrong.
        """
        ...

    async def close(self) -> None:
        """Free what the provider holds; it may be opened again afterwards."""
        ...


@runtime_checkable
class Probed(Protocol):
    """A provider that can tell how its endpoint is, without a prompt and without a token."""

    async def probe(self) -> Vitality:
        """Ask, and return at once; the caller bounds the time. It raises nothing."""
        ...


Residence = Literal["unloaded", "loading", "loaded", "sleeping", "failed"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as its endpoint lists it; None is what the endpoint does not tell.

    Attributes:
        id: The name the endpoint knows.
        context: Tokens of its context window.
        size: Bytes of its file.
        memory: Bytes it occupies now.
        state: Whether it is in memory.
        aliases: Further names by which the endpoint knows it.
        slots: How many answers it gives at once.
        elsewhere: The host that really answers, where the endpoint only passes its calls on.
    """

    id: str
    context: int | None = None
    size: int | None = None
    memory: int | None = None
    state: Residence | None = None
    aliases: tuple[str, ...] = ()
    slots: int | None = None
    elsewhere: str | None = None

    def goes_by(self, name: str) -> bool:
        """Whether the endpoint knows it by this name."""
        return name == self.id or name in self.aliases


@runtime_checkable
class Lister(Protocol):
    """A provider that can tell which models its endpoint has, without a prompt and without a token."""

    async def listed(self) -> tuple[Listed, ...]:
        """Ask; the caller bounds the time.

        Raises:
            CallFailed: It cannot be asked, or does not list its models.
        """
        ...


@runtime_checkable
class Resident(Lister, Protocol):
    """A provider whose endpoint loads and unloads models when it is told to."""

    async def load(self, model: str, context: int | None = None) -> None:
        """Have a model in memory; return when it can answer. Loading what is loaded changes nothing.

        Args:
            model: The name the endpoint knows.
            context: Tokens of the context window to load it with, or None for the endpoint's own choice.

        Raises:
            CallFailed: It cannot be loaded.
        """
        ...

    async def unload(self, model: str) -> None:
        """Free a model's memory; return when it is free. Answers it is giving end with StreamInterrupted.

        Raises:
            CallFailed: It cannot be unloaded.
        """
        ...


@runtime_checkable
class Measured(Protocol):
    """A provider that can tell what a model would occupy before it is loaded."""

    async def needs(self, model: str, context: int | None = None) -> int | None:
        """Return bytes, or None when that cannot be told.

        Args:
            model: The name the endpoint knows.
            context: Tokens of the context window it would be loaded with, or None for the endpoint's own choice.

        Raises:
            CallFailed: There is no such model.
        """
        ...
