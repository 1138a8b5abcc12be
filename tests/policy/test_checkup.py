"""What a row of health checks says, and when the next one is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.request import HealthPolicy
from router.policy.checkup import Checkup


def verdicts(*found, policy=None):
    checkup = Checkup(policy or HealthPolicy())
    return [checkup.took(each) for each in found]


def test_three_bad_checks_in_a_row_mark_it_down_and_two_good_ones_up():
    assert verdicts("up", "down", "down", "up", "down", "down") == ["up"] * 6
    assert verdicts("down", "down", "down") == ["up", "up", "down"]
    assert verdicts(*["down"] * 3, "up", "up")[-2:] == ["down", "up"]
    assert verdicts(*["down"] * 3, "up", "down", "up")[-3:] == ["down", "down", "down"]


def test_the_file_says_how_many():
    policy = HealthPolicy(fall=1, rise=3)
    assert verdicts("down", "up", "up", "up", policy=policy) == ["down", "down", "down", "up"]


def test_a_server_that_says_it_is_loading_is_believed_at_once():
    assert verdicts("loading", "up") == ["loading", "up"]
    assert verdicts("down", "down", "down", "loading", "up") == ["up", "up", "down", "loading", "up"]


def test_a_server_that_stops_saying_so_has_to_fail_thrice():
    assert verdicts("loading", "down", "down", "down") == ["loading", "loading", "loading", "down"]


def test_checks_are_frequent_when_unwell_and_sparse_when_nobody_calls():
    checkup = Checkup(HealthPolicy(every=10.0))
    assert checkup.pause(0.5, quiet=False) == 10.0
    assert checkup.pause(0.5, quiet=True) == 60.0
    checkup.took("down")
    assert checkup.pause(0.5, quiet=False) == 3.0
    assert checkup.pause(0.5, quiet=True) == 3.0
    for _ in range(2):
        checkup.took("down")
    assert checkup.state == "down"
    assert checkup.pause(0.5, quiet=True) == 3.0


def test_a_server_that_is_loading_is_asked_more_than_once_in_two_seconds_whatever_the_dice():
    checkup = Checkup(HealthPolicy())
    checkup.took("loading")
    assert max(checkup.pause(dice, quiet=True) for dice in (0.0, 0.5, 1.0)) < 2.0


def test_what_is_written_more_often_or_more_rarely_stays_so():
    assert Checkup(HealthPolicy(every=90.0)).pause(0.5, quiet=True) == 90.0
    often = Checkup(HealthPolicy(every=1.0))
    often.took("down")
    assert often.pause(0.5, quiet=False) == 1.0


@pytest.mark.parametrize(("dice", "expected"), [(0.0, 8.0), (1.0, 12.0)])
def test_dice_spread_the_checks_by_a_fifth(dice, expected):
    assert Checkup(HealthPolicy()).pause(dice, quiet=False) == pytest.approx(expected)


@given(
    st.lists(st.sampled_from(["up", "down"]), max_size=60),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_a_mind_changes_only_after_a_whole_row(found, fall, rise):
    checkup = Checkup(HealthPolicy(fall=fall, rise=rise))
    for number, each in enumerate(found, start=1):
        before = checkup.state
        after = checkup.took(each)
        if after != before:
            needed = fall if after == "down" else rise
            assert found[number - needed : number] == [after] * needed
