"""The router: a compiled configuration, ready for calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from router.core.errors import InvalidCall
from router.core.frozen import dataclass
from router.runtime.pinned import ALONE, Pin
from router.runtime.reply import Reply
from router.runtime.said import explained

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
    from types import TracebackType

    from router.compile.explain import Explanation
    from router.compile.program import Deployment, Model
    from router.core.calendar import Moment
    from router.core.messages import Completion, Message
    from router.core.port import Residence, Vitality
    from router.core.request import Locality
    from router.core.usage import Price
    from router.diagnostics.diagnostic import Diagnostic
    from router.runtime.background import Background
    from router.runtime.engine import Engine
    from router.runtime.many import BatchResult
    from router.runtime.snapshot import Snapshot
    from router.runtime.usage import UsageReport

State = Literal["up", "loading", "open", "down", "offline"]
STATES = ("up", "loading", "open", "down", "offline")  # the best first


@dataclass(frozen=True, slots=True)
class Place:
    """A model at one endpoint.

    Attributes:
        endpoint: The endpoint's name.
        kind: Its kind.
        locality: Whether a call to it stays on this machine.
        id: The name the endpoint knows.
        context: Tokens of the context window, or None when unknown.
        price: What its tokens cost, or None when unknown.
        state: `up`; `down` or `loading`, as health checks say; `open` when a breaker leaves it alone, or lets
            single calls through to see whether it is well again; `offline` for a remote one that is not contacted,
            because the file says so or the network is gone.
        health: What health checks say, or None without any.
        memory: Bytes that it occupies when loaded, or None when unknown.
        residence: Whether it is in memory, as far as the router has seen; None where the file declares nothing of that.
    """

    endpoint: str
    kind: str
    locality: Locality
    id: str
    context: int | None
    price: Price | None
    state: State = "up"
    health: Vitality | None = None
    memory: int | None = None
    residence: Residence | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a call may name.

    Attributes:
        name: Its name in the file.
        deployments: Where it is served, in order.
        context: Tokens of its largest context window, or None when unknown.
        capabilities: What it can take; None when unknown.
        price: What it costs at its first place, or None when unknown.
        state: The best state of its places.
        health: The best that health checks say of them, or None without any.
    """

    name: str
    deployments: tuple[Place, ...]
    context: int | None
    capabilities: frozenset[str] | None
    price: Price | None
    state: State = "up"
    health: Vitality | None = None


class Router:
    """An `LlmPort` by configuration. Safe to use from many tasks, loops, threads and forked processes."""

    def __init__(
        self,
        engine: Engine,
        findings: Sequence[Diagnostic] = (),
        background: Background | None = None,
    ) -> None:
        from router.runtime.background import Background  # noqa: PLC0415 - `import router` stays fast

        self._engine = engine
        self._background = background or Background(engine, None, tuple(findings))

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """Warnings and infos of the file, as it was loaded last."""
        return self._background.findings

    async def __aenter__(self) -> Self:
        await self._background.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if await self._background.end():  # others may still be inside, on this loop or on another
            await self.close()

    async def close(self, drain: float = 0.0) -> None:
        """Free connections and loaded models; the next call opens them again.

        Args:
            drain: Seconds to wait for the calls under way.
        """
        await self._background.close(drain)

    async def reload(self) -> None:
        """Put the file as it is now in force for all calls from now on, changed or not: secrets are read anew too.

        Calls under way keep what they started with.

        Raises:
            ConfigError: The file has errors; nothing has changed.
            RouterError: The router was not loaded from a file.
        """
        await self._background.reload()

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

    def stream_at(
        self,
        model: str,
        endpoint: str,
        messages: Sequence[Message | Mapping[str, object]] | str,
        opts: Mapping[str, object] | None = None,
    ) -> Reply:
        """Return an answer of one place of a model, as `stream` does: nothing else ever stands in for it.

        One attempt, no failover, no second one beside it, no kept answer, no offline ladder and no other model where
        a budget is spent. For measuring a place; a call for its answer is better off with `stream`.

        Args:
            model: The model's name in the file.
            endpoint: The name of one of its endpoints.
            messages: As for `complete`.
            opts: Options but for `model`, `no_degrade` and `cache`, which this sets.

        Raises:
            InvalidCall: The model is not at that endpoint.
        """
        known = self._engine.program.models.get(model)
        if known is not None and endpoint not in (each.endpoint.name for each in known.deployments):
            raise InvalidCall(f"model `{model}` is not at an endpoint `{endpoint}`")
        return Reply(self._engine, messages, opts, {"model": model, **ALONE}, Pin(model, endpoint))

    def complete_many(
        self, calls: Iterable[object], concurrency: int = 4
    ) -> AsyncGenerator[BatchResult, None]:
        """Make many calls and yield what becomes of them, in their order; `async for result in ...`.

        They queue as `batch`, behind everybody else, and go on asking where queues are full. Exact duplicates are
        asked once. A call that fails ends none of the others: its result has the error. Leaving the loop early, then
        `aclose()`, cancels those under way.

        Args:
            calls: For each call its messages, or a mapping of `messages` (or `prompt`) and options; taken as needed.
            concurrency: How many are made at once.

        Raises:
            InvalidCall: `concurrency` is no positive number.
        """
        from router.runtime.many import complete_many  # noqa: PLC0415 - `import router` stays fast

        return complete_many(self._engine.complete, calls, concurrency, self._engine.clock)

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

    def usage(self, since: Moment | float | None = None, by: Sequence[str] = ("model",)) -> UsageReport:
        """Return what was used and spent: what the ledger holds, else what this router did (its last 10,000 attempts).

        Args:
            since: From when on: an aware `datetime`, or seconds since 1970; None for everything.
            by: What to tell rows apart by: model, endpoint, rule, task, user, outcome, hour, day, month, a dimension.

        Raises:
            InvalidCall: Something cannot be told apart by, or `since` has no time zone.
            RouterError: The ledger cannot be read.
        """
        from router.runtime.usage import reported  # noqa: PLC0415 - only who asks needs it

        return reported(self._engine, since, by)

    def models(self) -> tuple[ModelInfo, ...]:
        """Return the models that calls may name, in the file's order."""
        snapshot, network = self._engine.snapshot, self._engine.network
        offline = snapshot.program.offline
        alone = (offline is not None and offline.only) or (network is not None and network.offline)
        return tuple(_info(model, snapshot, alone=alone) for model in snapshot.program.models.values())


def _info(model: Model, snapshot: Snapshot, *, alone: bool) -> ModelInfo:
    places = tuple(_place(each, snapshot, alone=alone) for each in model.deployments)
    contexts = [place.context for place in places if place.context is not None]
    healths = [place.health for place in places if place.health is not None]
    first = model.deployments[0]
    return ModelInfo(
        model.name,
        places,
        max(contexts, default=None),
        first.capabilities,
        first.price,
        min((place.state for place in places), key=STATES.index),
        min(healths, key=STATES.index, default=None),
    )


def _place(deployment: Deployment, snapshot: Snapshot, *, alone: bool) -> Place:
    gate, residency = snapshot.gates[deployment], snapshot.residency
    endpoint, health = deployment.endpoint, gate.health
    residence, memory = residency.state(deployment) if residency is not None else (None, deployment.memory)
    state: State = health if health in ("loading", "down") else "open" if gate.shut else "up"
    if alone and endpoint.locality == "remote":
        state = "offline"
    return Place(
        endpoint.name,
        endpoint.kind,
        endpoint.locality,
        deployment.id,
        deployment.context,
        deployment.price,
        state,
        health,
        memory,
        residence,
    )
