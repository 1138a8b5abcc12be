"""So much a minute, and how many further tries an endpoint may be asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.rate import Rate, RetryBudget


def test_a_full_bucket_may_be_taken_at_once_and_no_more():
    rate = Rate(3)
    for _ in range(3):
        assert rate.opens(0.0) <= 0.0
        rate.take(0.0)
    assert rate.opens(0.0) == pytest.approx(20.0)


def test_it_fills_steadily_and_never_beyond_its_size():
    rate = Rate(6)
    for _ in range(6):
        rate.take(0.0)
    assert rate.opens(4.0) == pytest.approx(10.0)
    assert rate.opens(10.0) <= 10.0
    rate.take(10.0)
    for _ in range(6):
        assert rate.opens(1000.0) <= 1000.0
        rate.take(1000.0)
    assert rate.opens(1000.0) > 1000.0


def test_nobody_is_told_to_wait_for_a_rounding_error():
    rate = Rate(7)
    now = 0.0
    for _ in range(50):
        now = rate.opens(now)
        assert rate.opens(now) <= now
        rate.take(now)


def test_a_wish_beyond_a_minutes_worth_waits_for_a_full_bucket():
    rate = Rate(100)
    assert rate.opens(0.0, 1000) <= 0.0
    rate.take(0.0, 1000)
    assert rate.opens(0.0, 1) == pytest.approx(60.0 * 901 / 100)
    assert rate.opens(0.0, 1000) == pytest.approx(60.0 * 1000 / 100)


def test_a_correction_may_go_below_empty_and_give_back():
    rate = Rate(60)
    rate.take(0.0, 10)
    rate.take(0.0, 80)  # it used more than was thought
    assert rate.opens(0.0, 1) == pytest.approx(31.0)
    rate.take(0.0, -30)
    assert rate.opens(0.0, 1) == pytest.approx(1.0)
    rate.take(0.0, -10_000)
    assert rate.opens(0.0, 60) <= 0.0
    rate.take(0.0, 60)
    assert rate.opens(0.0, 1) > 0.0


def test_a_clock_that_stands_still_or_goes_back_gives_nothing():
    rate = Rate(1)
    rate.take(100.0)
    assert rate.opens(50.0) > 50.0


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), min_size=1, max_size=80),
)
def test_no_stretch_of_time_sees_more_than_a_bucket_and_what_fills_it(size, wishes):
    rate, now, taken = Rate(size), 0.0, []
    for pause, amount in wishes:
        now += pause
        if rate.opens(now, amount) <= now:
            rate.take(now, amount)
            taken.append((now, amount))
    for first, (start, _) in enumerate(taken):
        total = 0
        for end, amount in taken[first:]:
            total += amount
            overshoot = max(0, amount - size)  # more than a minute's worth is lent
            assert total <= size + (end - start) * size / 60 + overshoot + 1e-6


def test_further_tries_are_bounded_and_earned_back_by_successes():
    budget = RetryBudget()
    tries = 0
    while budget.left:
        budget.spend()
        tries += 1
    assert tries == 10
    for _ in range(4):
        budget.earn()
    assert not budget.left
    budget.earn()
    assert budget.left
    budget.spend()
    assert not budget.left


def test_a_try_that_lost_time_costs_double_and_the_budget_is_never_negative():
    budget = RetryBudget()
    for _ in range(5):
        assert budget.left
        budget.spend(timed_out=True)
    assert not budget.left
    budget.spend(timed_out=True)
    for _ in range(6):
        budget.earn()
    assert budget.left  # nothing is owed


def test_a_thousand_successes_earn_no_more_than_a_full_budget():
    budget = RetryBudget()
    for _ in range(1000):
        budget.earn()
    for _ in range(10):
        budget.spend()
    assert not budget.left
