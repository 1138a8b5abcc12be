"""Shares among models."""

from __future__ import annotations

from collections import Counter

import pytest

from router.policy.split import Split

NINETY = Split((("big", 90), ("small", 10)), by_user=True)


def test_a_user_stays_with_one_model_in_every_process():
    assert [NINETY.pick(f"user-{n}", 0.99) for n in range(12)] == [
        NINETY.pick(f"user-{n}", 0.0) for n in range(12)
    ]
    assert NINETY.pick("alice", 0.5) == "big"
    assert NINETY.pick("user-25", 0.5) == "small"


def test_users_are_spread_by_the_shares():
    found = Counter(NINETY.pick(f"user-{n}", 0.0) for n in range(10_000))
    assert 850 < found["small"] < 1150


def test_without_a_user_the_dice_decide():
    assert NINETY.pick(None, 0.89) == "big"
    assert NINETY.pick(None, 0.91) == "small"


def test_a_split_by_call_ignores_the_user():
    by_call = Split(NINETY.shares, by_user=False)
    assert {by_call.pick("alice", dice) for dice in (0.1, 0.95)} == {"big", "small"}


@pytest.mark.parametrize("dice", [1.0, 1.5])
def test_dice_at_the_edge_give_the_last_share(dice):
    assert NINETY.pick(None, dice) == "small"


def test_the_largest_share_is_the_first_of_equals():
    assert Split((("a", 1), ("b", 2), ("c", 2)), by_user=False).largest == "b"


def test_shares_are_told_as_a_person_reads_them():
    assert NINETY.in_words == "big 90% / small 10%"
    assert Split((("a", 1), ("b", 2)), by_user=False).in_words == "a 33% / b 67%"
