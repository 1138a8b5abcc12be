"""Estimates that learn how far they are off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.messages import Message, ToolCall
from router.core.tokens import estimate, estimate_text, least
from router.policy.calibration import ENOUGH, LEAST, MOST, SMALL, Calibration

# Each row: a sample, its characters, and how many tokens each of five tokenizers makes of it; then other estimates.
SAMPLES = json.loads(
    (Path(__file__).parents[1] / "data" / "token_estimates.json").read_text(encoding="utf-8")
)
COUNTS = slice(2, 7)
OURS = 8  # ASCII / 4 plus one for each other character


def taught(ratio, times=ENOUGH, tokens=1000):
    found = Calibration()
    for _ in range(times):
        found.saw(tokens, round(tokens * ratio))
    return found


def test_nothing_is_changed_before_anything_is_known():
    assert Calibration().expected(1234) == 1234
    assert Calibration().surely(1000) == 1000


def test_one_answer_is_enough_to_expect_better():
    assert taught(1.5, times=1).expected(1000) == 1500


def test_a_few_answers_are_not_enough_to_refuse_a_prompt():
    assert taught(3, times=ENOUGH - 1).surely(1000) == 1000
    assert taught(3).surely(1000) > 3000


def test_what_it_is_sure_of_shrinks_with_the_spread():
    steady, wild = taught(2), Calibration()
    for ratio in (1, 3) * ENOUGH:
        wild.saw(1000, 1000 * ratio)
    assert wild.surely(1000) < steady.surely(1000)


def test_small_prompts_and_no_counts_teach_nothing():
    found = Calibration()
    found.saw(SMALL - 1, 1000)
    found.saw(1000, 0)
    assert found.ratio == 1


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(-5, 10**9))))
def test_the_ratio_stays_within_bounds_whatever_comes(answers):
    found = Calibration()
    for estimated, counted in answers:
        found.saw(estimated, counted)
    assert LEAST <= found.ratio <= MOST
    assert found.surely(1000) >= 0


def test_it_forgets_what_was_long_ago():
    found = taught(1, times=100)
    for _ in range(200):
        found.saw(1000, 2000)
    assert found.ratio == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("row", SAMPLES, ids=[row[0] for row in SAMPLES])
def test_it_learns_what_each_tokenizer_makes_of_a_text(row):
    for counted in row[COUNTS]:
        found = Calibration()
        for _ in range(3):
            found.saw(round(row[OURS]), counted)
        if row[OURS] >= SMALL:
            assert found.expected(round(row[OURS])) == pytest.approx(counted, abs=1)


def test_no_tokenizer_makes_fewer_tokens_of_a_sample_than_it_surely_has():
    for name, characters, *rest in SAMPLES:
        # Of the characters so many are ASCII that a quarter of them, and all others, give our estimate.
        other = (rest[OURS - 2] - characters / 4) / 0.75
        text = "a" * round(characters - other) + "\u4e2d" * round(other)
        assert least([Message.user(text)]) <= min(rest[:5]), name


def test_what_a_prompt_surely_has_is_less_than_its_estimate():
    call = ToolCall("1", "look", '{"where": "here and there"}')
    messages = [Message.user("hello " * 50 + "\u4e2d\u6587" * 20), Message("assistant", "", (call,))]
    assert 0 < least(messages) < estimate(messages)
    assert least([Message.user("x" * 60)]) == 10
    assert estimate_text("x" * 60) == 15
