"""The engine: carries out what the plan decides, one path for whole and streamed answers."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import threading
import weakref
from typing import TYPE_CHECKING

from router.core.clock import Clock, LoopClock
from router.core.errors import CallFailed, DeadlineExceeded
from router.core.messages import Completion
from router.policy.plan import GiveUp, Plan, Try, Wait
from router.runtime.attempt import NOTHING, Attempt
from router.runtime.call import Call, Origin, make_call
from router.runtime.limiter import Limiter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from router.compile.program import Deployment, Program
    from router.core.port import Provider
    from router.core.request import Endpoint

_Limiters = dict[str, Limiter]


class Engine:
    """A compiled configuration with its providers.

    Its changing state: `_providers`, filled under `_lock` from any thread; `_limiters`, a map per event loop that
    only that loop touches.
    """

    def __init__(
        self,
        program: Program,
        providers: Mapping[str, Provider],
        *,
        http: object | None = None,
        clock: Clock | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self.program = program
        self._http = http
        self._clock = clock or LoopClock()
        self._dice = dice or random.Random()  # noqa: S311 - backoff and splits need no cryptography
        self._providers = dict(providers)
        self._limiters: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Limiters] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()
        self._prefix = os.urandom(6).hex()
        self._numbers = itertools.count(1)

    def call(
        self,
        messages: object,
        opts: Mapping[str, object] | None,
        keywords: Mapping[str, object],
        *,
        live: bool,
    ) -> Call:
        """Return a checked call whose clock is running.

        Raises:
            InvalidCall: It is malformed; nothing was sent.
            NoCandidate: Nothing may serve it.
            InvariantViolated: A hop of it would break an invariant.
        """
        request_id = f"{self._prefix}-{next(self._numbers)}"
        origin = Origin(self._clock.now(), request_id, live, self._dice.random())
        try:
            return make_call(self.program, messages, opts, keywords, origin)
        except CallFailed as error:
            error.request_id = request_id
            raise

    def now(self) -> float:
        """Return the seconds of the clock that calls are timed by."""
        return self._clock.now()

    async def run(self, call: Call) -> Attempt:
        """Walk the call's plan until an attempt stands: at its first content if live, else at its end.

        Raises:
            CallFailed: No attempt stood; every attempt is inside.
        """
        plan = Plan(call.candidates, call.route.policy, call.deadline)
        step = plan.next(self._clock.now())
        while True:
            match step:
                case Try(index):
                    attempt = self._attempt(call, call.candidates[index])
                    try:
                        await attempt.stand()
                    except DeadlineExceeded as error:
                        raise self.failed(call, plan.out_of_time(error)) from error
                    except CallFailed as error:
                        step = plan.failed(error, self._clock.now(), self._dice.random())
                    else:
                        return attempt
                case Wait(until):
                    await self._clock.sleep(until - self._clock.now())
                    step = plan.next(self._clock.now())
                case GiveUp(error):
                    raise self.failed(call, error)

    def failed(self, call: Call, error: CallFailed) -> CallFailed:
        """Return an error with the call's id and attempts in it."""
        error.request_id = call.request_id
        error.attempts = tuple(call.attempts)
        return error

    def completion(self, attempt: Attempt) -> Completion:
        """Return the answer of an attempt that has ended well."""
        call, collector, done = attempt.call, attempt.collector, attempt.done
        if done is None or attempt.usage is None:
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
            request_id=call.request_id,
            ms=(self._clock.now() - call.started) * 1000,
        )

    async def close(self) -> None:
        """Free what the providers hold; the next call opens them again."""
        with self._lock:
            providers = list(self._providers.values())
        for provider in providers:
            await provider.close()

    def _attempt(self, call: Call, deployment: Deployment) -> Attempt:
        endpoint = deployment.endpoint
        return Attempt(call, deployment, self._provider(endpoint), self._limiter(endpoint), self._clock)

    def _provider(self, endpoint: Endpoint) -> Provider:
        provider = self._providers.get(endpoint.name)
        if provider is None:
            from router.providers.registry import create  # noqa: PLC0415 - adapters load with the first call

            with self._lock:
                provider = self._providers.get(endpoint.name)
                if provider is None:
                    provider = self._providers[endpoint.name] = create(endpoint, self._http)
        return provider

    def _limiter(self, endpoint: Endpoint) -> Limiter:
        loop = asyncio.get_running_loop()
        limiters = self._limiters.get(loop)
        if limiters is None:
            with self._lock:
                limiters = self._limiters.setdefault(loop, {})
        limiter = limiters.get(endpoint.name)
        if limiter is None:
            limiter = limiters[endpoint.name] = Limiter(endpoint)
        return limiter


def total_cost(call: Call) -> Decimal | None:
    """Return dollars of all attempts, or None when one of them is unknown."""
    total = NOTHING
    for record in call.attempts:
        if record.cost is None:
            return None
        total += record.cost
    return total
