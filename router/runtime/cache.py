"""Answers that are kept: found again for equal calls, asked for once when many ask at once."""

from __future__ import annotations

import logging
from itertools import groupby
from typing import TYPE_CHECKING

from router.core.messages import Completion
from router.core.usage import NOTHING
from router.policy.cachekey import LARGEST, Asked, good_for, is_good, question, worth_keeping
from router.runtime.flight import Flights, Landed
from router.runtime.kept import Kept, decoded, encoded
from router.runtime.molds import Molds
from router.runtime.replay import Replay
from router.runtime.stores import MemoryStore, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from decimal import Decimal

    from router.core.clock import Clock
    from router.policy.cachekey import CachePolicy, Question
    from router.runtime.attempt import Attempt
    from router.runtime.call import Call
    from router.runtime.stores import Store

LOG = logging.getLogger("router")
LAST = "-last"  # what the key of an answer ends with that is kept for `stale` alone


class Cache:
    """The stage between a call and its walk. A fault of it is a miss, told once.

    Its changing state: `_told`; its store and its flights guard their own.

    Args:
        policy: What the file says.
        store: Where answers are kept.
        clock: Where time comes from.
        roll: Draws a number from 0 to 1.
        completion: Returns the answer of what has ended well.
    """

    def __init__(
        self,
        policy: CachePolicy,
        store: Store,
        clock: Clock,
        roll: Callable[[], float],
        completion: Callable[[Attempt | Replay], Completion],
    ) -> None:
        self.policy = policy
        self.store = store
        self._clock = clock
        self._roll = roll
        self._completion = completion
        self._flights = Flights(clock)
        self.molds = Molds(self._question)
        self._told = False

    async def answer(
        self, call: Call, ask: Callable[[Call], Awaitable[Attempt | Replay]]
    ) -> Attempt | Replay:
        """Return a kept answer, or what comes of asking; equal whole calls at once ask once.

        Raises:
            CallFailed: No answer.
        """
        asked = call.question
        if asked is None or asked.ttl is None:
            return await ask(call)
        found = self._good(asked, self.store.near(asked.key))
        if found is not None:
            return self._replay(call, *found)
        if call.handed:  # its first words are not to wait for the end of another's
            found = await self._found(asked)
            return await ask(call) if found is None else self._replay(call, *found)
        # One that refuses the offline ladder fails where others are answered: they do not wait for each other.
        refuses = bool(call.options.get("no_degrade") or call.route.no_degrade)
        landed, mine = await self._flights.join(
            f"{asked.key} {refuses}", call.deadline, lambda: self._landed(call, asked, ask)
        )
        return landed.found if mine else self._replay(call, landed.answer, landed.saved)

    async def _landed(
        self, call: Call, asked: Question, ask: Callable[[Call], Awaitable[Attempt | Replay]]
    ) -> Landed:
        """Look, then ask; what came of it, for this call and for those that wait for it."""
        found = await self._found(asked)
        if found is not None:
            replay = self._replay(call, *found)
            return Landed(*found, replay)
        standing = await ask(call)
        answer = self._completion(standing)
        self.keep(call, answer)
        # A kept answer of the offline ladder has no attempt of its own: it saves what it had cost.
        return Landed(answer, call.saved if answer.cached else _cost(answer), standing)

    def keep(self, call: Call, answer: Completion) -> None:
        """Keep the answer of a call, if it is worth it; once."""
        asked, call.question = call.question, None
        if asked is None or not worth_keeping(answer, asked, self.policy):
            return
        try:
            body = encoded(answer, _cost(answer))
            if len(body) > LARGEST:
                return
            now, stale = self._clock.wall(), self.policy.stale or 0.0
            if asked.ttl is None:
                self.store.put(asked.key + LAST, Kept(body, now, 0.0, now + stale))
            else:
                until = now + good_for(asked.ttl, self._roll())
                self.store.put(asked.key, Kept(body, now, until, max(until, now + stale)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the call has its answer
            self._tell(error)

    async def stale(self, call: Call, max_age: float) -> Completion | None:
        """Return the last answer to exactly this call that is at most so many seconds old, or None.

        It comes as a kept one does: `cached`, at no cost, with the call's own id and rule.
        """
        asked = call.question or self._question(call)
        if asked is None:
            return None
        now = self._clock.wall()
        kept = [await self._kept(key) for key in (asked.key, asked.key + LAST)]
        good = [each for each in kept if each is not None and abs(now - each.stored) <= max_age]
        if not good:
            return None
        found = self._decoded(max(good, key=lambda each: each.stored))
        return None if found is None else self._replay(call, *found).completion

    def _question(self, call: Call) -> Question | None:
        """Return what a call asks; the places of a model in an order of their own, for the moment's may differ."""
        asked = [
            Asked(model, each.endpoint, call.request(each), _mark(call, model))
            for model, group in groupby(call.intended, key=lambda each: each.model)
            for each in sorted(group, key=lambda each: each.endpoint.name)
        ]
        separate = {name: call.dimensions[name] for name in self.policy.separate}
        tenant = {"user": call.options.get("user"), "dimensions": separate}
        return question(tenant, asked, call.cache_use, self.policy)

    async def _found(self, asked: Question) -> tuple[Completion, Decimal | None] | None:
        """Return an answer that may stand for a new one, and what it had cost."""
        return self._good(asked, await self._kept(asked.key))

    def _good(self, asked: Question, kept: Kept | None) -> tuple[Completion, Decimal | None] | None:
        if kept is None or not is_good(asked, self._clock.wall(), kept.stored, kept.until):
            return None
        return self._decoded(kept)

    async def _kept(self, key: str) -> Kept | None:
        try:
            return await self.store.get(key)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a miss
            self._tell(error)
            return None

    def _decoded(self, kept: Kept) -> tuple[Completion, Decimal | None] | None:
        try:
            return decoded(kept.body)
        except ValueError as error:
            self._tell(error)
            return None

    def _replay(self, call: Call, answer: Completion, saved: Decimal | None) -> Replay:
        """Return an answer as this call's own."""
        call.question, call.saved, call.degraded = None, saved, answer.degraded
        ms = (self._clock.now() - call.started) * 1000
        own = Completion(
            role=answer.role,
            content=answer.content,
            tool_calls=answer.tool_calls,
            model=answer.model,
            endpoint=answer.endpoint,
            rule=call.rule,
            usage=answer.usage,
            finish_reason=answer.finish_reason,
            reasoning=answer.reasoning,
            cost=NOTHING,
            cached=True,
            degraded=answer.degraded,
            request_id=call.request_id,
            ms=ms,
            notes=answer.notes,
        )
        return Replay(call, own)

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            where = self.policy.path or "memory"
            LOG.warning("answers kept in %s are of no use, calls go on without: %s", where, error)


def _mark(call: Call, model: str) -> str:
    """Return what tells how a model's processors change calls and answers."""
    pipeline = call.snapshot.pipelines.get(model)
    return pipeline.mark if pipeline is not None else ""


def _cost(answer: Completion) -> Decimal | None:
    """Return dollars of the attempt that gave an answer: what the next call saves."""
    return next((each.cost for each in answer.attempts if each.outcome == "ok"), None)


def store_of(policy: CachePolicy, others: Iterable[Cache], clock: Clock) -> Store:
    """Return where a configuration keeps its answers: the place that another has already, if it is the same."""
    for other in others:
        if (other.policy.path, other.policy.size) == (policy.path, policy.size):
            return other.store
    return MemoryStore(policy.size) if policy.path is None else SqliteStore(policy.path, policy.size, clock)
