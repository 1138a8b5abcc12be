"""What a call does next, for every kind of failure."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core import errors
from router.core.errors import AllAttemptsFailed, CallFailed, DeadlineExceeded, NoCandidate
from router.policy.kinds import TELLING, TREATMENTS
from router.policy.plan import GiveUp, Plan, PlanPolicy, Try, Wait
from router.policy.retry import FailoverPolicy, RetryPolicy

# What an endpoint answers, and what happens to an attempt before anything is sent.
KINDS = [
    *AllAttemptsFailed.__subclasses__(),
    *(each for each in CallFailed.__subclasses__() if each.kind in TREATMENTS),
]
BY_KIND = {cls.kind: cls for cls in KINDS}


@dataclass(frozen=True)
class Place:
    name: str = "a"
    context: int | None = None
    load_timeout: float = 300.0


def plan(*places: Place, deadline: float = 100.0, **policy) -> Plan:
    walk = Plan(places or (Place("a"), Place("b")), PlanPolicy(**policy), deadline)
    walk.next(0.0)
    return walk


def fail(walk: Plan, kind: str, now: float = 0.0, *, dice: float = 0.0, retry_after: float | None = None):
    return walk.failed(BY_KIND[kind]("broken", retry_after=retry_after), now, dice)


def test_the_first_candidate_is_tried_first():
    assert plan().next(0.0) == Try(0)


@pytest.mark.parametrize("kind", sorted(TREATMENTS))
def test_a_kind_is_treated_as_its_table_says(kind):
    treatment = TREATMENTS[kind]
    step = fail(plan(), kind)
    if treatment.failover == "no":
        assert isinstance(step, GiveUp)
        assert step.error.kind == kind
    elif not treatment.retry or treatment.poll:
        assert step == Try(1)
    elif treatment.at_once:
        assert step == Try(0)
    else:
        assert step == Wait(0.25)


def test_every_kind_of_failed_attempt_has_a_treatment():
    assert set(TREATMENTS) == set(BY_KIND)


def test_the_same_deployment_is_tried_once_more_and_then_the_next_at_once():
    walk = plan()
    assert fail(walk, "server_error", 0.0, dice=1.0) == Wait(0.5)
    assert walk.next(0.3) == Wait(0.5)
    assert walk.next(0.5) == Try(0)
    assert fail(walk, "server_error", 0.6) == Try(1)


def test_attempts_are_bounded_over_all_candidates():
    walk = plan(retry=RetryPolicy(attempts=2, same=5))
    assert isinstance(fail(walk, "server_error"), Wait)
    assert isinstance(fail(walk, "server_error", 1.0), GiveUp)


def test_the_last_attempt_is_followed_by_no_wait():
    walk = plan(Place("only"), retry=RetryPolicy(same=0))
    assert isinstance(fail(walk, "overloaded"), GiveUp)


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [(0.1, Wait(0.25)), (2.0, Wait(2.0)), (3.0, Wait(3.0)), (3.1, Try(1)), (120.0, Try(1))],
)
def test_a_retry_after_is_waited_for_only_briefly_while_another_candidate_exists(retry_after, expected):
    assert fail(plan(), "rate_limited", retry_after=retry_after) == expected


def test_a_retry_after_is_never_undercut():
    assert fail(plan(), "rate_limited", retry_after=2.0, dice=1.0) == Wait(2.2)


def test_a_lone_candidate_is_waited_for_longer():
    assert fail(plan(Place("only")), "rate_limited", retry_after=59.0) == Wait(59.0)
    step = fail(plan(Place("only"), deadline=500.0), "rate_limited", retry_after=61.0)
    assert isinstance(step, GiveUp)
    assert step.error.kind == "rate_limited"
    assert step.error.retry_after == 61.0


def test_a_wait_that_would_pass_the_deadline_is_not_begun():
    step = fail(plan(Place("only"), deadline=30.0), "rate_limited", retry_after=40.0)
    assert isinstance(step, GiveUp)
    assert step.error.kind == "rate_limited"


def test_no_attempt_starts_without_time_for_it():
    walk = plan(deadline=10.0)
    assert walk.next(9.7) == Try(0)
    step = fail(walk, "quota_exhausted", 9.8)
    assert isinstance(step, GiveUp)
    assert isinstance(step.error, DeadlineExceeded)
    assert "broken" in str(step.error)


def test_a_context_overflow_moves_on_to_a_larger_context_only():
    walk = plan(Place("a", 4096), Place("smaller", 2048), Place("larger", 8192))
    assert fail(walk, "context_length") == Try(2)
    assert isinstance(fail(plan(Place("a", 4096), Place("b", 4096)), "context_length"), GiveUp)
    assert fail(plan(Place("a", 4096), Place("unknown")), "context_length") == Try(1)


def test_a_loading_model_is_polled_when_it_is_alone_and_left_when_it_is_not():
    assert fail(plan(), "model_loading") == Try(1)
    walk = plan(Place("only"))
    for poll in range(20):
        assert fail(walk, "model_loading", 2.0 * poll) == Wait(2.0 * poll + 2.0)


def test_polling_a_loading_model_ends_at_the_deadline():
    step = fail(plan(Place("only"), deadline=9.0), "model_loading", 7.0)
    assert isinstance(step, GiveUp)
    assert step.error.kind == "model_loading"


def test_an_error_that_says_it_is_final_is_not_retried():
    error = errors.RateLimited("spend cap")
    error.retryable = False
    assert plan().failed(error, 0.0, 0.0) == Try(1)


def test_the_file_may_add_and_remove_failovers():
    also = FailoverPolicy(also_on=frozenset({"content_filtered"}))
    never = FailoverPolicy(never_on=frozenset({"authentication"}))
    assert fail(plan(failover=also), "content_filtered") == Try(1)
    assert isinstance(fail(plan(failover=never), "authentication"), GiveUp)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["server_error", "rate_limited", "connect_failed"], "rate_limited"),
        (["authentication", "rate_limited", "server_error"], "authentication"),
        (["connect_failed", "server_error", "first_token_timeout"], "first_token_timeout"),
        (["model_loading", "overloaded", "server_error"], "overloaded"),
    ],
)
def test_the_most_telling_failure_is_the_one_that_is_raised(kinds, told):
    places = [Place(str(number)) for number in range(len(kinds))]
    walk = plan(*places, retry=RetryPolicy(same=0))
    step = None
    for kind in kinds:
        step = fail(walk, kind)
    assert isinstance(step, GiveUp)
    assert step.error.kind == told


def test_the_order_of_telling_is_made_of_known_kinds():
    assert set(TELLING) <= set(BY_KIND)


def test_without_candidates_the_call_fails_at_once():
    step = Plan((), PlanPolicy(), 10.0).next(0.0)
    assert isinstance(step, GiveUp)
    assert isinstance(step.error, NoCandidate)


def test_an_error_of_an_unknown_kind_is_final():
    class Odd(CallFailed):
        pass

    step = plan().failed(Odd("odd"), 0.0, 0.0)
    assert isinstance(step, GiveUp)


def test_a_cut_at_the_deadline_tells_what_was_cut():
    cut = DeadlineExceeded("while `a` at `here` answered")
    assert plan().out_of_time(cut) is cut
    walk = plan()
    fail(walk, "server_error")
    assert "broken" in str(walk.out_of_time(cut))


@given(
    st.lists(st.sampled_from(sorted(TREATMENTS)), min_size=30, max_size=30),
    st.integers(0, 4),
    st.integers(1, 6),
    st.integers(0, 3),
    st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=30, max_size=30),
    st.floats(0, 1),
)
def test_every_walk_ends_in_bounds(kinds, places, attempts, same, pushbacks, dice):
    policy = RetryPolicy(attempts=attempts, same=same)
    walk = Plan([Place(str(n)) for n in range(places)], PlanPolicy(retry=policy), 60.0)
    now, tries, polls, before = 0.0, 0, 0, 0
    step = walk.next(now)
    script = zip(kinds, pushbacks, strict=True)
    while not isinstance(step, GiveUp):
        if isinstance(step, Wait):
            assert now < step.until <= 60.0 - 0.25
            now = step.until
            step = walk.next(now)
            continue
        assert step.index >= before
        before = step.index
        kind, pushback = next(script, ("invalid_request", None))
        polls += kind == "model_loading"
        tries += kind != "model_loading"
        step = walk.failed(BY_KIND[kind]("x", retry_after=pushback), now, dice)
    assert tries <= attempts
    assert polls <= 31


def test_a_loading_model_is_waited_for_no_longer_than_it_may_load():
    walk = plan(Place("a", load_timeout=5.0))
    steps = []
    now = 0.0
    for _ in range(9):
        step = fail(walk, "model_loading", now)
        steps.append(type(step))
        if not isinstance(step, Wait):
            break
        now = step.until
        walk.next(now)
    assert steps[-1] is GiveUp
    assert 5.0 <= now < 7.0
