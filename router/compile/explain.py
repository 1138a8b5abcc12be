"""Why a call goes where it goes: the same table and the same order of options, told in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.compile.caching import kept
from router.compile.options import written
from router.core.dimension import LEAST, MOST, NEEDS, holds
from router.core.form import FORMAT_VERSION
from router.policy.split import Split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.program import Deployment, Program, Route
    from router.core.dimension import Accepted, Dimension, Value

CALL = "call"


@dataclass(frozen=True, slots=True)
class ExplainedCandidate:
    """A deployment in the order of failover.

    Attributes:
        model: The model's name.
        endpoint: The endpoint's name.
        skipped: Why this call may not use it, or None.
        options: Each option it would be sent, with its origin.
    """

    model: str
    endpoint: str
    skipped: str | None
    options: Mapping[str, ExplainedOption]


@dataclass(frozen=True, slots=True)
class ExplainedOption:
    """An option's value, and the place it comes from: `router.yaml:12:5`, or `call`."""

    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule, whether it matches, and why it was or was not taken."""

    name: str
    matched: bool
    because: str


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
        cache: Whether its answer is kept, in words; None where the file keeps none.
        offline: The offline ladder, or None where the file declares none.
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
    cache: str | None = None
    offline: ExplainedLadder | None = None

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
        }
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
    number = program.table.match(values) if model is None else -1
    route = program.routes[number] if number >= 0 else program.direct
    candidates = _candidates(program, route, model, user)
    needs = frozenset(name for name in NEEDS if values[name])

    def shown(deployment: Deployment, *, further: bool = False) -> ExplainedCandidate:
        skipped = program.barred(deployment.endpoint) or lacking(deployment, needs)
        if further:
            skipped = skipped or unfit(program, deployment, values)
        options = _options(program, route, deployment, values, params)
        return ExplainedCandidate(deployment.model, deployment.endpoint.name, skipped, options)

    explained = tuple(map(shown, candidates))
    ladder = _ladder(program, route, tuple(shown(each, further=True) for each in program.ladder))
    steps = ladder.candidates if ladder is not None and ladder.only and not ladder.refused else ()
    first = next((each for each in (*explained, *steps) if each.skipped is None), None)
    split = route.uses[0] if route.uses and isinstance(route.uses[0], Split) else None
    return Explanation(
        call=dict(values),
        rule=route.name or None,
        rule_at=str(route.span) if route.name else None,
        model=first.model if first else None,
        endpoint=first.endpoint if first else None,
        candidates=explained,
        options=first.options if first else {},
        rules=tuple(_rules(program, values, number)),
        split=dict(split.shares) if split else None,
        deadline=route.deadline,
        attempts=route.policy.retry.attempts,
        offline=ladder,
        cache=kept(
            program.cache,
            route.cache,
            [
                {name: option.value for name, option in each.options.items()}
                for each in explained
                if each.skipped is None
            ],
        ),
    )


def _ladder(
    program: Program, route: Route, candidates: tuple[ExplainedCandidate, ...]
) -> ExplainedLadder | None:
    policy = program.offline
    if policy is None:
        return None
    return ExplainedLadder(policy.only, route.no_degrade, candidates, policy.stale, len(policy.replies))


def unfit(program: Program, deployment: Deployment, values: Mapping[str, Value]) -> str | None:
    """Return why a deployment of the offline ladder does not fit a call of these values, or None."""
    if deployment.context is not None and deployment.context < int(values["tokens"]):
        return f"its context window has {deployment.context} tokens"
    for invariant in program.invariants:
        if all(holds(accepted, values[name]) for name, accepted in invariant.accepted.items()):
            broken = invariant.broken_by(deployment)
            if broken is not None:
                return f"it would break `{invariant.name}`: {broken}"
    return None


def _candidates(
    program: Program, route: Route, model: str | None, user: str | None
) -> tuple[Deployment, ...]:
    if model is not None:
        return program.named(model)
    if user is None and route.candidates is None:
        return program.largest(route)
    return program.candidates(route, user, 0.0)


def lacking(deployment: Deployment, needs: frozenset[str]) -> str | None:
    """Return why a deployment may not serve a call with these needs, or None when it may."""
    missing = sorted(deployment.lacks(needs))
    return f"its capabilities lack {', '.join(missing)}" if missing else None


def _options(
    program: Program,
    route: Route,
    deployment: Deployment,
    values: Mapping[str, Value],
    params: Mapping[str, object],
) -> dict[str, ExplainedOption]:
    model = program.models[deployment.model]
    found = {
        name: ExplainedOption(each.value, str(each.span))
        for name, each in written(model, program.temperatures, str(values["task"]), route).items()
    }
    found.update({name: ExplainedOption(value, CALL) for name, value in params.items()})
    return found


def _rules(program: Program, values: Mapping[str, Value], winner: int) -> list[ExplainedRule]:
    found = []
    for number, route in enumerate(program.routes):
        failing = [
            _mismatch(program.dimensions[name], accepted, values[name])
            for name, accepted in route.accepted.items()
            if not holds(accepted, values[name])
        ]
        if failing:
            because = "; ".join(failing)
        elif winner < 0:
            because = "not asked: the call names its model"
        elif number == winner:
            because = "the first that matches"
        else:
            because = f"matches too, but `{program.routes[winner].name}` stands before it"
        found.append(ExplainedRule(route.name, not failing, because))
    return found


def _mismatch(dimension: Dimension, accepted: Accepted, value: Value) -> str:
    return f"{dimension.name} is {show_value(value)}, not {show_accepted(dimension, accepted)}"


def show_value(value: Value) -> str:
    """Return a value as the file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def show_accepted(dimension: Dimension, accepted: Accepted) -> str:
    """Return what a rule accepts of a dimension, in words: `code or chat`, `> 8000`."""
    if isinstance(accepted, frozenset):
        legal: tuple[Value, ...] = (*dimension.values, False, True)
        words = [show_value(value) for value in legal if value in accepted]
        return " or ".join(words) or "anything there is"
    return " or ".join(_range(low, high) for low, high in accepted) or "any number there is"


def _range(low: int, high: int) -> str:
    if low == high:
        return str(low)
    if low in (LEAST, 0) and high < MOST:
        return f"<= {high}" if _roundness(high) >= _roundness(high + 1) else f"< {high + 1}"
    if high == MOST:
        return f">= {low}" if _roundness(low) >= _roundness(low - 1) else f"> {low - 1}"
    return f"{low}..{high}"


def _roundness(number: int) -> int:
    """Return how many zeros a number ends with: the rounder bound is the one a person wrote."""
    text = str(number)
    return len(text) - len(text.rstrip("0"))
