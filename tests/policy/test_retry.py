"""How long is waited between tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.retry import RetryPolicy


@pytest.mark.parametrize(
    ("tried", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (5000, 8.0)]
)
def test_waits_double_up_to_a_cap_and_never_overflow(tried, longest):
    assert RetryPolicy().delay(tried, None, 1.0) == longest
    assert RetryPolicy().delay(tried, None, 0.0) == longest / 2


def test_a_first_wait_above_the_cap_is_capped():
    assert RetryPolicy(first=20.0, longest=3.0).delay(1, None, 1.0) == 3.0


@given(st.integers(1, 50), st.floats(0, 1000), st.floats(0, 1))
def test_a_retry_after_is_kept_with_a_little_jitter(tried, asked, dice):
    delay = RetryPolicy().delay(tried, asked, dice)
    assert asked <= delay <= max(asked, 8.0) + 1.0
