"""What a configuration compiles to: immutable values that calls are decided by."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.policy.breaker import BreakerPolicy
from router.policy.offline import OfflinePolicy
from router.policy.split import Split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.core.dimension import Accepted, Dimension, Value
    from router.core.processor import ProcessorUse
    from router.core.request import Endpoint
    from router.core.usage import Price
    from router.diagnostics.source import Span
    from router.policy.balance import Balance
    from router.policy.budget import CostPolicy
    from router.policy.cachekey import CachePolicy, CacheUse
    from router.policy.calllog import LogPolicy
    from router.policy.hedge import HedgePolicy
    from router.policy.plan import PlanPolicy
    from router.policy.residency import ResidencyPolicy
    from router.table.index import Table

BARRED = "offline: remote endpoints are not contacted"


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """One model at one endpoint: the thing tried. Each is made once and equal to itself alone.

    Attributes:
        model: The model's name in the file.
        endpoint: Where it is served.
        id: The name the endpoint knows.
        context: Tokens of its context window, or None when unknown.
        price: What its tokens cost, or None when unknown.
        capabilities: What it can take; None when unknown.
        weight: Its share among the model's places under `balance: weighted`.
        memory: Bytes that it occupies when loaded, or None where the file does not say.
    """

    model: str
    endpoint: Endpoint
    id: str
    context: int | None
    price: Price | None
    capabilities: frozenset[str] | None
    weight: int = 1
    memory: int | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"`{self.model}` at `{self.endpoint.name}`"

    @property
    def load_timeout(self) -> float:
        """Seconds that it may say that it is loading."""
        return self.endpoint.load_timeout

    def lacks(self, needs: frozenset[str]) -> frozenset[str]:
        """Return what a call needs and this cannot take."""
        return frozenset() if self.capabilities is None else needs - self.capabilities


@dataclass(frozen=True, slots=True)
class Written:
    """An option with where it was written, and by what family of models, if the file names only that."""

    value: object
    span: Span
    family: str = ""

    @property
    def origin(self) -> str:
        """Where it comes from, as `explain` tells it."""
        return f"{self.span} (family {self.family})" if self.family else str(self.span)


@dataclass(frozen=True, slots=True)
class Clamp:
    """Bounds of an option; None is an open end."""

    low: float | None
    high: float | None
    span: Span

    def apply(self, value: float) -> float:
        """Return the value, or the end that is nearest to it."""
        if self.low is not None and value < self.low:
            return self.low
        return self.high if self.high is not None and value > self.high else value


@dataclass(frozen=True, slots=True)
class Model:
    """A name that rules use.

    Attributes:
        name: Its name.
        deployments: Where it is served, in order.
        options: Its own sampling options, as written.
        extra: Further fields for the endpoint.
        failover: Models that answer when a call names this one and it fails.
        params: For each task, the options before a rule's or a call's are laid over them.
        balance: Which of several places comes first; `cheapest` is settled in the order of `deployments`.
        family: What its family says of options, below all others.
        clamps: Bounds of options, whoever asks.
        before: Processors of messages.
        after: Processors of answers.
        truncate: Which turns are left out of a prompt that is too long: none, oldest or middle.
    """

    name: str
    deployments: tuple[Deployment, ...]
    options: Mapping[str, Written]
    extra: Mapping[str, object]
    failover: tuple[str, ...]
    params: Mapping[str | None, Mapping[str, object]] = field(default_factory=dict)
    balance: Balance = "ordered"
    family: Mapping[str, Written] = field(default_factory=dict)
    clamps: Mapping[str, Clamp] = field(default_factory=dict)
    before: tuple[ProcessorUse, ...] = ()
    after: tuple[ProcessorUse, ...] = ()
    truncate: str = "none"

    @property
    def processed(self) -> bool:
        """Whether calls or answers are changed on the way."""
        return bool(self.before or self.after or self.clamps or self.truncate != "none")


@dataclass(frozen=True, slots=True)
class Route:
    """What a rule compiles to.

    Attributes:
        name: The rule's name.
        uses: Models and splits, in failover order.
        candidates: The deployments in order when no split has to be drawn, else None.
        options: Sampling options of the rule, as written.
        params: The same, values alone.
        extra: Further fields for the endpoint.
        policy: Retries and failover.
        deadline: Seconds of the whole call.
        urgency: Place in queues.
        inside: Whether whole answers are streamed from the endpoint too.
        buffered: Whether a streamed answer is handed out only when it is whole.
        restart: Whether an answer that broke off is begun again elsewhere, as long as nothing was handed out.
        no_degrade: Whether its calls are never answered from the offline ladder.
        cache: What it says of kept answers, or None.
        accepted: What the rule accepts, by dimension.
        span: Where the rule stands.
    """

    name: str
    uses: tuple[str | Split, ...]
    candidates: tuple[Deployment, ...] | None
    options: Mapping[str, Written]
    params: Mapping[str, object]
    extra: Mapping[str, object]
    policy: PlanPolicy
    deadline: float
    urgency: str
    inside: bool
    buffered: bool
    restart: bool
    accepted: Mapping[str, Accepted]
    span: Span
    no_degrade: bool = False
    cache: CacheUse | None = None


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that holds at every hop of some calls.

    Attributes:
        name: Its name.
        accepted: The calls, by dimension.
        every_hop: For locality, endpoint, model or kind the legal values.
        span: Where it stands.
    """

    name: str
    accepted: Mapping[str, Accepted]
    every_hop: Mapping[str, frozenset[str]]
    span: Span

    def broken_by(self, deployment: Deployment) -> str | None:
        """Return the property that a deployment does not have, as `locality is remote`, or None."""
        endpoint = deployment.endpoint
        found = {
            "locality": endpoint.locality,
            "endpoint": endpoint.name,
            "model": deployment.model,
            "kind": endpoint.kind,
        }
        wrong = next((name for name, legal in self.every_hop.items() if found[name] not in legal), None)
        return f"{wrong} is {found[wrong]}" if wrong is not None else None


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled configuration.

    Attributes:
        file: The file it was compiled from.
        name: What the configuration is called.
        dimensions: Every dimension by name, measured ones too.
        endpoints: Every endpoint by name.
        models: Every model by name.
        routes: Every rule, in the file's order.
        table: The rules' index.
        direct: What holds for a call that names its model: policies without a rule.
        temperatures: By task, as written; `default` among them.
        invariants: What holds at every hop.
        counts_tokens: Whether a rule, an invariant or a limit asks how long a prompt is.
        breaker: When a failing endpoint is left alone; None for never.
        hedge: When a second attempt is made beside a slow one; None for never.
        balanced: Whether a model's places are in an order of their own for each call.
        costs: What is spent, and what may be; None where the file does not say.
        spoken: The dimensions that callers give, not the router measures.
        defaults: What each dimension is when nobody says it, or None where a call must.
        offline: What happens without a network; None where the file does not say.
        cache: Which answers are kept; None for none.
        residency: What of local models may be in memory; None where the file does not say.
        log: Where a line is written for each call; None for nowhere.
        speeds: Seconds to the first content, by model and endpoint, as a benchmark measured them for `fastest`.
    """

    file: str
    name: str | None
    dimensions: Mapping[str, Dimension]
    endpoints: Mapping[str, Endpoint]
    models: Mapping[str, Model]
    routes: tuple[Route, ...]
    table: Table
    direct: Route
    temperatures: Mapping[str, Written]
    invariants: tuple[Invariant, ...] = ()
    counts_tokens: bool = False
    breaker: BreakerPolicy | None = field(default_factory=BreakerPolicy)
    hedge: HedgePolicy | None = None
    balanced: bool = False
    costs: CostPolicy | None = None
    spoken: tuple[str, ...] = ()
    defaults: Mapping[str, Value | None] = field(default_factory=dict)
    offline: OfflinePolicy | None = None
    cache: CachePolicy | None = None
    residency: ResidencyPolicy | None = None
    log: LogPolicy | None = None
    speeds: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @property
    def ladder(self) -> tuple[Deployment, ...]:
        """The deployments of the offline ladder, best first; each split gives its largest share."""
        uses = self.offline.uses if self.offline is not None else ()
        return in_order(self.models, [use.largest if isinstance(use, Split) else use for use in uses])

    def barred(self, endpoint: Endpoint) -> str | None:
        """Return why an endpoint is never contacted, or None."""
        only = self.offline is not None and self.offline.only
        return BARRED if only and endpoint.locality == "remote" else None

    def candidates(self, route: Route, user: str | None, dice: float) -> tuple[Deployment, ...]:
        """Return a call's deployments, best first; `dice` from 0 to 1 draws its splits."""
        if route.candidates is not None:
            return route.candidates
        names = [use.pick(user, dice) if isinstance(use, Split) else use for use in route.uses]
        return in_order(self.models, names)

    def named(self, model: str) -> tuple[Deployment, ...]:
        """Return the deployments of a call that names its model, with that model's own failover."""
        return in_order(self.models, [model, *self.models[model].failover])

    def largest(self, route: Route) -> tuple[Deployment, ...]:
        """Return the deployments of most calls: each split gives its largest share."""
        return in_order(self.models, [use.largest if isinstance(use, Split) else use for use in route.uses])


def without_network(program: Program) -> Program:
    """Return the program that never contacts a remote endpoint."""
    return replace(program, offline=replace(program.offline or OfflinePolicy(), only=True))


def in_order(models: Mapping[str, Model], names: list[str]) -> tuple[Deployment, ...]:
    """Return the deployments of models in order, each once."""
    found = [deployment for name in names for deployment in models[name].deployments]
    return tuple(dict.fromkeys(found))
