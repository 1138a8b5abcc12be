"""The engine: carries out what the plan decides, one path for whole and streamed answers."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import threading
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from router.core.clock import Clock, LoopClock
from router.core.errors import BudgetExceeded, CallFailed
from router.core.messages import Completion
from router.policy.balance import balanced
from router.policy.hedge import HedgeShare
from router.runtime.call import Origin, asked, instead, make_call
from router.runtime.forks import follow
from router.runtime.gates import Gates
from router.runtime.here import Here
from router.runtime.ladder import descend
from router.runtime.network import network_of
from router.runtime.notify import Audience
from router.runtime.records import recorded, refused, total_cost
from router.runtime.replay import Replay
from router.runtime.snapshot import Snapshot
from router.runtime.spending import Spending
from router.runtime.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router.compile.program import Deployment, Program
    from router.core.observer import Observer
    from router.core.port import Provider
    from router.policy.cachekey import CachePolicy
    from router.policy.calllog import LogPolicy
    from router.runtime.attempt import Attempt
    from router.runtime.cache import Cache
    from router.runtime.call import Call
    from router.runtime.residency import Residency

DRAIN = 60.0
QUIET = 300.0


class Engine:
    """A compiled configuration with its providers.

    Its changing state: `_snapshot`, one reference that `adopt` exchanges; `_heres`, what each event loop has for
    itself, with the last one that was asked for in `_here`; what gates and snapshots guard themselves.
    """

    def __init__(  # noqa: PLR0913 - each is a keyword with a default
        self,
        program: Program,
        providers: Mapping[str, Provider],
        *,
        http: object | None = None,
        clock: Clock | None = None,
        dice: random.Random | None = None,
        observers: Sequence[Observer] = (),
        log: Callable[[LogPolicy], Observer] | None = None,
    ) -> None:
        self.audience = Audience(observers)
        self._log = log
        if log is not None:
            self.audience.log(program.log, log)
        self._given = dict(providers)
        self._http = http
        self._clock = clock or LoopClock()
        self._own_dice = dice is None
        self._dice = dice or random.Random()  # noqa: S311 - backoff and splits need no cryptography
        self._start_anew(program)
        follow(self)

    def _start_anew(self, program: Program) -> None:
        self.gates = Gates(self.audience.noticed)
        self._snapshot = Snapshot(program, self.gates.of(program), self._given, self._http)
        self._house(self._snapshot, None)
        self._heres: dict[asyncio.AbstractEventLoop, Here] = {}
        self._here: Here | None = None
        self._hedges = HedgeShare(program.hedge) if program.hedge is not None else None
        self.spending = Spending(program.costs, self._clock, self.audience.noticed)
        self.network = network_of(program, None, self.audience.noticed)
        self._caches: dict[CachePolicy, Cache] = {}
        self._open_cache(program)
        self._lock = threading.Lock()
        self._called = 0.0
        self._prefix = os.urandom(6).hex()
        self._numbers = itertools.count(1)

    def forked(self) -> object:
        """Begin anew in a child process: its parent's attempts never end here, its ids and dice are not ours."""
        parents = (
            self.gates,
            self._snapshot,
            self._heres,
            self._here,
            self._lock,
            self.spending,
            self._caches,
        )
        self._start_anew(self._snapshot.program)
        if self._own_dice:
            self._dice.seed()
        return parents

    def _house(self, snapshot: Snapshot, before: Residency | None) -> None:
        """Have the models that a configuration declares the memory of watched."""
        if snapshot.program.residency is not None:
            from router.runtime.residency_care import residency_of  # noqa: PLC0415 - only who declares it needs it

            snapshot.residency = residency_of(snapshot, before, self._clock, self.audience.noticed)

    @property
    def program(self) -> Program:
        """The configuration that the next call will have."""
        return self._snapshot.program

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force, with its providers."""
        return self._snapshot

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        return self._clock

    @property
    def dice(self) -> random.Random:
        """Where chance comes from."""
        return self._dice

    def adopt(self, program: Program) -> Snapshot:
        """Put another configuration in force for all calls from now on; return the old one.

        Calls under way keep theirs. Breakers, rates and connections of what stays the same are kept.
        """
        with self._lock:
            old = self._snapshot
            hedge = program.hedge
            if hedge != old.program.hedge:
                self._hedges = HedgeShare(hedge) if hedge is not None else None
            new = old.successor(program, self.gates.of(program))
            self._house(new, old.residency)
            self._open_cache(program)
            self._snapshot = new
            self.spending = Spending(program.costs, self._clock, self.audience.noticed, self.spending)
            self.network = network_of(program, self.network, self.audience.noticed)
            if self._log is not None:
                self.audience.log(program.log, self._log)
        return old

    def call(
        self,
        messages: object,
        opts: Mapping[str, object] | None,
        keywords: Mapping[str, object],
        *,
        live: bool,
    ) -> Call:
        """Return a checked call whose clock is running; it ends with `ended`.

        Raises:
            InvalidCall: It is malformed; nothing was sent.
            NoCandidate: Nothing may serve it.
            InvariantViolated: A hop of it would break an invariant.
        """
        request_id = f"{self._prefix}-{next(self._numbers)}"
        here = self.here()
        self._called = now = here.now()
        origin = Origin(now, self._clock.wall(), request_id, live, self._dice.random())
        snapshot = self._snapshot
        try:
            cache = self.cache(snapshot.program)
            made = make_call if cache is None else cache.molds.call
            call = made(snapshot, messages, opts, keywords, origin)
        except CallFailed as error:
            error.request_id = request_id
            if self.audience:
                told = asked(snapshot.program, messages, opts, keywords, live=live)
                self.audience.call_ended(refused(origin, error, told))
            raise
        if snapshot.program.balanced:
            call.candidates = self._balanced(call)
        if self.audience:
            call.observed = self.audience.attempt_ended
        call.spending, call.network, call.here = self.spending, self.network, here
        snapshot.begin()
        return call

    def quiet(self) -> bool:
        """Whether nobody has called for a while."""
        return self._clock.now() - self._called > QUIET

    def now(self) -> float:
        """Return the seconds of the clock that calls are timed by."""
        return self._clock.now()

    async def complete(
        self, messages: object, opts: Mapping[str, object] | None, keywords: Mapping[str, object]
    ) -> Completion:
        """Make a call and return its whole answer.

        Raises:
            InvalidCall: It is malformed; nothing was sent.
            CallFailed: No attempt stood; every attempt is inside.
        """
        call = self.call(messages, opts, keywords, live=False)
        try:
            completion = self.completion(await self.run(call))
        except BaseException as error:
            self.ended(call, None, error)
            raise
        self.ended(call, completion, None)
        return completion

    async def run(self, call: Call) -> Attempt | Replay:
        """Walk the call's plan until an attempt stands: at its first content if that is handed out, else at its end.

        Raises:
            CallFailed: No attempt stood; every attempt is inside.
        """
        try:
            cache = self.cache(call.program) if call.question is not None else None
            if cache is not None:
                return await cache.answer(call, self._answered)
            return await (self._walked if call.program.offline is None else self._answered)(call)
        except CallFailed as error:
            raise self.failed(call, error) from error.__cause__

    async def _answered(self, call: Call) -> Attempt | Replay:
        """Walk, and go down the offline ladder where no attempt stands."""
        try:
            return await self._walked(call)
        except CallFailed as error:
            cache = self.cache(call.program)
            stale = cache.stale if cache is not None else None
            found = await descend(call, error, self._walked, stale, self._dice.random())
        if isinstance(found, Replay):
            ms = (self._clock.now() - call.started) * 1000
            own = replace(found.completion, attempts=tuple(call.attempts), cost=total_cost(call), ms=ms)
            return Replay(call, own)
        return found

    async def _walked(self, call: Call) -> Attempt:
        while True:
            try:
                here = call.here or self.here()
                return await Walk(call, here, self._clock, self._dice.random, self._hedges).run()
            except BudgetExceeded as error:
                instead(call, error)  # raises it where no other model answers

    def failed(self, call: Call, error: CallFailed) -> CallFailed:
        """Return an error with the call's id and attempts in it."""
        error.request_id = call.request_id
        error.attempts = tuple(call.attempts)
        error.degraded = call.degraded
        return error

    def completion(self, attempt: Attempt | Replay) -> Completion:
        """Return the answer of an attempt that has ended well."""
        if isinstance(attempt, Replay):
            return attempt.completion
        call, collector, done, record = attempt.call, attempt.collector, attempt.done, attempt.record
        if done is None or record is None or attempt.usage is None:
            raise AssertionError("only a finished attempt has an answer")
        return Completion(
            role="assistant",
            content=collector.text,
            tool_calls=collector.tool_calls,
            model=attempt.deployment.model,
            endpoint=attempt.deployment.endpoint.name,
            rule=call.rule,
            usage=attempt.usage,
            finish_reason=done.finish_reason,
            reasoning=collector.reasoning,
            cost=total_cost(call),
            attempts=tuple(call.attempts),
            degraded=call.degraded,
            request_id=call.request_id,
            ms=record.at_ms + record.ms,
            notes=attempt.ready.notes if attempt.ready is not None else (),
        )

    def ended(self, call: Call, completion: Completion | None, error: BaseException | None) -> None:
        """Take note that a call is over; without answer and error it was left."""
        call.snapshot.end()
        cache = self.cache(call.program) if call.question is not None else None
        if completion is not None and cache is not None:
            cache.keep(call, completion)
        if completion is not None and completion.cached:
            self.spending.kept(call, completion)
        if self.audience:
            ms = (self._clock.now() - call.started) * 1000
            self.audience.call_ended(recorded(call, completion, error, ms))

    async def close(self, drain: float = 0.0) -> None:
        """Free what the providers hold, once the calls under way are over or `drain` seconds have passed.

        The next call opens them again.
        """
        snapshot = self._snapshot
        await self.drained(snapshot, drain)
        await snapshot.close()
        if snapshot.residency is not None:
            snapshot.residency.closed()
        await self.spending.scribe.close()
        await self.audience.close()
        for cache in list(self._caches.values()):
            await cache.store.close()

    async def drained(self, snapshot: Snapshot, seconds: float = DRAIN) -> None:
        """Return when no call runs under a snapshot any more, or so many seconds have passed."""
        until = self._clock.now() + seconds
        while snapshot.running and self._clock.now() < until:
            await self._clock.sleep(min(0.05, seconds))

    def _balanced(self, call: Call) -> tuple[Deployment, ...]:
        """Return the candidates with each model's places in the order of the moment."""
        models, gates = call.program.models, call.snapshot.gates
        found: list[Deployment] = []
        for model, group in groupby(call.candidates, key=lambda each: each.model):
            places = list(group)
            how = models[model].balance
            weights = [place.weight for place in places]
            found += balanced(places, how, weights, gates.__getitem__, self._clock.now(), self._dice.random)
        return tuple(found)

    def cache(self, program: Program) -> Cache | None:
        """Return where answers are kept under a program, or None."""
        return None if program.cache is None else self._caches[program.cache]

    def _open_cache(self, program: Program) -> None:
        """Have a place for the answers that a program keeps; those before it stay open for their calls."""
        policy = program.cache
        if policy is not None and policy not in self._caches:
            from router.runtime.cache import Cache, store_of  # noqa: PLC0415 - only who declares it needs it

            store = store_of(policy, self._caches.values(), self._clock)
            self._caches[policy] = Cache(policy, store, self._clock, self._dice.random, self.completion)

    def here(self) -> Here:
        """Return what the running loop has for itself."""
        loop = asyncio.get_running_loop()
        here = self._here
        if here is None or here.loop is not loop:
            with self._lock:
                found = {each: of for each, of in self._heres.items() if not each.is_closed()}
                here = found.get(loop) or Here(loop, self._clock)
                self._heres = {**found, loop: here}
                self._here = here
        return here
