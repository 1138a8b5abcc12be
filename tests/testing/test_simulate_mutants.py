"""Is the simulator worth anything? Each mutant breaks the product in one way, and must be found within a few storms."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from support.simulation import load

from router.compile.program import Program
from router.core import errors
from router.core.events import Collector, Done
from router.policy import breaker, budget, cachekey, kinds, offline, plan, rate, retry
from router.policy.hedge import HedgeShare
from router.policy.offline import descends
from router.runtime import (
    attempt,
    cache,
    call,
    engine,
    flight,
    gate,
    hedge,
    ladder,
    ledger,
    limiter,
    network,
    notify,
    prepare,
    records,
    reply,
    spending,
    walk,
)
from router.runtime.call import Call
from router.testing.simulate import simulate

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage

SEEDS = 60
MUTANTS = {}


def mutant(function):
    MUTANTS[function.__name__.replace("_", " ")] = function
    return function


def nothing(*_args, **_kwargs):
    return None


# Breakers.


@mutant
def a_breaker_never_opens(patch):
    patch.setattr(breaker.Breaker, "_open", nothing)


@mutant
def a_breaker_never_closes(patch):
    patch.setattr(breaker.Breaker, "close", nothing)


@mutant
def an_open_breaker_stays_open(patch):
    before = breaker.Breaker.opens
    patch.setattr(
        breaker.Breaker, "opens", lambda self, now: 1e9 if self.state == "open" else before(self, now)
    )
    patch.setattr(
        breaker.Breaker, "panics", lambda self, now: 1e9 if self.state == "open" else before(self, now)
    )


@mutant
def a_half_open_breaker_lets_every_probe_through(patch):
    patch.setattr(
        breaker.Breaker,
        "opens",
        lambda self, _: max(self.cooled_until, self._until if self.state == "open" else 0.0),
    )


@mutant
def probes_in_panic_are_not_bounded(patch):
    patch.setattr(breaker.Breaker, "panics", lambda self, _: self.cooled_until)


@mutant
def results_of_an_older_generation_count(patch):
    for name in ("succeeded", "failed", "released", "tripped"):
        before = getattr(breaker.Breaker, name)
        patch.setattr(
            breaker.Breaker,
            name,
            lambda self, given, *more, before=before: before(
                self, breaker.Pass(self.generation, given.probe), *more
            ),
        )


@mutant
def a_probe_without_verdict_keeps_its_pass(patch):
    patch.setattr(breaker.Breaker, "released", nothing)


@mutant
def a_refused_key_is_used_on(patch):
    patch.setattr(breaker.Breaker, "tripped", nothing)


@mutant
def retry_after_is_not_told_to_the_others(patch):
    patch.setattr(breaker.Breaker, "cool", nothing)


@mutant
def a_caller_who_leaves_counts_as_a_failure(patch):
    before = gate._settle

    def settle(guard, given, result, now, dice):
        if isinstance(result[0], asyncio.CancelledError):
            guard.breaker.failed(given, now, dice)
        else:
            before(guard, given, result, now, dice)

    patch.setattr(gate, "_settle", settle)


@mutant
def only_the_first_key_is_used(patch):
    patch.setattr(gate.Gate, "_open_key", lambda self, _: 0 if self._keys else None)


# Rates.


@mutant
def rates_are_not_paid(patch):
    patch.setattr(rate.Rate, "take", nothing)


@mutant
def a_probe_in_panic_pays_no_rate(patch):
    before = gate.Gate.opening

    def opening(self, now, tokens=0):
        found = before(self, now, tokens)
        panics = [guard.breaker.panics(now) for guard in self._guards]
        return found._replace(panic=max(panics, default=0.0))

    patch.setattr(gate.Gate, "opening", opening)


# Walks.


@mutant
def a_bad_request_is_tried_again(patch):
    patch.setitem(kinds.TREATMENTS, "invalid_request", kinds._again())


@mutant
def nothing_fails_over(patch):
    patch.setattr(plan.Plan, "_moves", lambda *_: False)


@mutant
def attempts_are_not_counted(patch):
    before = plan.Plan.__init__

    def init(self, candidates, policy, *more):
        before(self, candidates, replace(policy, retry=replace(policy.retry, attempts=99)), *more)

    patch.setattr(plan.Plan, "__init__", init)


@mutant
def a_smaller_context_is_good_enough(patch):
    patch.setattr(plan.Plan, "_eligible", lambda *_: True)
    patch.setattr(prepare, "_fit", nothing)  # which would see to it all the same


@mutant
def there_is_no_backoff(patch):
    patch.setattr(retry.RetryPolicy, "delay", lambda *_: 0.0)


@mutant
def a_call_sleeps_before_it_gives_up(patch):
    before = walk.Walk.run

    async def run(self):
        try:
            return await before(self)
        except errors.ServerError:
            await asyncio.sleep(0.5)
            raise

    patch.setattr(walk.Walk, "run", run)


@mutant
def rules_are_ignored(patch):
    patch.setattr(
        Program,
        "candidates",
        lambda self, *_: tuple(each for model in self.models.values() for each in model.deployments),
    )


# Time.


@mutant
def the_deadline_is_ignored(patch):
    before = attempt.Attempt._limit

    def limit(self):
        deadline, self.call.deadline = self.call.deadline, self.call.deadline + 60
        try:
            return before(self)
        finally:
            self.call.deadline = deadline

    patch.setattr(attempt.Attempt, "_limit", limit)


@mutant
def a_silent_endpoint_is_waited_for(patch):
    patch.setattr(attempt.Attempt, "_limit", lambda self: self.call.deadline)


@mutant
def requests_are_sent_at_the_last_moment(patch):
    before = limiter.Limiter.acquire
    patch.setattr(
        limiter.Limiter,
        "acquire",
        lambda self, urgency, clock, deadline: before(self, urgency, clock, deadline + 0.2),
    )


@mutant
def a_slow_reader_is_the_endpoints_fault(patch):
    before = attempt.Attempt._limit

    def limit(self):
        if self._reader is not None:
            self._reader.paused = 0.0
        return before(self)

    patch.setattr(attempt.Attempt, "_limit", limit)


# Places and queues.


@mutant
def a_place_is_not_given_back_when_the_caller_leaves(patch):
    before = attempt.Attempt._give_back

    def give_back(self, error):
        self._held = self._held and not isinstance(error, asyncio.CancelledError)
        before(self, error)

    patch.setattr(attempt.Attempt, "_give_back", give_back)


@mutant
def a_place_given_to_one_who_leaves_is_lost(patch):
    def leave(self, waiter):
        if waiter in self._queue:
            self._remove(waiter)

    patch.setattr(limiter.Limiter, "_leave", leave)


@mutant
def a_place_is_given_back_twice(patch):
    before = limiter.Limiter.release

    def release(self, *more):
        before(self, *more)
        if self._held > 0:
            before(self, *more)

    patch.setattr(limiter.Limiter, "release", release)


@mutant
def nobody_wakes_those_who_wait(patch):
    def release(self, *_):
        self._held -= 1

    patch.setattr(limiter.Limiter, "release", release)


@mutant
def a_place_comes_back_late_after_a_failure(patch):
    before = attempt.Attempt._give_back

    def give_back(self, error):
        if self._held and error is not None:
            self._held = False
            asyncio.get_running_loop().call_later(0.4, self._limiter.release)
        before(self, error)

    patch.setattr(attempt.Attempt, "_give_back", give_back)


@mutant
def a_queue_has_no_end(patch):
    patch.setattr(limiter.Limiter, "_make_room", nothing)


@mutant
def urgency_is_ignored(patch):
    patch.setattr(limiter, "RANKS", dict.fromkeys(limiter.RANKS, 0))


@mutant
def the_youngest_is_served_first(patch):
    before = limiter.Limiter._enqueue

    def enqueue(self, rank):
        self._age -= 2
        return before(self, rank)

    patch.setattr(limiter.Limiter, "_enqueue", enqueue)


# Hedges.


@mutant
def the_loser_of_a_race_runs_on(patch):
    async def leave(_running, **_):
        await asyncio.sleep(0)

    patch.setattr(hedge, "_leave", leave)


@mutant
def a_second_attempt_goes_to_the_same_endpoint(patch):
    patch.setattr(walk.Walk, "_apart", lambda *_: True)


@mutant
def second_attempts_know_no_share(patch):
    patch.setattr(HedgeShare, "take", lambda *_: True)


@mutant
def a_winner_that_nobody_takes_stays_open(patch):
    before = attempt.Attempt.close

    async def close(self, error=None):
        won = self.pending is not None and self.record is None
        if not (won and isinstance(error, asyncio.CancelledError)):
            await before(self, error)

    patch.setattr(attempt.Attempt, "close", close)


# Answers.


@mutant
def an_answer_without_an_end_is_good_enough(patch):
    before = attempt.Attempt.read

    async def read(self):
        try:
            return await before(self)
        except errors.MalformedResponse as error:
            if "no end" not in str(error):
                raise
            self._end(Done("stop"))
            return None

    patch.setattr(attempt.Attempt, "read", read)


@mutant
def an_empty_answer_is_an_answer(patch):
    patch.setattr(Collector, "empty", False)


@mutant
def what_cannot_be_read_is_passed_over(patch):
    patch.setattr(attempt.Attempt, "_leave_out", nothing)


@mutant
def the_first_piece_is_handed_out_twice(patch):
    before = attempt.Attempt.next

    async def following(self):
        pending = self.pending
        found = await before(self)
        if pending is not None and not hasattr(self.call, "user") and self.collector.text == pending.text:
            self.pending = pending if len(self.call.attempts) == 0 and found is pending else None
            self.collector.add(pending)
        return found

    patch.setattr(attempt.Attempt, "next", following)


@mutant
def a_buffered_stream_is_handed_out_at_once(patch):
    patch.setattr(Call, "handed", property(lambda self: self.live))


@mutant
def a_live_stream_is_held_back(patch):
    patch.setattr(Call, "handed", property(lambda _: False))


@mutant
def a_stream_that_is_left_stays_open(patch):
    async def leave(self, *_):
        self._end(None)

    patch.setattr(reply.Reply, "__aexit__", leave)


@mutant
def answers_are_mixed_up(patch):
    before = engine.Engine.completion
    last = []

    def completion(self, found):
        last.append(before(self, found))
        return replace(last[-1], content=last[-2].content) if len(last) % 5 == 4 else last[-1]

    patch.setattr(engine.Engine, "completion", completion)


# What is told.


@mutant
def usage_is_estimated_although_it_was_told(patch):
    before = attempt.Attempt._end
    patch.setattr(attempt.Attempt, "_end", lambda self, done: before(self, replace(done, usage=None)))


@mutant
def failed_attempts_cost_nothing(patch):
    def cost(of):
        return of.attempts[-1].cost if of.attempts else attempt.NOTHING

    for module in (engine, records):
        patch.setattr(module, "total_cost", cost)


@mutant
def a_call_is_told_twice(patch):
    before = notify.Audience.call_ended

    def call_ended(self, record):
        before(self, record)
        if record.outcome == "cancelled":
            before(self, record)

    patch.setattr(notify.Audience, "call_ended", call_ended)


@mutant
def an_attempt_that_was_left_is_not_told(patch):
    before = Call.ended
    patch.setattr(
        Call, "ended", lambda self, record: None if record.outcome == "cancelled" else before(self, record)
    )


# Answers that are kept.


@mutant
def users_share_their_answers(patch):
    before = cachekey.key_of
    patch.setattr(cachekey, "key_of", lambda _, asked: before({}, asked))


@mutant
def options_do_not_count_for_kept_answers(patch):
    before = cachekey._one
    patch.setattr(
        cachekey, "_one", lambda asked: before(replace(asked, request=replace(asked.request, params={})))
    )


@mutant
def what_is_left_to_chance_is_kept(patch):
    patch.setattr(cachekey, "certain", lambda _: True)


@mutant
def kept_answers_never_end(patch):
    patch.setattr(cache, "is_good", lambda *_: True)


@mutant
def lesser_answers_are_kept(patch):
    patch.setattr(cache, "worth_keeping", lambda answer, *_: not answer.cached)


@mutant
def nothing_is_kept(patch):
    patch.setattr(cache.Cache, "keep", nothing)


@mutant
def stale_answers_are_of_any_age(patch):
    before = cache.Cache.stale
    patch.setattr(cache.Cache, "stale", lambda self, call, _: before(self, call, 1e9))


@mutant
def a_kept_answer_is_paid_for_again(patch):
    patch.setattr(cache, "NOTHING", Decimal("0.001"))


@mutant
def a_kept_answer_is_not_in_the_books(patch):
    patch.setattr(spending.Spending, "kept", nothing)


@mutant
def equal_calls_all_ask(patch):
    async def join(_self, _key, _deadline, ask):
        return await ask(), True

    patch.setattr(flight.Flights, "join", join)


@mutant
def a_caller_who_leaves_takes_the_others_along(patch):
    def hand_on(flights, key, found):
        for waiter in found.waiters:
            waiter.cancel()
        del flights[key]

    patch.setattr(flight, "_hand_on", hand_on)


@mutant
def when_one_leaves_the_others_wait_for_nobody(patch):
    patch.setattr(flight, "_hand_on", lambda flights, key, _: flights.pop(key))


@mutant
def the_deadline_of_one_is_that_of_all(patch):
    async def ask_for_all(_self, flights, key, found, ask):
        try:
            landed = await ask()
        except errors.CallFailed as error:
            flight._tell(flights, key, found, error)
            raise
        except BaseException:
            flight._hand_on(flights, key, found)
            raise
        flight._tell(flights, key, found, landed)
        return landed

    patch.setattr(flight.Flights, "_ask", ask_for_all)


# Money.


@mutant
def what_was_held_stays_held(patch):
    before = ledger._book
    patch.setattr(ledger, "_book", lambda db, key, spent, held: before(db, key, spent, max(0, held)))


@mutant
def nothing_is_held(patch):
    patch.setattr(spending, "reserve", lambda *_: 0)


@mutant
def all_users_share_one_sum(patch):
    patch.setattr(budget.Budget, "who", lambda *_: "")


@mutant
def attempts_are_half_the_price_in_the_books(patch):
    before = spending._ended

    def ended(record):
        found = before(record)
        return found._replace(cost=(found.cost or 0) // 2)

    patch.setattr(spending, "_ended", ended)


@mutant
def failed_attempts_are_not_in_the_books(patch):
    before = spending.Spending.settle

    def settle(self, call, deployment, record, entry):
        if record.outcome == "ok":
            before(self, call, deployment, record, entry)

    patch.setattr(spending.Spending, "settle", settle)


@mutant
def budgets_that_warn_refuse(patch):
    before = budget.CostPolicy.accounts

    def accounts(self, *more):
        return tuple(
            each._replace(enforced=each.enforced or each.budget.then == "warn")
            for each in before(self, *more)
        )

    patch.setattr(budget.CostPolicy, "accounts", accounts)


@mutant
def the_other_model_of_a_budget_is_not_told(patch):
    before = engine.instead

    def instead(call, error):
        before(call, error)
        call.degraded = None

    patch.setattr(engine, "instead", instead)


@mutant
def a_spent_budget_is_not_told(patch):
    patch.setattr(ledger, "crossed", nothing)


# The offline ladder.


@mutant
def who_refuses_the_ladder_is_answered_by_it(patch):
    patch.setattr(ladder, "_may", lambda _, error: descends(error))


@mutant
def the_ladder_comes_before_the_candidates(patch):
    before = engine.Engine._walked

    async def walked(self, call):
        if call.program.offline is not None and not call.attempts and call.candidates == call.intended:
            raise errors.ServerError("not tried")
        return await before(self, call)

    patch.setattr(engine.Engine, "_walked", walked)


@mutant
def any_canned_reply_will_do(patch):
    patch.setattr(
        offline.OfflinePolicy, "reply", lambda self, _: self.replies[0].say if self.replies else None
    )


@mutant
def a_lesser_answer_does_not_say_so(patch):
    def replayed(call, answer, _):
        return ladder.Replay(call, replace(answer, rule=call.rule, request_id=call.request_id))

    patch.setattr(ladder, "_replay", replayed)


@mutant
def offline_models_are_passed_over(patch):
    patch.setattr(ladder, "_further", lambda *_: ())


@mutant
def the_network_is_always_there(patch):
    patch.setattr(offline.Network, "failed", lambda *_: False)


@mutant
def everybody_probes_the_network(patch):
    patch.setattr(network.Connectivity, "admit", lambda *_: True)
    patch.setattr(offline.Network, "opens", lambda _, now: now)


@mutant
def offline_only_is_ignored(patch):
    patch.setattr(call, "in_reach", lambda _, candidates: candidates)


# What shows only where many calls are under way at once, or in few worlds: seeds, and calls in each storm.
RARE = {
    "results of an older generation count": (range(45, 60), 200),
    "the deadline of one is that of all": (range(40, 90), 60),
    "offline models are passed over": (range(60, 100), 60),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulator_finds(name, monkeypatch):
    MUTANTS[name](monkeypatch)
    seeds, calls = RARE.get(name, (range(SEEDS), 60))
    for seed in seeds:
        if simulate(load, seed, calls).violations:
            return
    pytest.fail(f"{name}: not found in {len(seeds)} storms; which invariant is missing?")


def test_there_are_enough_mutants():
    assert len(MUTANTS) >= 70
