"""Why a call goes where it goes: the same table and the same order of options, told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.compile.allowed import lacking, unfit
from router.compile.beyond import beyond
from router.compile.keeping import kept
from router.compile.options import clamped, written
from router.compile.reasons import reasons
from router.compile.worst import cost_of, dearest, dollars, slowest
from router.core.dimension import NEEDS, asked_of
from router.core.form import FORMAT_VERSION
from router.core.frozen import dataclass
from router.policy.calibration import FLOOR
from router.policy.split import Split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from router.compile.boundary import Boundary
    from router.compile.program import Deployment, Program, Route
    from router.compile.reasons import ExplainedRule
    from router.compile.worst import Cost, Turn
    from router.core.dimension import Value

CALL = "call"


@dataclass(frozen=True, slots=True)
class ExplainedCandidate:
    """A deployment in the order of failover.

    Attributes:
        model: The model's name.
        endpoint: The endpoint's name.
        skipped: Why this call may not use it, or None.
        options: Each option it would be sent, with its origin.
        cost: What one attempt costs at the call's tokens and its longest answer.
        turn: When it is tried if every attempt times out; None when it is skipped.
    """

    model: str
    endpoint: str
    skipped: str | None
    options: Mapping[str, ExplainedOption]
    cost: Cost
    turn: Turn | None


@dataclass(frozen=True, slots=True)
class ExplainedOption:
    """An option's value, and the place it comes from: `router.yaml:12:5`, or `call`."""

    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class ExplainedLadder:
    """What answers when no candidate does.

    Attributes:
        only: Whether remote endpoints are never contacted.
        refused: Whether the call's rule wants none of it.
        candidates: Every deployment of `offline.use`, in order.
        stale: How old a kept answer may be, in seconds; None for no such answers.
        replies: How many canned replies there are.
    """

    only: bool
    refused: bool
    candidates: tuple[ExplainedCandidate, ...]
    stale: float | None
    replies: int

    def as_json(self) -> dict[str, object]:
        """Return the object that `--format json` prints."""
        return {
            "only": self.only,
            "refused": self.refused,
            "candidates": [
                {"model": each.model, "endpoint": each.endpoint, "skipped": each.skipped}
                for each in self.candidates
            ],
            "stale_cache": self.stale,
            "replies": self.replies,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a call is decided.

    Attributes:
        call: Every dimension's value.
        rule: The rule that decides, or None when none matches or the call names its model.
        rule_at: Where it stands.
        model: The model tried first, or None.
        endpoint: Where it is tried first, or None.
        candidates: Every deployment in the order of failover.
        options: Each option the first candidate is sent, with its origin.
        rules: Every rule with its reason.
        split: The shares, where the first choice is drawn.
        deadline: Seconds of the whole call.
        attempts: Attempts in all, at most.
        slowest: Seconds after which the call is over if every attempt times out.
        dearest: Dollars that all attempts together cost at most, or None when unknown.
        nearest: Changes of one dimension that change the rule or the first choice, nearest first.
        cache: Whether its answer is kept, in words; None where the file keeps none.
        offline: The offline ladder, or None where the file declares none.
        policies: What else the file declares for it, each a key and words: balance, hedge, breaker, rates ...
        budgets: What bounds the spending, in words; a free candidate is bounded by none.
    """

    call: Mapping[str, Value]
    rule: str | None
    rule_at: str | None
    model: str | None
    endpoint: str | None
    candidates: tuple[ExplainedCandidate, ...]
    options: Mapping[str, ExplainedOption]
    rules: tuple[ExplainedRule, ...]
    split: Mapping[str, int] | None
    deadline: float
    attempts: int
    slowest: float
    dearest: Decimal | None
    nearest: tuple[Boundary, ...]
    cache: str | None = None
    offline: ExplainedLadder | None = None
    policies: tuple[tuple[str, str], ...] = ()
    budgets: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the object that `--format json` prints."""
        shown: dict[str, object] = {
            "format_version": FORMAT_VERSION,
            "call": dict(self.call),
            "rule": self.rule,
            "model": self.model,
            "endpoint": self.endpoint,
            "candidates": [
                {"model": each.model, "endpoint": each.endpoint, "skipped": each.skipped}
                for each in self.candidates
            ],
            "options": {
                name: {"value": each.value, "from": each.origin} for name, each in self.options.items()
            },
            "rules": [
                {"name": each.name, "matched": each.matched, "because": each.because} for each in self.rules
            ],
            "deadline": self.deadline,
            "attempts": self.attempts,
            "worst_time": {
                "seconds": round(self.slowest, 6),
                "turns": [
                    {
                        "model": each.model,
                        "endpoint": each.endpoint,
                        "starts": None if each.turn.starts is None else round(each.turn.starts, 6),
                        "never": each.turn.never,
                    }
                    for each in self.candidates
                    if each.turn is not None
                ],
            },
            "cost": {
                "worst": dollars(self.dearest),
                "candidates": [
                    {"model": each.model, "endpoint": each.endpoint, **each.cost.as_json()}
                    for each in self.candidates
                    if each.turn is not None
                ],
            },
            "nearest": [each.as_json() for each in self.nearest],
            "policies": [{"key": key, "says": words} for key, words in self.policies],
        }
        if self.budgets:
            shown["budgets"] = list(self.budgets)
        if self.cache is not None:
            shown["cache"] = self.cache
        if self.split:
            shown["split"] = dict(self.split)
        if self.offline is not None:
            shown["offline"] = self.offline.as_json()
        return shown


def explain(
    program: Program,
    values: Mapping[str, Value],
    params: Mapping[str, object],
    model: str | None = None,
    user: str | None = None,
) -> Explanation:
    """Decide a call and say why.

    Args:
        program: The compiled configuration.
        values: A legal value for every dimension.
        params: Sampling options of the call.
        model: A model that the call names itself: no rule is asked.
        user: Whose call it is; without one a split shows its largest share.
    """
    from router.compile.boundary import boundaries  # noqa: PLC0415 - calls need none of it

    number = program.table.match(values) if model is None else -1
    route = program.routes[number] if number >= 0 else program.direct
    chain = _candidates(program, route, model, user)
    candidates, seconds = _explained(program, route, chain, values, params)
    able = [each for each in candidates if each.skipped is None]
    ladder = _ladder(program, route, values, params)
    steps = ladder.candidates if ladder is not None and ladder.only and not ladder.refused else ()
    first = next((each for each in (*able, *steps) if each.skipped is None), None)
    retry = route.policy.retry
    split = route.uses[0] if route.uses and isinstance(route.uses[0], Split) else None

    asked = asked_of(params)

    def tried_first(route: Route, needs: frozenset[str]) -> Deployment | None:
        able = (each for each in _candidates(program, route, None, user) if not each.lacks(needs | asked))
        return next(able, None)

    return Explanation(
        call=dict(values),
        rule=route.name or None,
        rule_at=str(route.span) if route.name else None,
        model=first.model if first else None,
        endpoint=first.endpoint if first else None,
        candidates=candidates,
        options=first.options if first else {},
        rules=tuple(reasons(program, values, number if model is None else None)),
        split=dict(split.shares) if split else None,
        deadline=route.deadline,
        attempts=retry.attempts,
        slowest=seconds,
        dearest=dearest([each.cost.worst for each in able], retry.attempts, retry.same),
        nearest=boundaries(program, values, tried_first) if model is None else (),
        offline=ladder,
        policies=tuple(beyond(program, route, chain)),
        budgets=tuple(each.in_words for each in program.costs.budgets) if program.costs is not None else (),
        cache=kept(
            program.cache,
            route.cache,
            [{name: option.value for name, option in each.options.items()} for each in able],
        ),
    )


def _ladder(
    program: Program, route: Route, values: Mapping[str, Value], params: Mapping[str, object]
) -> ExplainedLadder | None:
    policy = program.offline
    if policy is None:
        return None
    needs = frozenset(name for name in NEEDS if values[name]) | asked_of(params)
    candidates = tuple(
        _candidate(
            (program, route),
            each,
            values,
            params,
            program.barred(each.endpoint) or lacking(each, needs) or unfit(program, each, values),
        )
        for each in program.ladder
    )
    return ExplainedLadder(policy.only, route.no_degrade, candidates, policy.stale, len(policy.replies))


def _explained(
    program: Program,
    route: Route,
    candidates: Sequence[Deployment],
    values: Mapping[str, Value],
    params: Mapping[str, object],
) -> tuple[tuple[ExplainedCandidate, ...], float]:
    """Return the candidates of a call, and seconds after which it is over if every attempt times out."""
    needs = frozenset(name for name in NEEDS if values[name]) | asked_of(params)
    skipped = {
        each: program.barred(each.endpoint)
        or lacking(each, needs)
        or too_small(program, each, int(values["tokens"]), _longest(program, route, each, values, params))
        for each in candidates
    }
    able = [each for each in candidates if skipped[each] is None]
    worst = slowest(able, route.policy, route.deadline, live=values["stream"] is True)
    turns = dict(zip(able, worst.turns, strict=True))
    found = [
        _candidate((program, route), each, values, params, skipped[each], turns.get(each))
        for each in candidates
    ]
    return tuple(found), worst.seconds


def _longest(
    program: Program,
    route: Route,
    deployment: Deployment,
    values: Mapping[str, Value],
    params: Mapping[str, object],
) -> int:
    """Return how many tokens an answer may have; 0 where nothing bounds it."""
    found = _options(program, route, deployment, values, params).get("max_tokens")
    return found.value if found is not None and isinstance(found.value, int) else 0


def too_small(program: Program, deployment: Deployment, tokens: int, most: int) -> str | None:
    """Return why a prompt of so many estimated tokens, with its answer, surely does not fit; None when it may.

    Calls are held to what is known of their text and their model too, so that they may be let through here and
    refused there, or the other way round, where it is a near thing.
    """
    context = deployment.context
    if context is None or not tokens or program.models[deployment.model].truncate != "none":
        return None
    if tokens + most <= context or int(tokens * FLOOR) + most <= context:
        return None
    answer = f" with answers of up to {most:,}" if most else ""
    return f"its context window of {context:,} tokens is too small for {tokens:,}{answer}"


def _candidate(
    decided: tuple[Program, Route],
    deployment: Deployment,
    values: Mapping[str, Value],
    params: Mapping[str, object],
    skipped: str | None,
    turn: Turn | None = None,
) -> ExplainedCandidate:
    options = _options(*decided, deployment, values, params)
    longest = options["max_tokens"].value if "max_tokens" in options else None
    return ExplainedCandidate(
        deployment.model,
        deployment.endpoint.name,
        skipped,
        options,
        cost_of(deployment, values["tokens"], longest),
        turn,
    )


def _candidates(
    program: Program, route: Route, model: str | None, user: str | None
) -> tuple[Deployment, ...]:
    if model is not None:
        return program.named(model)
    if user is None and route.candidates is None:
        return program.largest(route)
    return program.candidates(route, user, 0.0)


def _options(
    program: Program,
    route: Route,
    deployment: Deployment,
    values: Mapping[str, Value],
    params: Mapping[str, object],
) -> dict[str, ExplainedOption]:
    model = program.models[deployment.model]
    found = {
        name: ExplainedOption(each.value, each.origin)
        for name, each in written(model, program.temperatures, str(values["task"]), route).items()
    }
    found.update({name: ExplainedOption(value, CALL) for name, value in params.items()})
    for name, value in clamped({name: each.value for name, each in found.items()}, model.clamps).items():
        if value != found[name].value:
            asked, bounds = found[name], model.clamps[name].span
            found[name] = ExplainedOption(value, f"{asked.origin}, {asked.value} clamped by {bounds}")
    return found
