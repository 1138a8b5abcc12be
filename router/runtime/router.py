"""The router: a compiled configuration, ready for calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from router.runtime.call import explained
from router.runtime.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from router.compile.explain import Explanation
    from router.core.messages import Completion, Message
    from router.core.request import Locality
    from router.core.usage import Price
    from router.diagnostics.diagnostic import Diagnostic
    from router.runtime.background import Background
    from router.runtime.engine import Engine


@dataclass(frozen=True, slots=True)
class Place:
    """A model at one endpoint."""

    endpoint: str
    kind: str
    locality: Locality
    id: str
    context: int | None
    price: Price | None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a call may name.

    Attributes:
        name: Its name in the file.
        deployments: Where it is served, in order.
        context: Tokens of its largest context window, or None when unknown.
        capabilities: What it can take; None when unknown.
        price: What it costs at its first place, or None when unknown.
    """

    name: str
    deployments: tuple[Place, ...]
    context: int | None
    capabilities: frozenset[str] | None
    price: Price | None


class Router:
    """An `LlmPort` by configuration. Safe to use from many tasks, loops and threads.

    Attributes:
        findings: Warnings and infos of the file it was loaded from.
    """

    def __init__(
        self,
        engine: Engine,
        findings: Sequence[Diagnostic] = (),
        background: Background | None = None,
    ) -> None:
        self._engine = engine
        self._background = background
        self.findings = tuple(findings)

    async def __aenter__(self) -> Self:
        if self._background is not None:
            await self._background.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._background is not None:
            await self._background.end()
        await self.close()

    async def close(self, drain: float = 0.0) -> None:
        """Free connections and loaded models; the next call opens them again.

        Args:
            drain: Seconds to wait for the calls under way.
        """
        await self._engine.close(drain)

    async def complete(
        self,
        messages: Sequence[Message | Mapping[str, object]] | str,
        opts: Mapping[str, object] | None = None,
        /,
        **options: object,
    ) -> Completion:
        """Return the whole answer.

        Args:
            messages: The conversation, as `Message`s or mappings in the OpenAI chat form; a bare text is one
                user message.
            opts: Options as a mapping, or None.
            **options: The same as keywords: any declared dimension (task, priority, complexity ...), `model`
                (skips the rules), `temperature`, `top_p`, `max_tokens`, `stop`, `seed`, `reasoning_effort`,
                `tools`, `tool_choice`, `response_format`, `deadline` (seconds), `user`, `urgency`, `extra`.

        Raises:
            InvalidCall: The call is malformed; nothing was sent.
            CallFailed: No answer; its class is the kind of failure, and every attempt is inside.
        """
        return await self._engine.complete(messages, opts, options)

    def stream(
        self,
        messages: Sequence[Message | Mapping[str, object]] | str,
        opts: Mapping[str, object] | None = None,
        /,
        **options: object,
    ) -> Reply:
        """Return an answer that is handed out as it comes.

        `async with router.stream(...) as reply`, then `async for event in reply`: TextDelta, ReasoningDelta or
        ToolCallDelta. After the last one `reply.completion` is what `complete()` would have returned. Failures
        before the first delta fail over unseen; entering and iterating raise what `complete` raises.
        """
        return Reply(self._engine, messages, opts, options)

    def explain(self, /, **call: object) -> Explanation:
        """Return how a call would be decided, and why; nothing is sent.

        Args:
            **call: Dimensions, measured ones too (`tokens=9000`, `tools=True`), sampling options, `model`, `user`.

        Raises:
            InvalidCall: A name or a value is not legal.
        """
        return explained(self._engine.program, call)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of all dimensions, the measured ones last."""
        return tuple(self._engine.program.dimensions)

    def models(self) -> tuple[ModelInfo, ...]:
        """Return the models that calls may name, in the file's order."""
        found = []
        for model in self._engine.program.models.values():
            places = tuple(
                Place(
                    each.endpoint.name,
                    each.endpoint.kind,
                    each.endpoint.locality,
                    each.id,
                    each.context,
                    each.price,
                )
                for each in model.deployments
            )
            contexts = [place.context for place in places if place.context is not None]
            first = model.deployments[0]
            found.append(
                ModelInfo(model.name, places, max(contexts, default=None), first.capabilities, first.price)
            )
        return tuple(found)
