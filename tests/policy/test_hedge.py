"""How many calls may have a second attempt beside a slow first one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.hedge import WINDOW, HedgePolicy, HedgeShare


def test_it_knows_after_how_long():
    assert HedgeShare(HedgePolicy(2.5)).after == 2.5


def test_the_first_call_of_a_quiet_minute_may_and_the_second_may_not():
    share = HedgeShare(HedgePolicy(2.0, 0.05))
    share.called(0.0)
    assert share.take(0.0)
    share.called(1.0)
    assert not share.take(1.0)
    share.called(WINDOW + 1)
    assert share.take(WINDOW + 1)


@pytest.mark.parametrize(("most", "expected"), [(0.05, 50), (0.5, 500), (1.0, 1000)])
def test_the_share_is_of_the_calls_of_the_last_minute(most, expected):
    share = HedgeShare(HedgePolicy(2.0, most))
    allowed = 0
    for call in range(1000):
        share.called(call / 100)
        allowed += share.take(call / 100)
    assert allowed == expected


def test_old_hedges_make_room():
    share = HedgeShare(HedgePolicy(2.0, 0.01))
    for _ in range(100):
        share.called(0.0)
    assert share.take(0.0)
    assert not share.take(WINDOW)
    assert share.take(WINDOW + 0.1)


def test_a_share_of_nothing_allows_nothing():
    share = HedgeShare(HedgePolicy(2.0, 0.0))
    share.called(0.0)
    assert not share.take(0.0)


@given(st.floats(0.01, 1), st.lists(st.floats(0, 20), min_size=1, max_size=200))
def test_in_no_minute_are_there_more_than_the_share_of_its_calls(most, pauses):
    share = HedgeShare(HedgePolicy(2.0, most))
    now, calls, hedged = 0.0, [], []
    for pause in pauses:
        now += pause
        share.called(now)
        calls.append(now)
        if share.take(now):
            hedged.append(now)
            recent = [each for each in hedged if each >= now - WINDOW]
            assert len(recent) <= max(1.0, most * sum(each >= now - WINDOW for each in calls))
