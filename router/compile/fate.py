"""What becomes of a recorded call under one configuration, and the sums of many."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from router.compile.outcomes import Decision
from router.compile.recorded import models_of
from router.compile.spread import Spread
from router.compile.worst import dollars
from router.core.frozen import dataclass
from router.core.usage import from_nano

if TYPE_CHECKING:
    from router.compile.recorded import Place, Recorded
    from router.core.usage import Usage

INVARIANT, BUDGET, NO_RULE, NO_CANDIDATE, NOT_LEGAL = (
    "invariant",
    "budget",
    "no_rule",
    "no_candidate",
    "not_legal",
)
OK = "ok"
# What a call ends with that was refused by its configuration, whatever its endpoints do.
REFUSALS = {"invariant_violated": INVARIANT, "budget_exceeded": BUDGET, "no_candidate": NO_CANDIDATE}


OUTCOMES = {
    INVARIANT: "invariant_violated",
    BUDGET: "budget_exceeded",
    NO_RULE: "no_candidate",
    NO_CANDIDATE: "no_candidate",
    NOT_LEGAL: "invalid_call",
}


class Refusal(NamedTuple):
    """Why a configuration lets a call go nowhere: what kind of reason, and its name or its value."""

    what: str
    name: str = ""

    @property
    def outcome(self) -> str:
        """The kind of error that a call ends with."""
        return OUTCOMES[self.what]

    @property
    def in_words(self) -> str:
        """The reason, as it follows "refused:"."""
        return {
            INVARIANT: f"invariant `{self.name}` would be broken"
            if self.name
            else "an invariant would be broken",
            BUDGET: f"budget `{self.name}` is spent" if self.name else "a budget is spent",
            NO_RULE: "no rule matches",
            NO_CANDIDATE: "no candidate may serve it",
            NOT_LEGAL: f"{self.name} is not a value there" if self.name else "not a value there",
        }[self.what]


class Charge(NamedTuple):
    """An attempt: where, its tokens, and billionths of a dollar or None when unknown."""

    place: Place
    usage: Usage | None
    cost: int | None


@dataclass(slots=True)
class Fate:
    """What becomes of a call.

    Attributes:
        rule: The rule that decides it, or None.
        chain: Its candidates, best first.
        refused: Why the configuration refuses it, or None.
        outcome: `ok`, or how it ends.
        place: The model and the endpoint that answer, or None.
        cached: Whether its answer was kept.
        degraded: Whether its answer is that of the offline ladder.
        redirected: Budgets whose other model answers.
        charges: Its attempts.
        saved: Billionths of a dollar that a kept answer saves.
        usage: The tokens of its answer, or None.
        seconds: How long it takes, or None when unknown.
        worst_seconds: How long it may take at most.
        worst_cost: Billionths of a dollar that it may cost at most, or None when unknown.
        options: What each model is sent, where somebody compares it.
    """

    rule: str | None = None
    chain: tuple[Place, ...] = ()
    refused: Refusal | None = None
    outcome: str = OK
    place: Place | None = None
    cached: bool = False
    degraded: bool = False
    redirected: tuple[str, ...] = ()
    charges: list[Charge] = field(default_factory=list)
    saved: int = 0
    usage: Usage | None = None
    seconds: float | None = None
    worst_seconds: float | None = None
    worst_cost: int | None = None
    options: object = None

    @property
    def cost(self) -> int | None:
        """Billionths of a dollar, or None when a part is unknown."""
        total = 0
        for each in self.charges:
            if each.cost is None:
                return None
            total += each.cost
        return total

    def decided_as(self, other: Fate) -> bool:
        """Whether both meet the same models at the same endpoints, in the same order, with the same options."""
        return self.chain == other.chain and self.options == other.options

    def decision(self, *, places: bool) -> Decision:
        """Return the decision as it is told, with endpoints where `places`."""
        if self.refused is not None and not self.chain:
            return Decision(None, (), refused=True, why=self.refused.in_words)
        models = (
            tuple(f"{model} at {place}" for model, place in self.chain) if places else models_of(self.chain)
        )
        return Decision(self.rule, models)


def refusal(call: Recorded) -> Refusal | None:
    """Return why a call was refused in fact, or None."""
    what = REFUSALS.get(call.outcome)
    return None if what is None else Refusal(what)


def met(call: Recorded) -> Fate:
    """Return what became of a call in fact."""
    return Fate(
        rule=call.rule,
        chain=call.chain or (),
        refused=refusal(call),
        outcome=call.outcome,
        place=call.place if call.outcome == OK else None,
        cached=call.cached,
        degraded=call.degraded is not None,
        charges=[Charge(each.place, each.usage, each.cost) for each in call.attempts],
        saved=call.saved or 0,
        usage=call.usage,
        seconds=call.seconds,
    )


class Sums:
    """Calls, tokens, dollars and times at one place."""

    __slots__ = ("attempts", "calls", "cost", "input_tokens", "output_tokens", "times", "unpriced")

    def __init__(self) -> None:
        self.calls = self.attempts = self.input_tokens = self.output_tokens = self.cost = self.unpriced = 0
        self.times = Spread()


class Tally:
    """The sums of many fates; only `add` changes it."""

    def __init__(self) -> None:
        self.calls = self.answered = self.cached = self.degraded = 0
        self.cost = self.unpriced = self.saved = self.untimed = 0
        self.failed: Counter[str] = Counter()
        self.refused: Counter[Refusal] = Counter()
        self.redirected: Counter[str] = Counter()
        self.times = Spread()
        self.places: dict[Place, Sums] = {}
        self.worst_seconds = 0.0
        self.worst_cost = 0
        self.unbounded = 0

    def add(self, fate: Fate) -> None:
        """Take in what becomes of one call."""
        self.calls += 1
        self.cached += fate.cached
        self.degraded += fate.degraded
        self.saved += fate.saved
        for name in fate.redirected:
            self.redirected[name] += 1
        if fate.refused is not None:
            self.refused[fate.refused] += 1
        elif fate.outcome != OK:
            self.failed[fate.outcome] += 1
        else:
            self.answered += 1
        self._charge(fate)
        self._time(fate)

    def _charge(self, fate: Fate) -> None:
        cost = 0
        unknown = False
        for place, usage, nano in fate.charges:
            sums = self._at(place)
            sums.attempts += 1
            if usage is not None:
                sums.input_tokens += usage.input_tokens
                sums.output_tokens += usage.output_tokens
            if nano is None:
                unknown = True
                sums.unpriced += 1
            else:
                cost += nano
                sums.cost += nano
        self.cost += cost
        self.unpriced += unknown
        if fate.place is not None and fate.outcome == OK:
            self._at(fate.place).calls += 1

    def _time(self, fate: Fate) -> None:
        if fate.refused is None and fate.outcome == OK:
            if fate.seconds is None:
                self.untimed += 1
            else:
                self.times.add(fate.seconds)
                if fate.place is not None and not fate.cached:
                    self._at(fate.place).times.add(fate.seconds)
        if fate.worst_seconds is not None:
            self.worst_seconds = max(self.worst_seconds, fate.worst_seconds)
            if fate.worst_cost is None:
                self.unbounded += 1
            else:
                self.worst_cost += fate.worst_cost

    def _at(self, place: Place) -> Sums:
        sums = self.places.get(place)
        if sums is None:
            sums = self.places[place] = Sums()
        return sums

    def share(self, place: Place) -> float:
        """Return the part of all calls that a place answers."""
        return self.places[place].calls / self.calls if self.calls else 0.0

    def as_json(self) -> dict[str, object]:
        """Return it as `--format json` prints it: dollars as exact texts, seconds as numbers."""
        return {
            "calls": self.calls,
            "answered": self.answered,
            "cached": self.cached,
            "degraded": self.degraded,
            "failed": dict(self.failed.most_common()),
            "refused": [
                {"reason": each.what, "name": each.name or None, "calls": count}
                for each, count in self.refused.most_common()
            ],
            "redirected": dict(self.redirected.most_common()),
            "usd": _usd(self.cost),
            "unpriced_calls": self.unpriced,
            "saved_usd": _usd(self.saved),
            "seconds": {"p50": _digits(self.times.at(0.5)), "p95": _digits(self.times.at(0.95))},
            "untimed_calls": self.untimed,
            "worst_time": self.worst_seconds or None,
            "worst_cost": None if self.unbounded or not self.worst_seconds else _usd(self.worst_cost),
            "models": [
                {
                    "model": place[0],
                    "endpoint": place[1],
                    "calls": sums.calls,
                    "share": self.share(place),
                    "attempts": sums.attempts,
                    "input_tokens": sums.input_tokens,
                    "output_tokens": sums.output_tokens,
                    "usd": _usd(sums.cost),
                    "unpriced_attempts": sums.unpriced,
                    "seconds": {"p50": _digits(sums.times.at(0.5)), "p95": _digits(sums.times.at(0.95))},
                }
                for place, sums in self.ordered()
            ],
        }

    def ordered(self) -> list[tuple[Place, Sums]]:
        """Return the places, most calls first."""
        return sorted(self.places.items(), key=lambda each: (-each[1].calls, each[0]))


def _usd(nano: int) -> str:
    return dollars(from_nano(nano)) or "0"


def _digits(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{seconds:.3g}")
