"""The way of one recorded call under a configuration: as it went, or another one.

A call whose candidates are those that it had goes as it went: the recorded attempts, at this configuration's prices.
Any other walks its new candidates by the plan that real calls obey. A deployment that was tried does what it did; one
that was passed over (its breaker was open) is passed over; one whose endpoint failed as a whole fails; every other one
answers, with the recorded tokens, in a time that the log shows of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from router.compile.allowed import in_reach, unfit
from router.compile.bill import cost_here, cost_of_answer, held_for
from router.compile.books import full
from router.compile.fate import BUDGET, OK, Charge, Refusal, refusal
from router.compile.program import in_order
from router.compile.recorded import Tried
from router.core import errors
from router.core.dimension import NEEDS
from router.core.frozen import dataclass
from router.core.record import LOST
from router.policy.kinds import TREATMENTS
from router.policy.offline import descends
from router.policy.plan import GiveUp, Opening, Plan, Wait
from router.policy.split import Split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.books import Account, Books
    from router.compile.fate import Fate
    from router.compile.program import Deployment, Program, Route
    from router.compile.recorded import Place, Recorded
    from router.core.dimension import Value
    from router.policy.budget import Budget
    from router.policy.plan import Step

OPEN, SHUT = Opening(0.0, 0.0), Opening(float("inf"), float("inf"))
SPENT = errors.BudgetExceeded.kind
ENDS = frozenset({OK, "cancelled", errors.DeadlineExceeded.kind})
STALE, CANNED = "stale cache", "canned reply"
WHOLE = frozenset({"host", "endpoint", "key"})  # a failure of these is not the model's
KINDS: tuple[type[errors.CallFailed], ...] = (*errors.AllAttemptsFailed.__subclasses__(), errors.Shed)
ERRORS = {cls.kind: cls for cls in KINDS if cls.kind in TREATMENTS}


@dataclass(frozen=True, slots=True)
class _Instead:
    """A budget is spent, and this model answers."""

    model: str


class Ground(Protocol):
    """The configuration that a call walks through: see `router.compile.side.Side`."""

    @property
    def program(self) -> Program:
        """The configuration."""
        ...

    @property
    def books(self) -> Books:
        """What its budgets have seen so far."""
        ...

    @property
    def places(self) -> Mapping[Place, Deployment]:
        """Its deployments by model and endpoint."""
        ...

    def allowed(
        self, route: Route, chain: tuple[Deployment, ...], found: Mapping[str, Value]
    ) -> tuple[Route, tuple[Deployment, ...]] | Refusal:
        """Return the rule with those of its candidates that can serve a call, or why none may."""
        ...

    def most(self, deployment: Deployment, route: Route, call: Recorded, task: str) -> int | None:
        """Return how many tokens an answer may have, or None where nothing bounds it."""
        ...

    def names(self, chain: tuple[Deployment, ...]) -> tuple[Place, ...]:
        """Return model and endpoint of each candidate."""
        ...

    def expected(self, place: Place) -> float | None:
        """Return seconds that an attempt takes, or None when unknown."""
        ...


class Way:
    """One call under one configuration. What becomes of it is written into its fate.

    Its changing state: `bills`, `_own` (billionths of a dollar its attempts have cost), `_spent` (budgets that bind it
    no more), `_now` (seconds since it began) and `_known` (whether that is known).
    """

    __slots__ = (
        "_call",
        "_chain",
        "_deadline",
        "_fate",
        "_found",
        "_known",
        "_now",
        "_own",
        "_route",
        "_side",
        "_spent",
        "bills",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - a call is many things
        self,
        side: Ground,
        call: Recorded,
        route: Route,
        found: Mapping[str, Value],
        chain: tuple[Deployment, ...],
        deadline: float,
        fate: Fate,
    ) -> None:
        self._side = side
        self._call = call
        self._route = route
        self._found = found
        self._chain = chain
        self._deadline = deadline
        self._fate = fate
        self.bills: list[tuple[tuple[Account, ...], int, int, float]] = []
        self._own = 0
        self._spent: frozenset[str] = frozenset()
        self._now = 0.0
        self._known = True

    def as_it_went(self) -> bool:
        """Let the call go as it went, if its candidates are those that it had; return whether it does."""
        call, fate = self._call, self._fate
        if call.chain != fate.chain or call.cached or not self._same_way():
            return False
        books, places = self._side.books, self._side.places
        charges = []
        for tried in call.attempts:
            deployment = places[tried.place]
            again = tried.outcome != SPENT
            cost = cost_here(deployment, tried) if again else 0
            if books or not again:
                good = (
                    self._paid(deployment, tried, cost) if again else self._refused_again(deployment, tried)
                )
                if not good:
                    self._undo()
                    return False
            charges.append(Charge(tried.place, tried.usage, cost))
        fate.charges, fate.outcome, fate.seconds, fate.usage = charges, call.outcome, call.seconds, call.usage
        fate.place = call.place if call.outcome == OK else None
        fate.degraded = call.degraded is not None
        if call.outcome != SPENT or fate.refused is None:
            fate.refused = refusal(call)
        return True

    def _undo(self) -> None:
        self.bills.clear()
        self._own, self._spent = 0, frozenset()
        self._fate.redirected, self._fate.refused = (), None

    def _same_way(self) -> bool:
        """Whether the recorded attempts can be made, and are no more than there may be."""
        program, call = self._side.program, self._call
        if call.degraded in (STALE, CANNED) and not self._answers_without_model():
            return False
        own = 0
        for tried in call.attempts:
            deployment = self._side.places.get(tried.place)
            if deployment is None or program.barred(deployment.endpoint) is not None:
                return False
            if tried.outcome != LOST and tried.place in self._fate.chain:
                treatment = TREATMENTS.get(tried.outcome)
                own += treatment is None or not treatment.poll
        return own <= self._route.policy.retry.attempts

    def _answers_without_model(self) -> bool:
        """Whether the step of the offline ladder that answered the call is there."""
        policy = self._side.program.offline
        if policy is None:
            return False
        return policy.stale is not None if self._call.degraded == STALE else bool(policy.replies)

    def _refused_again(self, deployment: Deployment, tried: Tried) -> bool:
        """Whether a budget refuses what one refused in fact, and the same model answers instead."""
        budget = self._full(*self._charged(deployment, tried.at))
        if budget is None:
            return False
        self._redirect(budget)
        if budget.use is None:
            self._fate.refused = Refusal(BUDGET, budget.name)
            return True
        names = {each.model for each in self._side.program.named(budget.use)}
        after = [each.place[0] for each in self._call.attempts if each is not tried and each.at >= tried.at]
        return not after or after[0] in names

    def _paid(self, deployment: Deployment, tried: Tried, cost: int | None) -> bool:
        """Bill an attempt; return False where a budget has not that much left."""
        if self._free(deployment, tried):
            return True
        accounts, amount = self._charged(deployment, tried.at)
        if self._full(accounts, amount) is not None:
            return False
        self._owe(accounts, amount, cost, tried.at + tried.seconds)
        return True

    @staticmethod
    def _free(deployment: Deployment, tried: Tried) -> bool:
        return not tried.sent or (deployment.price is not None and deployment.price.free)

    def _full(self, accounts: tuple[Account, ...], amount: int) -> Budget | None:
        return full(accounts, amount + self._own if amount else 0)

    def _owe(self, accounts: tuple[Account, ...], amount: int, cost: int | None, end: float) -> None:
        self._own += cost or 0
        self.bills.append((accounts, amount, cost or 0, self._call.began + end))

    def _charged(self, deployment: Deployment, at: float) -> tuple[tuple[Account, ...], int]:
        """Return what an attempt is charged to, and what it may cost."""
        call, found, side = self._call, self._found, self._side
        accounts = side.books.accounts(call.began + at, call.user, found, self._spent)
        most = side.most(deployment, self._route, call, str(found["task"]))
        return accounts, held_for(deployment, int(found["tokens"]), most)

    def _redirect(self, budget: Budget) -> None:
        if budget.use is not None:
            self._spent |= {budget.name}
            self._fate.redirected = (*self._fate.redirected, budget.name)

    def otherwise(self) -> None:
        """Walk the call's candidates by the plan, then the offline ladder's."""
        fate = self._fate
        ended = self._walk(self._chain)
        while isinstance(ended, _Instead):
            side = self._side
            decided = side.allowed(self._route, side.program.named(ended.model), self._found)
            if isinstance(decided, Refusal):
                fate.refused, fate.outcome = decided, decided.outcome
                return
            ended = self._walk(in_reach(side.program, decided[1]))
        if ended is not None and not self._laddered(ended):
            fate.outcome = ended.kind
            if isinstance(ended, errors.BudgetExceeded):
                fate.refused = Refusal(BUDGET, ended.budget or "")
        fate.seconds = self._now if self._known else None

    def _walk(self, chain: tuple[Deployment, ...]) -> errors.CallFailed | _Instead | None:
        """Walk some candidates; return why none answered, or None."""
        if not chain:
            return errors.NoCandidate("no candidate may be contacted")
        call, names = self._call, self._side.names(chain)
        facts, closed = _facts(call), _passed_over(call)
        gate = [SHUT if place in closed else OPEN for place in names]
        plan = Plan(chain, self._route.policy, self._deadline, lambda index, _now: gate[index])
        tries = [0] * len(chain)
        step: Step = plan.next(self._now)
        while not isinstance(step, GiveUp):
            if isinstance(step, Wait):
                self._now = step.until
                step = plan.next(self._now)
                continue
            deployment, place = chain[step.index], names[step.index]
            seen = facts.get(place, ())
            tried = seen[min(tries[step.index], len(seen) - 1)] if seen else self._guessed(deployment, place)
            if tries[step.index] >= len(seen) > 0:
                tried = tried._replace(usage=None)  # it fails on as it did
            tries[step.index] += 1
            budget = self._billed(deployment, tried, guessed=not seen)
            if budget is not None and budget.use is not None:
                self._redirect(budget)
                return _Instead(budget.use)
            if budget is None and self._ends(tried):
                return None
            error = _spent(budget) if budget is not None else _error(tried.outcome)
            step = plan.failed(error, self._now, 0.5)
        return step.error

    def _guessed(self, deployment: Deployment, place: Place) -> Tried:
        """Return what an attempt comes to that was not made in fact."""
        attempts = self._call.attempts
        down = next(
            (each for each in attempts if each.place[1] == place[1] and _of_endpoint(each.outcome)), None
        )
        if down is not None:
            return Tried(place, down.outcome, self._now, down.seconds, None, True, 0)  # noqa: FBT003 - as a tuple
        seconds = self._side.expected(place)
        self._known = self._known and seconds is not None
        usage = self._call.usage or next((each.usage for each in reversed(attempts) if each.usage), None)
        cost = cost_of_answer(deployment, usage, seconds)
        return Tried(place, OK, self._now, seconds or 0.0, usage, True, cost)  # noqa: FBT003

    def _billed(self, deployment: Deployment, tried: Tried, *, guessed: bool) -> Budget | None:
        """Charge an attempt; return the budget that it does not fit in, or None."""
        cost = tried.cost if guessed else cost_here(deployment, tried)
        if self._side.books and not self._free(deployment, tried):
            accounts, amount = self._charged(deployment, self._now)
            budget = self._full(accounts, amount)
            if budget is not None:
                return budget
            self._owe(accounts, amount, cost, self._now + tried.seconds)
        self._fate.charges.append(Charge(tried.place, tried.usage, cost))
        self._now += tried.seconds
        return None

    def _ends(self, tried: Tried) -> bool:
        """Whether a call is over with an attempt: it answered, the caller left, or a stream broke off."""
        attempts = self._call.attempts
        broken = self._found["stream"] is True and bool(attempts) and attempts[-1] is tried
        if tried.outcome not in ENDS and not (broken and tried.outcome == self._call.outcome):
            return False
        self._fate.outcome = tried.outcome
        if tried.outcome == OK:
            self._fate.place, self._fate.usage = tried.place, tried.usage
        return True

    def _laddered(self, error: errors.CallFailed) -> bool:
        """Go down the offline ladder; return whether a step of it answers."""
        program, call, fate = self._side.program, self._call, self._fate
        policy = program.offline
        refuses = call.call.get("no_degrade") is True or self._route.no_degrade
        if policy is None or refuses or not (descends(error) or not self._chain):
            return False
        needs = frozenset([name for name in NEEDS if self._found[name]])
        names = [drawn(use, call) for use in policy.uses]
        further = tuple(
            each
            for each in in_reach(program, in_order(program.models, names))
            if each not in self._chain and not each.lacks(needs) and unfit(program, each, self._found) is None
        )
        answered = bool(further) and self._walk(further) is None and fate.outcome == OK
        if not answered and call.degraded in (STALE, CANNED) and self._answers_without_model():
            answered, fate.outcome = True, OK
            fate.place = call.place if call.degraded == STALE else None
        fate.degraded = answered
        return answered


def drawn(use: str | Split, call: Recorded) -> str:
    """Return the model of a split that a call draws: the one that it drew, where the same models share."""
    if not isinstance(use, Split):
        return use
    draw = call.draw or 0.0
    if use.by_user and call.user is not None:
        point = call.points.get(use.key)
        return use.pick(call.user, draw) if point is None else use.at(point)
    return use.at(draw)


def _facts(call: Recorded) -> dict[Place, list[Tried]]:
    """Return what the attempts tell of each place; what a budget refused tells nothing of it."""
    facts: dict[Place, list[Tried]] = {}
    for tried in call.attempts:
        if tried.outcome != SPENT:
            facts.setdefault(tried.place, []).append(tried)
    return facts


def _passed_over(call: Recorded) -> frozenset[Place]:
    """Return the candidates that were left alone although another one after them was tried, or none was."""
    if not call.chain or call.cached:
        return frozenset()
    tried = {each.place for each in call.attempts}
    before = call.chain[: call.chain.index(call.place)] if call.place in call.chain else call.chain
    return frozenset(place for place in before if place not in tried)


def _of_endpoint(outcome: str) -> bool:
    treatment = TREATMENTS.get(outcome)
    return treatment is not None and treatment.verdict != "nothing" and treatment.scope in WHOLE


def _error(outcome: str) -> errors.CallFailed:
    kind: type[errors.CallFailed] = (
        errors.FirstTokenTimeout if outcome == LOST else ERRORS.get(outcome, errors.ServerError)
    )
    return kind("as it was recorded")


def _spent(budget: Budget) -> errors.BudgetExceeded:
    error = errors.BudgetExceeded("a budget is spent")
    error.budget = budget.name
    return error
