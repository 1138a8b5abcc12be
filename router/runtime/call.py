"""One call: what the caller said, checked, and what the table makes of it."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING, Any

from router.compile.allowed import assert_invariants, capable, in_reach, unfit
from router.compile.options import clamped
from router.core.conversation import parse_messages
from router.core.dimension import NEEDS, NOTHING_ASKED, asked_of
from router.core.errors import NoCandidate
from router.core.frozen import dataclass
from router.core.messages import shows_image
from router.core.request import Request
from router.core.tokens import estimate, estimate_text
from router.runtime.said import Said, said, values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from router.compile.program import Deployment, Program, Route
    from router.core.dimension import Value
    from router.core.errors import BudgetExceeded
    from router.core.messages import Message
    from router.core.record import AttemptRecord
    from router.policy.cachekey import CacheUse, Question
    from router.runtime.here import Here
    from router.runtime.network import Connectivity
    from router.runtime.processing import Ready
    from router.runtime.snapshot import Snapshot
    from router.runtime.spending import Spending


@dataclass(slots=True)
class Call:
    """A call under way. The task that makes it is the only one to change it.

    Attributes:
        program: The configuration it started with, and keeps.
        messages: The conversation.
        live: Whether the answer is handed out as it comes.
        route: What decides it; the program's `direct` when the call names its model.
        candidates: The deployments that may serve it, best first.
        task: The call's task.
        options: Options that only a call can say, by name.
        params: Sampling options of the call.
        deadline: Loop time at which it is over.
        request_id: Its own id.
        started: Loop time at which it began.
        rule: The name of the rule that decides it, or None.
        handed: Whether the caller gets the answer as it comes.
        dimensions: What is known of it, measured dimensions too.
        tokens: Estimated tokens of the prompt; 0 where nobody asks.
        snapshot: The configuration in force, with providers and gates.
        began: When it began, in seconds since 1970.
        attempts: Every attempt so far.
        degraded: What is amiss with its answer, or None.
        observed: Is told of each attempt.
        spending: Where its costs are written, or None.
        sent: How many attempts were sent so far.
        spent: Budgets that are spent and bound it no more: their other model answers.
        redirected: Budgets whose other model it was given already.
        network: What is known of the network, or None where nobody asks.
        here: What the loop that it is made on has for itself.
        intended: The candidates, whether or not they may be contacted at the moment.
        question: What it asks, while its answer may still be kept.
        saved: Dollars that a kept answer had cost; None without one, or when unknown.
        dice: The number from 0 to 1 that drew its splits.
        pinned: Whether no other place may answer it, whatever happens.
    """

    program: Program
    messages: tuple[Message, ...]
    live: bool
    route: Route
    candidates: tuple[Deployment, ...]
    task: str
    options: Mapping[str, Any]
    params: Mapping[str, object]
    deadline: float
    request_id: str
    started: float
    rule: str | None
    handed: bool
    dimensions: Mapping[str, Value]
    tokens: int
    snapshot: Snapshot
    began: float = 0.0
    attempts: list[AttemptRecord] = field(default_factory=list)
    degraded: str | None = None
    observed: Callable[[str, AttemptRecord], None] | None = None
    spending: Spending | None = None
    sent: int = 0
    spent: frozenset[str] = frozenset()
    redirected: frozenset[str] = frozenset()
    network: Connectivity | None = None
    here: Here | None = None
    intended: tuple[Deployment, ...] = ()
    question: Question | None = None
    saved: Decimal | None = None
    dice: float = 0.0
    pinned: bool = False

    def again(self, origin: Origin) -> Call:
        """Return the same call made once more, as it was before anything was tried for it."""
        return Call(
            program=self.program,
            messages=self.messages,
            live=self.live,
            route=self.route,
            candidates=self.candidates,
            intended=self.intended,
            task=self.task,
            options=dict(self.options),
            params=dict(self.params),
            deadline=origin.now + (self.deadline - self.started),
            request_id=origin.request_id,
            started=origin.now,
            rule=self.rule,
            handed=self.handed,
            dimensions=dict(self.dimensions),
            tokens=self.tokens,
            snapshot=self.snapshot,
            began=origin.began,
            question=self.question,
            dice=origin.dice,
        )

    def ended(self, record: AttemptRecord) -> None:
        """Take note of an attempt that is over."""
        self.attempts.append(record)
        if self.observed is not None:
            self.observed(self.request_id, record)

    @property
    def urgency(self) -> str:
        """The call's place in queues."""
        return str(self.options.get("urgency") or self.route.urgency)

    @property
    def cache_use(self) -> CacheUse | None:
        """What the call, else its rule, says of kept answers."""
        said = self.options.get("cache", self.route.cache)
        return float(said["ttl"]) if isinstance(said, dict) else said

    def tokens_of(self, deployment: Deployment) -> int:
        """Return how many tokens the prompt probably has for one deployment, after what its answers told so far."""
        return self.snapshot.gates[deployment].scale.expected(self.tokens)

    def most(self, deployment: Deployment) -> int:
        """Return how many tokens the answer of one deployment may have; 0 where nothing bounds it."""
        found = self.params_of(deployment).get("max_tokens")
        return found if isinstance(found, int) else 0

    def asked_of(self, deployment: Deployment) -> dict[str, object]:
        """Return the sampling options for one deployment before its bounds: call over rule over task over model."""
        model = self.program.models[deployment.model]
        return {**model.params[self.task], **self.route.params, **self.params}

    def params_of(self, deployment: Deployment) -> dict[str, object]:
        """Return the sampling options for one deployment, within its bounds."""
        model = self.program.models[deployment.model]
        found = {**model.params[self.task], **self.route.params, **self.params}
        return clamped(found, model.clamps) if model.clamps else found

    def request(self, deployment: Deployment, key: int = 0, ready: Ready | None = None) -> Request:
        """Return what is asked of one deployment; `ready` is what is sent instead of the call's own messages."""
        model = self.program.models[deployment.model]
        timeouts = deployment.endpoint.timeouts
        options = self.options
        return Request(
            model=deployment.id,
            messages=self.messages if ready is None else ready.messages,
            params=self.params_of(deployment),
            stream=self.live or self.route.inside or timeouts.first is not None or timeouts.idle is not None,
            tools=options.get("tools", ()),
            tool_choice=options.get("tool_choice"),
            response_format=options.get("response_format"),
            extra={**model.extra, **self.route.extra, **options.get("extra", {})},
            context=deployment.context,
            key=key,
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """What the engine adds to a call: when it began (loop time, and seconds since 1970), its id, whether it is
    streamed, and a draw from 0 to 1.
    """  # noqa: D205 - one sentence

    now: float
    began: float
    request_id: str
    live: bool
    dice: float


def make_call(
    snapshot: Snapshot,
    messages: object,
    opts: Mapping[str, object] | None,
    keywords: Mapping[str, object],
    origin: Origin,
) -> Call:
    """Return a call that is ready to be tried.

    Raises:
        InvalidCall: It is malformed.
        NoCandidate: No rule matches it, or no candidate may serve it.
    """
    program = snapshot.program
    conversation = parse_messages(messages)
    told = said(program, opts, keywords)
    found = values(program, told.dimensions)
    needs = measure(program, conversation, told.options, found, live=origin.live)
    needs |= asked_of(told.params, conversation[-1].role)
    model = told.options.get("model")
    if model is not None:
        route, candidates = program.direct, program.named(model)
    else:
        number = program.table.match(found)
        if number < 0:
            raise NoCandidate(f"no rule matches {_shown(program, found)}; add a last rule without `when`")
        route = program.routes[number]
        candidates = program.candidates(route, told.options.get("user"), origin.dice)
    if program.invariants:
        assert_invariants(program, candidates, found)
    intended = capable(candidates, needs) if needs else candidates
    seconds = told.options.get("deadline", route.deadline)
    return Call(
        program=program,
        messages=conversation,
        live=origin.live,
        route=route,
        candidates=in_reach(program, intended),
        intended=intended,
        task=str(found["task"]),
        options=told.options,
        params=told.params,
        deadline=origin.now + min(seconds, route.deadline),
        request_id=origin.request_id,
        started=origin.now,
        rule=route.name or None,
        handed=origin.live and not route.buffered,
        dimensions=found,
        tokens=int(found["tokens"]),
        snapshot=snapshot,
        began=origin.began,
        dice=origin.dice,
    )


def asked(
    program: Program,
    messages: object,
    opts: Mapping[str, object] | None,
    keywords: Mapping[str, object],
    *,
    live: bool,
) -> Said:
    """Return what a well-formed call said, with what is measured of it among its dimensions."""
    told = said(program, opts, keywords)
    found = values(program, told.dimensions)
    measure(program, parse_messages(messages), told.options, found, live=live)
    return Said(found, told.params, told.options)


def measure(
    program: Program,
    messages: tuple[Message, ...],
    options: Mapping[str, Any],
    found: dict[str, Value],
    *,
    live: bool,
) -> frozenset[str]:
    """Fill in the measured dimensions and return what the call needs of a model."""
    tools = options.get("tools")
    form = options.get("response_format")
    found["tools"] = bool(tools)
    found["json"] = form is not None and form.get("type") != "text"
    found["stream"] = live
    found["images"] = images = shows_image(messages)
    if program.counts_tokens:
        declared = estimate_text(json.dumps(tools, default=str)) if tools else 0
        found["tokens"] = estimate(messages) + declared
    if not (tools or images or form):
        return NOTHING_ASKED
    return frozenset(name for name in NEEDS if found[name])


def _needs(call: Call) -> frozenset[str]:
    """Return what a call needs of a model."""
    measured = frozenset(name for name in NEEDS if call.dimensions[name])
    return measured | asked_of(call.params, call.messages[-1].role)


def serving(call: Call, candidates: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    """Return which of other candidates may serve a call.

    Raises:
        NoCandidate: None of them can take what it carries.
        InvariantViolated: One would break an invariant that holds for the call.
    """
    assert_invariants(call.program, candidates, call.dimensions)
    able = capable(candidates, _needs(call))
    return in_reach(call.program, able)


def fitting(call: Call, candidates: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    """Return which of further candidates fit a call: what it carries, its length and the file's invariants."""
    needs = _needs(call)
    measured = {**call.dimensions, "tokens": call.tokens or estimate(call.messages)}
    return tuple(
        each
        for each in in_reach(call.program, candidates)
        if not each.lacks(needs) and unfit(call.program, each, measured) is None
    )


def instead(call: Call, error: BudgetExceeded) -> None:
    """Give a call the model that answers where a budget is spent; the budget bounds it no more.

    Raises:
        BudgetExceeded: There is none, or it failed already.
        NoCandidate: It cannot take what the call carries.
        InvariantViolated: It would break an invariant.
    """
    if error.use is None or error.budget is None or error.budget in call.redirected or call.pinned:
        raise error
    call.spent |= {error.budget}
    call.redirected |= {error.budget}
    call.candidates = serving(call, call.program.named(error.use))
    call.degraded = f"budget `{error.budget}` is spent: `{error.use}` answers"


def _shown(program: Program, found: Mapping[str, Value]) -> str:
    asked = [column.name for column in program.table.columns]
    return ", ".join(f"{name}={found[name]}" for name in asked) or "this call"
