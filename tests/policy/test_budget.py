"""Budgets decide who is charged, for what time, and what may be held."""

from __future__ import annotations

from decimal import Decimal

import pytest

from router.core.usage import FREE, Price
from router.policy.budget import OUTPUT, Budget, CostPolicy, crossed, reserve


def test_a_budget_for_each_user_has_an_account_for_each_and_one_for_nobody():
    budget = Budget("each", 10, each="user")
    assert [budget.who(user, {}) for user in ("ann", None, "")] == ["ann", "", ""]


def test_a_budget_for_each_value_of_a_dimension_is_charged_by_what_the_call_says():
    assert Budget("teams", 10, each="team").who("ann", {"team": "red"}) == "red"


def test_a_budget_of_all_has_one_account():
    assert Budget("all", 10).who("ann", {}) == ""


def test_accounts_are_of_the_moment_and_warnings_bound_nothing():
    policy = CostPolicy(budgets=(Budget("hard", 10), Budget("soft", 10, "hour", then="warn")))
    hard, soft = policy.accounts(0.0, None, {}, frozenset())
    assert (hard.key, hard.enforced) == (("hard", "", "day:1970-01-01"), True)
    assert (soft.key, soft.enforced) == (("soft", "", "hour:1970-01-01T00"), False)


def test_a_budget_whose_other_model_answers_bounds_the_call_no_more():
    (account,) = CostPolicy(budgets=(Budget("b", 10, then="use", use="m"),)).accounts(
        0.0, None, {}, frozenset({"b"})
    )
    assert not account.enforced
    assert account.title == "budget `b`"


@pytest.mark.parametrize(
    ("price", "most", "seconds", "held"),
    [
        (None, 10, 1.0, None),
        (FREE, 10, 1.0, 0),
        (Price(Decimal(1), Decimal(2)), 10, 1.0, 100_000 + 20_000),
        (Price(Decimal(1), Decimal(2)), None, 1.0, 100_000 + 2_000 * OUTPUT),
        (Price(Decimal(0), Decimal(0), None, Decimal(36)), 10, 2.0, 20_000_000),
    ],
)
def test_what_an_attempt_may_cost_is_held_before_it_is_made(price, most, seconds, held):
    assert reserve(price, 100, most, seconds) == held


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [
        (0, 79, None),
        (0, 80, "near"),
        (79, 99, "near"),
        (80, 99, None),
        (0, 100, "spent"),
        (99, 100, "spent"),
        (100, 120, None),
        (90, 85, None),
    ],
)
def test_a_mark_is_passed_once(before, after, mark):
    assert crossed(100, before, after) == mark


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (Budget("b", 5 * 10**9), "`b`: $5 a day, then refuse"),
        (Budget("b", 10**8, "total", "user", "use", "m"), "`b`: $0.1 in all for each user, then `m` answers"),
    ],
)
def test_a_budget_is_told_in_words(budget, told):
    assert budget.in_words == told
