"""One configuration that recorded calls are put to: what it decides, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.compile.allowed import broken_invariant, in_reach
from router.compile.bill import cost_of_answer, worst_of
from router.compile.books import Books
from router.compile.fate import INVARIANT, NO_CANDIDATE, NO_RULE, NOT_LEGAL, Fate, Refusal
from router.compile.options import clamped
from router.compile.outcomes import sent
from router.compile.program import in_order
from router.compile.recorded import models_of
from router.compile.replay import values_of
from router.compile.way import Way, drawn
from router.compile.worst import dearest, slowest
from router.core.dimension import NEEDS
from router.policy.cachekey import fixes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.program import Deployment, Program, Route
    from router.compile.recorded import Place, Recorded
    from router.compile.spread import Spread
    from router.core.dimension import Value

REMEMBERED = 50_000
GOLDEN = 0.6180339887498949  # its multiples, whole parts left out, are spread most evenly


class Side:
    """A configuration, with what its budgets have seen so far. One replay uses it.

    Args:
        program: The configuration.
        times: What the log shows of how long each deployment takes.
        comparing: Whether what models are sent is told, too.
    """

    def __init__(self, program: Program, times: Mapping[Place, Spread], *, comparing: bool = False) -> None:
        self.program = program
        self.books = Books(program.costs.budgets if program.costs is not None else ())
        self.times = times
        self._comparing = comparing
        self.places = {
            (each.model, each.endpoint.name): each
            for model in program.models.values()
            for each in model.deployments
        }
        self._chains: dict[tuple[Deployment, ...], tuple[Place, ...]] = {}
        self._sent: dict[tuple[object, ...], object] = {}
        self._slowest: dict[tuple[object, ...], float] = {}
        self._shown = 0

    def fate(self, call: Recorded) -> Fate:
        """Return what becomes of a call; budgets see calls in the order in which they are put here."""
        found = values_of(self.program, call.call)
        if found is None:
            return Fate(refused=Refusal(NOT_LEGAL, self._illegal(call)), outcome="invalid_call")
        decided = self._decided(call, found)
        if isinstance(decided, Refusal):
            return Fate(refused=decided, outcome=decided.outcome)
        route, chain = decided
        fate = Fate(rule=route.name or None, chain=self.names(chain))
        if self._comparing:
            fate.options = self._options(route, fate.chain, str(found["task"]))
        limit = call.call.get("deadline")
        deadline = min(limit, route.deadline) if isinstance(limit, int | float) else route.deadline
        reach = in_reach(self.program, chain)
        self._bound(fate, call, route, found, reach, deadline)
        if call.cached and self._keeps(call, route, chain, str(found["task"])):
            self._kept(call, fate, chain)
            return fate
        if self.books:
            self.books.until(call.began)
        way = Way(self, call, route, found, reach, deadline, fate)
        if not way.as_it_went():
            way.otherwise()
        for bill in way.bills:
            self.books.hold(*bill)
        return fate

    def _illegal(self, call: Recorded) -> str:
        """Return what of a call is not legal here: `team=sales`."""
        for name, dimension in self.program.dimensions.items():
            value = call.call.get(name, dimension.default)
            if not dimension.accepts(value):
                return f"{name}={str(value)[:40]}" if value is not None else f"{name}=nothing"
        return ""

    def _decided(
        self, call: Recorded, found: Mapping[str, Value]
    ) -> tuple[Route, tuple[Deployment, ...]] | Refusal:
        """Return the rule and the candidates that can serve a call, as `router.runtime.call.make_call` does."""
        program = self.program
        named = call.call.get("model")
        if named is not None:
            if named not in program.models:
                return Refusal(NOT_LEGAL, f"model={str(named)[:40]}")
            route, chain = program.direct, program.named(str(named))
        else:
            number = program.table.match(found)
            if number < 0:
                return Refusal(NO_RULE)
            route = program.routes[number]
            chain = route.candidates or in_order(program.models, [drawn(use, call) for use in route.uses])
        return self.allowed(route, chain, found)

    def allowed(
        self, route: Route, chain: tuple[Deployment, ...], found: Mapping[str, Value]
    ) -> tuple[Route, tuple[Deployment, ...]] | Refusal:
        """Return the rule with those of its candidates that can serve a call, or why none may."""
        if self.program.invariants:
            broken = broken_invariant(self.program, chain, found)
            if broken is not None:
                return Refusal(INVARIANT, broken[0])
        needs = frozenset([name for name in NEEDS if found[name]])
        able = tuple([each for each in chain if not each.lacks(needs)]) if needs else chain
        return (route, able) if able else Refusal(NO_CANDIDATE)

    def names(self, chain: tuple[Deployment, ...]) -> tuple[Place, ...]:
        """Return the model and the endpoint of each candidate."""
        names = self._chains.get(chain)
        if names is None:
            names = self._chains[chain] = tuple((each.model, each.endpoint.name) for each in chain)
        return names

    def _options(self, route: Route, chain: tuple[Place, ...], task: str) -> object:
        key = (id(route), chain, task)
        found = self._sent.get(key)
        if found is None:
            models = models_of(chain)
            found = self._sent[key] = tuple(sent(self.program, route, name, task) for name in models)
        return found

    def most(self, deployment: Deployment, route: Route, call: Recorded, task: str) -> int | None:
        """Return how many tokens an answer may have, or None where nothing bounds it."""
        found = self._params(deployment, route, call, task).get("max_tokens")
        return found if isinstance(found, int) else None

    def _params(self, deployment: Deployment, route: Route, call: Recorded, task: str) -> dict[str, object]:
        """Return the options of a call at a deployment."""
        model = self.program.models[deployment.model]
        return clamped({**model.params[task], **route.params, **call.call}, model.clamps)

    def expected(self, place: Place) -> float | None:
        """Return a time that the log shows of a deployment: over many calls they are spread as they were."""
        times = self.times.get(place)
        self._shown += 1
        return None if times is None else times.at(self._shown * GOLDEN % 1.0)

    def _bound(
        self,
        fate: Fate,
        call: Recorded,
        route: Route,
        found: Mapping[str, Value],
        reach: tuple[Deployment, ...],
        deadline: float,
    ) -> None:
        """Tell what a call may take and cost at worst."""
        timed = (reach, id(route), deadline, found["stream"])
        seconds = self._slowest.get(timed)
        if seconds is None:
            _bounded(self._slowest)
            live = found["stream"] is True
            seconds = self._slowest[timed] = slowest(reach, route.policy, deadline, live=live).seconds
        fate.worst_seconds = seconds
        tokens, task, retry = int(found["tokens"]), str(found["task"]), route.policy.retry
        worst = [worst_of(each, tokens, self.most(each, route, call, task)) for each in reach]
        fate.worst_cost = dearest(worst, retry.attempts, retry.same, 0)

    def _keeps(self, call: Recorded, route: Route, chain: tuple[Deployment, ...], task: str) -> bool:
        """Whether an answer that was kept would be kept here."""
        policy, use = self.program.cache, call.call.get("cache", route.cache)
        if policy is None or not policy.fresh or use == "off":
            return False
        return use == "always" or all(fixes(self._params(each, route, call, task)) for each in chain)

    def _kept(self, call: Recorded, fate: Fate, chain: tuple[Deployment, ...]) -> None:
        answering = self.places.get(call.place) if call.place in fate.chain else chain[0]
        fate.cached, fate.usage, fate.seconds = True, call.usage, call.seconds
        fate.place = call.place if call.place in fate.chain else fate.chain[0]
        fate.degraded = call.degraded is not None
        by_hour = (
            answering is not None and answering.price is not None and answering.price.per_hour is not None
        )
        if by_hour:
            fate.saved = call.saved or 0
        elif answering is not None:
            fate.saved = cost_of_answer(answering, call.usage, None) or 0


def _bounded(known: dict[tuple[object, ...], Any]) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
