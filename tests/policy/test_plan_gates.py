"""What a call does next when candidates are closed, and beside a slow attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import AllAttemptsFailed, AllCircuitsOpen, CallFailed, DeadlineExceeded, NoCandidate
from router.policy.kinds import TREATMENTS
from router.policy.plan import GiveUp, Opening, Plan, PlanPolicy, Try, Wait
from router.policy.retry import FailoverPolicy, RetryPolicy

KINDS = [*AllAttemptsFailed.__subclasses__(), *CallFailed.__subclasses__()]
BY_KIND = {cls.kind: cls for cls in KINDS if cls.kind in TREATMENTS}
OPEN = Opening(0.0, 0.0)


@dataclass(frozen=True)
class Place:
    name: str
    context: int | None = None
    load_timeout: float = 300.0


@dataclass
class Gates:
    """A gate that a test can open and close."""

    openings: dict[int, Opening] = field(default_factory=dict)

    def __call__(self, index, _now):
        return self.openings.get(index, OPEN)


def shut(at=inf, panic=inf, **more):
    return Opening(at, panic, **more)


def plan(count=2, deadline=100.0, openings=None, contexts=None, **policy):
    gates = Gates(openings or {})
    places = [Place("abcdefgh"[n], (contexts or [None] * count)[n]) for n in range(count)]
    return Plan(places, PlanPolicy(**policy), deadline, gates), gates


def fail(walk, kind, now=0.0, dice=0.0, retry_after=None, index=None):
    return walk.failed(BY_KIND[kind]("broken", retry_after=retry_after), now, dice, index=index)


def test_a_closed_candidate_is_passed_over_and_comes_back_when_it_opens():
    walk, gates = plan(3, openings={0: shut()})
    assert walk.next(0.0) == Try(1)
    gates.openings[0] = OPEN
    assert fail(walk, "quota_exhausted") == Try(0)


def test_when_all_are_closed_the_call_waits_for_what_opens_within_its_patience():
    walk, gates = plan(openings={0: shut(4.0), 1: shut(3.0)})
    assert walk.next(0.0) == Wait(3.0)
    gates.openings[1] = OPEN
    assert walk.next(3.0) == Try(1)


def test_patience_is_used_up_once_and_not_at_every_wait():
    walk, gates = plan(1, openings={0: shut(4.0)})
    assert walk.next(0.0) == Wait(4.0)
    gates.openings[0] = shut(5.5)
    step = walk.next(4.0)
    assert isinstance(step, GiveUp)
    assert isinstance(step.error, AllCircuitsOpen)
    assert step.error.retry_after == 1.5


def test_a_call_without_an_open_candidate_says_who_is_closed_and_for_how_long():
    walk, _ = plan(
        3, openings={0: shut(20.0, why="host x"), 1: shut(9.0, why="key 1"), 2: shut(30.0, why="host x")}
    )
    step = walk.next(0.0)
    assert isinstance(step, GiveUp)
    assert isinstance(step.error, AllCircuitsOpen)
    assert step.error.retry_after == 9.0
    assert str(step.error) == "every candidate is left alone for now (host x; key 1)"


def test_a_reason_is_told_only_where_there_is_one():
    walk, _ = plan(1, openings={0: shut(20.0)})
    assert str(walk.next(0.0).error) == "every candidate is left alone for now"


def test_a_candidate_that_asked_for_time_is_waited_for_as_long_as_the_file_says():
    walk, gates = plan(1, openings={0: shut(50.0, asked=True)})
    assert walk.next(0.0) == Wait(50.0)
    gates.openings[0] = shut(54.0)
    assert walk.next(50.0) == Wait(54.0)  # its patience is still whole
    walk, _ = plan(1, openings={0: shut(50.0, asked=True)}, retry=RetryPolicy(wait_alone=49.0))
    assert isinstance(walk.next(0.0), GiveUp)


def test_no_wait_passes_the_deadline():
    walk, _ = plan(1, deadline=4.0, openings={0: shut(3.9)})
    assert isinstance(walk.next(0.0), GiveUp)
    walk, _ = plan(1, deadline=4.0, openings={0: shut(3.7)})
    assert walk.next(0.0) == Wait(3.7)


def test_what_failed_is_probed_when_nothing_else_is_left_in_the_order_of_candidates():
    walk, gates = plan(3, openings={0: shut(30.0), 1: shut(30.0, panic=1.0), 2: shut(30.0, panic=0.0)})
    assert walk.next(0.5) == Try(2, panic=True)
    gates.openings[2] = shut(30.0, panic=2.5)
    assert fail(walk, "quota_exhausted", 0.6).error.kind == "quota_exhausted"
    walk, gates = plan(3, openings={0: shut(30.0), 1: shut(30.0, panic=1.0), 2: OPEN})
    assert walk.next(1.0) == Try(2)


def test_nobody_probes_without_time_for_an_answer():
    walk, _ = plan(1, deadline=1.0, openings={0: shut(30.0, panic=0.0)})
    assert isinstance(walk.next(0.9), GiveUp)


def test_after_failures_the_most_telling_one_is_raised_and_not_that_all_is_closed():
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[0] = gates.openings[1] = shut(60.0)
    step = fail(walk, "overloaded")
    assert isinstance(step, GiveUp)
    assert step.error.kind == "overloaded"


def test_a_breaker_that_opened_is_not_waited_for_while_another_candidate_is_there():
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[0] = shut(0.1)
    assert fail(walk, "server_error") == Try(1)


def test_a_time_that_the_gate_was_asked_for_counts_like_a_retry_after():
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[0] = shut(2.0, asked=True)
    assert fail(walk, "rate_limited") == Wait(2.0)
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[0] = shut(3.5, asked=True)
    assert fail(walk, "rate_limited") == Try(1)


def test_without_budget_for_a_further_try_the_call_moves_on():
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[0] = Opening(0.0, 0.0, retry=False)
    assert fail(walk, "server_error") == Try(1)


def test_another_credential_is_tried_at_once_whatever_was_asked_for():
    walk, gates = plan(2, retry=RetryPolicy(attempts=3, same=0))
    walk.next(0.0)
    gates.openings[0] = Opening(0.0, 0.0, other_key=True)
    assert fail(walk, "rate_limited", retry_after=120.0) == Try(0)
    assert fail(walk, "authentication") == Try(0)
    step = fail(walk, "quota_exhausted")
    assert isinstance(step, GiveUp)  # three attempts in all
    assert step.error.kind == "quota_exhausted"


def test_another_credential_is_no_help_against_a_server_error():
    walk, gates = plan(2, retry=RetryPolicy(same=0))
    walk.next(0.0)
    gates.openings[0] = Opening(0.0, 0.0, other_key=True)
    assert fail(walk, "server_error") == Try(1)


def test_when_every_credential_is_closed_the_next_candidate_is_tried():
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[0] = shut(300.0, other_key=True)
    assert fail(walk, "authentication") == Try(1)


def test_a_candidate_whose_gate_closes_during_the_wait_is_left_for_an_open_one():
    walk, gates = plan(2)
    walk.next(0.0)
    assert fail(walk, "server_error") == Wait(0.25)
    gates.openings[0] = shut(5.0)
    assert walk.next(0.25) == Try(1)


def test_a_candidate_that_closes_before_the_try_is_asked_again_when_it_opens():
    walk, gates = plan(1)
    assert walk.next(0.0) == Try(0)
    gates.openings[0] = shut(0.25)
    assert walk.refused(0.0) == Wait(0.25)
    gates.openings[0] = OPEN
    assert walk.next(0.25) == Try(0)


def test_a_lone_candidate_that_was_refused_and_is_open_again_is_still_a_candidate():
    walk, _ = plan(1)
    assert walk.next(0.0) == Try(0)
    assert walk.refused(0.001) == Try(0)


def test_a_refused_candidate_makes_way_for_an_open_one():
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[0] = shut(0.25)
    assert walk.refused(0.0) == Try(1)


def hedged(walk, now=2.0, apart=lambda _one, _other: True):
    return walk.hedge(now, apart)


def test_a_slow_attempt_gets_the_next_candidate_beside_it():
    walk, _ = plan(3)
    walk.next(0.0)
    assert hedged(walk) == 1
    assert hedged(walk, apart=lambda _one, other: other == 2) == 2
    assert hedged(walk, apart=lambda _one, _other: False) is None


def test_a_closed_candidate_is_passed_over_by_a_hedge_too():
    walk, gates = plan(3, openings={1: shut(5.0)})
    walk.next(0.0)
    assert hedged(walk) == 2
    gates.openings[2] = Opening(0.0, 0.0, retry=False)
    assert hedged(walk) is None  # its endpoint may not be asked for more


def test_a_hedge_counts_as_an_attempt_and_needs_time():
    walk, _ = plan(2, retry=RetryPolicy(attempts=1))
    walk.next(0.0)
    assert hedged(walk) is None
    walk, _ = plan(2, deadline=2.1)
    walk.next(0.0)
    assert hedged(walk) is None


def test_a_hedge_for_an_overflow_has_a_larger_window():
    walk, _ = plan(3, contexts=[1000, 2000, 500])
    walk.next(0.0)
    assert fail(walk, "context_length") == Try(1)
    assert hedged(walk) is None


def test_a_hedge_that_won_is_the_one_under_way():
    walk, _ = plan(3)
    walk.next(0.0)
    walk.moved(1)
    assert fail(walk, "stream_interrupted", index=1) == Try(2)


def test_a_hedge_that_failed_first_is_not_tried_again():
    walk, _ = plan(3)
    walk.next(0.0)
    assert fail(walk, "server_error", index=1) == Try(0)
    assert fail(walk, "quota_exhausted", index=0) == Try(2)


@pytest.mark.parametrize("kind", ["invalid_request", "content_filtered"])
def test_what_no_endpoint_would_answer_ends_the_call_from_a_hedge_as_well(kind):
    walk, _ = plan(3)
    walk.next(0.0)
    step = fail(walk, kind, index=1)
    assert isinstance(step, GiveUp)
    assert step.error.kind == kind


def test_a_hedge_that_was_the_last_attempt_ends_the_call():
    walk, _ = plan(3, retry=RetryPolicy(attempts=2))
    walk.next(0.0)
    fail(walk, "server_error", index=1)
    assert isinstance(fail(walk, "server_error", index=0), GiveUp)


def test_a_hedge_whose_overflow_tells_of_a_small_window_moves_on_to_larger_ones_only():
    walk, _ = plan(3, contexts=[4000, 1000, 500])
    walk.next(0.0)
    fail(walk, "context_length", index=1)
    assert isinstance(fail(walk, "quota_exhausted", index=0), GiveUp)


TIMES = st.sampled_from([0.0, 0.3, 1.0, 2.0, 4.9, 6.0, 40.0, 70.0])


def turn(gates, count, now, data):
    """Open and close every gate anew."""
    for index in range(count):
        at = now + data.draw(TIMES)
        panic = data.draw(st.sampled_from([now, now + 1.0, inf]))
        flags = data.draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
        gates.openings[index] = Opening(at, min(panic, at) if at <= now else panic, *flags)


@given(
    st.lists(st.sampled_from(sorted(TREATMENTS)), min_size=40, max_size=40),
    st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(0, 3)),
    st.floats(0.5, 90),
    st.floats(0, 1),
    st.data(),
)
def test_every_walk_ends_tries_nothing_closed_and_waits_no_longer_than_its_patience(
    kinds, sizes, deadline, dice, data
):
    count, attempts, same = sizes
    retry = RetryPolicy(attempts=attempts, same=same)
    contexts = data.draw(st.lists(st.none() | st.integers(1, 9), min_size=count, max_size=count))
    walk, gates = plan(count, deadline=deadline, contexts=contexts, retry=retry)
    now, sent, tries, steps = 0.0, 0, 0, 0
    script = iter(kinds)

    turn(gates, count, now, data)
    step = walk.next(now)
    while not isinstance(step, GiveUp):
        steps += 1
        assert steps < 1000
        if isinstance(step, Wait):
            assert now < step.until <= deadline - 0.25 + 1e-9
            now = step.until
            turn(gates, count, now, data)
            step = walk.next(now)
            continue
        opening = gates.openings[step.index]
        if step.panic:
            assert opening.panic <= now
            left = [index for index in walk._left if walk._eligible(index)]
            assert all(gates.openings[index].at > now for index in left)
        else:
            assert opening.at <= now
        assert deadline - now >= 0.25 - 1e-9
        kind = next(script, "invalid_request")
        sent += 1
        tries += kind != "model_loading"
        now += data.draw(st.sampled_from([0.0, 0.05]))
        turn(gates, count, now, data)
        patience = walk._patience
        step = walk.failed(BY_KIND[kind]("x", retry_after=data.draw(TIMES)), now, dice)
        assert 0 <= walk._patience <= patience <= 5.0
    assert tries <= attempts
    assert sent or isinstance(step.error, AllCircuitsOpen | DeadlineExceeded)
    assert not isinstance(step.error, NoCandidate)


def test_the_file_decides_about_a_kind_that_closes_a_breaker_too():
    walk, gates = plan(2, failover=FailoverPolicy(never_on=frozenset({"server_error"})))
    walk.next(0.0)
    gates.openings[0] = shut(20.0)
    assert fail(walk, "server_error") == Wait(0.25)
    step = walk.next(0.25)
    assert isinstance(step, GiveUp)
    assert step.error.kind == "server_error"


def test_a_kind_that_may_not_move_on_waits_at_a_closed_candidate_and_another_kind_moves_on():
    walk, gates = plan(2, failover=FailoverPolicy(never_on=frozenset({"server_error"})))
    walk.next(0.0)
    assert fail(walk, "server_error") == Wait(0.25)
    gates.openings[0] = shut(3.0)
    assert walk.next(0.25) == Wait(3.0)
    gates.openings[0] = OPEN
    assert walk.next(3.0) == Try(0)
    assert fail(walk, "quota_exhausted", 3.0) == Try(1)


def test_both_of_a_race_may_fail_and_the_call_ends_with_what_tells_most():
    walk, _ = plan(2)
    walk.next(0.0)
    assert isinstance(fail(walk, "invalid_request", index=1), GiveUp)
    step = fail(walk, "overloaded", index=0)
    assert isinstance(step, GiveUp)
    assert step.error.kind == "invalid_request"


def test_a_further_try_that_others_made_unaffordable_meanwhile_moves_on():
    walk, gates = plan(2)
    walk.next(0.0)
    assert fail(walk, "server_error") == Wait(0.25)
    gates.openings[0] = Opening(0.0, 0.0, retry=False)
    assert walk.next(0.25) == Try(1)
    walk, gates = plan(1)
    walk.next(0.0)
    assert fail(walk, "server_error") == Wait(0.25)
    gates.openings[0] = Opening(0.0, 0.0, retry=False)
    step = walk.next(0.25)
    assert isinstance(step, GiveUp)
    assert step.error.kind == "server_error"


def test_a_loading_model_is_asked_again_whatever_the_budget():
    walk, gates = plan(1)
    walk.next(0.0)
    gates.openings[0] = Opening(0.0, 0.0, retry=False)
    assert fail(walk, "model_loading") == Wait(2.0)
    assert walk.next(2.0) == Try(0)


def test_a_hedge_that_wins_after_everything_else_failed_is_the_one_under_way():
    walk, gates = plan(2)
    walk.next(0.0)
    gates.openings[1] = shut(60.0)  # busy with the hedge's own probe
    assert isinstance(fail(walk, "quota_exhausted", index=0), GiveUp)
    walk.moved(1)
    gates.openings[1] = OPEN
    assert fail(walk, "server_error", 1.0, index=1) == Wait(1.25)
    assert walk.next(1.25) == Try(1)


def test_a_slow_first_is_asked_again_when_its_hedge_and_all_others_failed():
    walk, _ = plan(3)
    walk.next(0.0)
    walk.moved(1)
    assert fail(walk, "quota_exhausted", index=1) == Try(2)
    assert fail(walk, "quota_exhausted", index=2) == Try(0)
