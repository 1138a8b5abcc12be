"""One call's walk: obeys its plan, attempt by attempt, until one stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.compile.program import BARRED
from router.core.errors import BudgetExceeded, CallFailed, DeadlineExceeded, NoCandidate
from router.policy.kinds import TREATMENTS
from router.policy.plan import ALWAYS, GiveUp, Plan, Try, Wait
from router.runtime.attempt import Attempt
from router.runtime.gate import Refused
from router.runtime.hedge import race
from router.runtime.service import checked

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.core.clock import Clock
    from router.policy.hedge import HedgeShare
    from router.policy.plan import Opening, Step
    from router.runtime.call import Call
    from router.runtime.gate import Gate
    from router.runtime.here import Here


FIRST = Try(0)


def _openings(call: Call) -> Callable[[int, float], Opening]:
    """Return what tells when a candidate may be tried; it knows no walk: the two would keep each other alive."""
    network, residency, gates = call.network, call.snapshot.residency, call.snapshot.gates

    def at_gate(index: int, now: float) -> Opening:
        return gates[call.candidates[index]].opening(now, call.tokens)

    def reachable(index: int, now: float) -> Opening:
        if network is None:
            return at_gate(index, now)
        return network.opening(call.candidates, index, lambda each: at_gate(each, now), now)

    def with_room(index: int, now: float) -> Opening:
        assert residency is not None  # noqa: S101 - asked for below
        opening = reachable(index, now)
        return residency.opening(call.candidates[index], call.snapshot.provider, opening, now)

    if residency is not None:
        return with_room
    return at_gate if network is None else reachable


class Walk:
    """One call on its way. One task drives it.

    Args:
        call: The call.
        here: What the running loop has for itself.
        clock: Where time comes from.
        roll: Draws a number from 0 to 1.
        hedges: The share of calls that may be hedged, or None for none.
    """

    __slots__ = ("_call", "_clock", "_hedges", "_here", "_last", "_now", "_planned", "_roll")

    def __init__(
        self,
        call: Call,
        here: Here,
        clock: Clock,
        roll: Callable[[], float],
        hedges: HedgeShare | None,
    ) -> None:
        self._call = call
        self._here = here
        self._clock = clock
        self._now = here.now
        self._roll = roll
        self._planned: Plan | None = None
        self._last: tuple[int, CallFailed] | None = None
        # A batch call has time; a lone candidate has no other.
        pays = hedges is not None and len(call.candidates) > 1 and call.urgency != "batch"
        self._hedges = hedges if pays else None

    async def run(self) -> Attempt:
        """Return the attempt that stands: at its first content if that is handed out, else at its end.

        Raises:
            CallFailed: No attempt stood.
        """
        if self._hedges is not None:
            self._hedges.called(self._now())
        if not self._call.candidates:
            raise NoCandidate(f"no candidate may serve this call ({BARRED})")
        step = FIRST if self._clear(self._now()) else self._plan(-1).next(self._now())
        while True:
            match step:
                case Try():
                    found = await self._try(step)
                    if isinstance(found, Attempt):
                        return found
                    step = found
                case Wait(until):
                    await self._clock.sleep(until - self._now())
                    step = self._plan().next(self._now())
                case GiveUp(error):
                    raise error

    def _clear(self, now: float) -> bool:
        """Whether the first candidate may be tried at once, as nearly always: no plan is needed as long as all goes well."""
        call = self._call
        if call.network is not None or call.snapshot.residency is not None:
            return False
        in_time = call.deadline - now >= call.route.policy.min_left
        return in_time and self._gate(0).opening(now, call.tokens) is ALWAYS

    def _plan(self, at: int = 0) -> Plan:
        """Return the call's plan; `at` is the candidate under way where there was none before."""
        found, call = self._planned, self._call
        if found is None:
            policy = call.route.policy
            found = self._planned = Plan(call.candidates, policy, call.deadline, _openings(call), at)
        return found

    def _gate(self, index: int) -> Gate:
        return self._call.snapshot.gates[self._call.candidates[index]]

    async def _try(self, step: Try) -> Attempt | Step:
        """Make one attempt, and return it if it stands, else what to do next."""
        network, now = self._call.network, self._now()
        if network is not None and not network.admit(self._call.candidates[step.index].endpoint, now):
            return self._plan().refused(now)
        self._pay(step.index)
        attempt = self._attempt(step.index, now, panic=step.panic)
        if self._hedges is not None:
            raced = await self._race(attempt, step.index)
            if not isinstance(raced, Attempt):
                return raced
            attempt = raced
        else:
            try:
                await attempt.begin()
            except (CallFailed, Refused) as error:
                return self._next(step.index, error)
        if network is not None:
            network.learned(attempt.deployment.endpoint, None, self._now())
        if not self._call.handed:
            try:
                await attempt.finish()
            except CallFailed as error:
                return self._broken_off(attempt, error)
        return attempt

    def _broken_off(self, attempt: Attempt, error: CallFailed) -> Step:
        """Return the step to take after an attempt of which nothing was handed out yet."""
        call = self._call
        if call.live and not call.route.restart and not isinstance(error, DeadlineExceeded):
            raise error  # the file wants to hear of an answer that broke off
        return self._next(call.candidates.index(attempt.deployment), error)

    def _next(self, index: int, error: CallFailed | Refused) -> Step:
        now = self._now()
        if isinstance(error, Refused):
            return self._plan().refused(now)
        if isinstance(error, BudgetExceeded) and error.use is not None:
            raise error
        if isinstance(error, DeadlineExceeded):
            raise self._plan().out_of_time(error) from error
        if self._call.network is not None:
            self._call.network.learned(self._call.candidates[index].endpoint, error, now)
        self._last = (index, error)
        return self._plan().failed(error, now, self._roll(), index=index)

    def _pay(self, index: int) -> None:
        """Take a further try at the same deployment from its endpoint's budget."""
        if self._last is None or self._last[0] != index:
            return
        treatment = TREATMENTS[self._last[1].kind]
        # Waiting for a model, or trying again where a kept connection had gone stale, asks nothing more of it.
        if not (treatment.poll or treatment.at_once):
            self._gate(index).retried(self._last[1])

    async def _race(self, first: Attempt, index: int) -> Attempt | Step:
        """Bring the attempt, or a second one beside it, to its first content."""
        hedges = self._hedges
        assert hedges is not None  # noqa: S101 - asked before
        found = await race(first, hedges.after, self._second)
        step: Step | None = None
        for attempt, error in found.failures:
            if isinstance(error, BudgetExceeded | DeadlineExceeded) and found.winner is not None:
                continue  # a hedge that no budget pays for is left undone; a place that came too late is not needed
            at = index if attempt is first else self._call.candidates.index(attempt.deployment)
            if not isinstance(error, CallFailed | Refused):
                raise error
            if attempt is first or not isinstance(error, Refused):
                step = self._next(at, error)
        if found.winner is not None:
            at = self._call.candidates.index(found.winner.deployment)
            if at != index:
                self._plan().moved(at)
            return found.winner
        return step if step is not None else self._plan().next(self._now())

    def _second(self) -> Attempt | None:
        """Return the attempt to make beside a slow one, if there is another endpoint with a free place."""
        now = self._now()
        index = self._plan().hedge(now, self._apart)
        if index is None or self._hedges is None:
            return None
        endpoint = self._call.candidates[index].endpoint
        if not self._here.limiter(endpoint).free or not self._hedges.take(now):
            return None
        network = self._call.network
        if network is not None and not network.admit(endpoint, now):
            return None
        self._hedges = None  # one for each call
        self._gate(index).hedged()
        return self._attempt(index, now, panic=False)

    def _apart(self, one: int, other: int) -> bool:
        candidates = self._call.candidates
        return candidates[one].endpoint is not candidates[other].endpoint

    def _attempt(self, index: int, now: float, *, panic: bool) -> Attempt:
        call = self._call
        deployment = call.candidates[index]
        endpoint = deployment.endpoint
        provider = checked(call.snapshot.provider(endpoint), endpoint, self._gate(index), self._clock)
        return Attempt(
            call,
            deployment,
            provider,
            self._here.limiter(endpoint),
            self._gate(index),
            self._here.timers,
            self._clock,
            (now, self._roll()),
            panic=panic,
        )
