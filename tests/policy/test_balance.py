"""Which of a model's places is tried first."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.policy.balance import MOST, PENALTY, Speed, balanced


@dataclass
class Place:
    busy: float = 0.0
    running: int = 0
    speed: Speed = field(default_factory=Speed)

    def cost(self, now):
        return self.speed.cost(now, self.running)


def order(places, how, weights=None, now=0.0, roll=lambda: 0.0):
    names = sorted(places)
    return balanced(names, how, weights or [1] * len(names), places.__getitem__, now, roll)


@pytest.mark.parametrize("how", ["ordered", "cheapest"])
def test_places_in_order_stay_in_order(how):
    places = {"a": Place(busy=1.0), "b": Place(), "c": Place()}
    assert order(places, how) == ["a", "b", "c"]


def test_the_least_busy_comes_first_and_equals_stay_in_order():
    places = {"a": Place(0.5), "b": Place(0.25), "c": Place(0.25), "d": Place(1.0)}
    assert order(places, "least_busy") == ["b", "c", "a", "d"]


@pytest.mark.parametrize(
    ("roll", "expected"),
    [(0.0, "abc"), (0.69, "abc"), (0.7, "bac"), (0.89, "bac"), (0.9, "cab"), (0.999, "cab"), (1.0, "cba")],
)
def test_a_draw_takes_the_place_it_points_at(roll, expected):
    rolls = iter([roll, 1.0 if roll == 1.0 else 0.0])
    places = {"a": Place(), "b": Place(), "c": Place()}
    assert "".join(order(places, "weighted", [7, 2, 1], roll=lambda: next(rolls))) == expected


def test_a_lone_place_needs_no_dice():
    assert order({"a": Place()}, "weighted", roll=lambda: 1 / 0) == ["a"]


def test_many_draws_share_out_by_weight_first_and_second():
    dice = random.Random(1)
    places = {"a": Place(), "b": Place(), "c": Place()}
    drawn = [order(places, "weighted", [6, 3, 1], roll=dice.random) for _ in range(20_000)]
    first = Counter(each[0] for each in drawn)
    assert first["a"] / 20_000 == pytest.approx(0.6, abs=0.02)
    assert first["b"] / 20_000 == pytest.approx(0.3, abs=0.02)
    assert first["c"] / 20_000 == pytest.approx(0.1, abs=0.02)
    second = Counter(each[1] for each in drawn if each[0] == "a")
    assert second["b"] / first["a"] == pytest.approx(0.75, abs=0.02)


@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=8),
    st.sampled_from(["ordered", "weighted", "least_busy", "fastest", "cheapest"]),
    st.integers(),
)
def test_every_place_comes_exactly_once(weights, how, seed):
    places = {f"p{n}": Place(busy=(n * 7 % 5) / 5) for n in range(len(weights))}
    found = order(places, how, weights, roll=random.Random(seed).random)
    assert sorted(found) == sorted(places)


def test_the_fastest_comes_first():
    places = {"a": Place(), "b": Place()}
    places["a"].speed.saw(2.0, 0.0)
    places["b"].speed.saw(0.5, 0.0)
    assert order(places, "fastest") == ["b", "a"]


def test_a_fast_place_with_a_crowd_is_not_the_fastest():
    places = {"a": Place(running=0), "b": Place(running=4)}
    places["a"].speed.saw(2.0, 0.0)
    places["b"].speed.saw(0.5, 0.0)
    assert order(places, "fastest") == ["a", "b"]


def test_what_was_never_tried_is_tried_but_not_by_everybody_at_once():
    places = {"a": Place(), "b": Place()}
    places["a"].speed.saw(0.2, 0.0)
    assert order(places, "fastest")[0] == "b"
    places["b"].running = 1
    assert order(places, "fastest")[0] == "a"


def test_a_slow_answer_counts_at_once_and_fast_ones_only_by_and_by():
    speed = Speed()
    speed.saw(0.1, 0.0)
    speed.saw(4.0, 1.0)
    assert speed.cost(1.0, 0) == pytest.approx(4.0)
    speed.saw(0.1, 2.0)
    assert 3.0 < speed.cost(2.0, 0) < 4.0
    for second in range(3, 63):
        speed.saw(0.1, second)
    assert speed.cost(62.0, 0) == pytest.approx(0.1, rel=0.1)


def test_answers_of_the_same_moment_are_averaged():
    speed = Speed()
    speed.saw(4.0, 1.0)
    speed.saw(2.0, 1.0)
    assert speed.cost(1.0, 0) == pytest.approx(3.0)


def test_old_knowledge_fades():
    speed = Speed()
    speed.saw(3.0, 0.0)
    assert speed.cost(0.0, 0) > speed.cost(30.0, 0) > speed.cost(600.0, 0)
    assert speed.cost(600.0, 0) < 0.001


def test_what_was_measured_elsewhere_holds_until_it_is_asked_for_then_fades():
    speed = Speed()
    speed.expects(3.0)
    assert speed.cost(1000.0, 1) == pytest.approx(6.0)
    assert speed.cost(1600.0, 0) < 0.001


def test_the_first_answer_takes_the_place_of_what_was_measured_elsewhere():
    speed = Speed()
    speed.expects(3.0)
    speed.saw(0.5, 1.0)
    speed.expects(9.0)
    assert speed.cost(1.0, 0) == pytest.approx(0.5)


def test_what_was_measured_elsewhere_can_be_taken_back():
    speed = Speed()
    speed.expects(3.0)
    speed.expects(None)
    assert speed.cost(0.0, 0) == 0


def test_a_place_that_fails_fast_attracts_nobody():
    places = {"slow": Place(), "broken": Place()}
    tried = Counter()
    for call in range(3000):
        now = call / 10
        first = order(places, "fastest", now=now)[0]
        tried[first] += 1
        if first == "broken":
            places[first].speed.failed(0.001, now)
        else:
            places[first].speed.saw(1.0, now)
    assert tried["broken"] <= 5


def test_a_failure_after_a_long_time_counts_as_long():
    speed = Speed()
    speed.failed(0.0, 0.0)
    assert speed.cost(0.0, 0) == PENALTY
    speed.failed(0.0, 0.0)
    assert speed.cost(0.0, 0) == 2 * PENALTY
    speed.failed(300.0, 0.0)
    assert speed.cost(0.0, 0) == 300.0


def test_however_often_a_place_failed_it_is_tried_again_within_minutes_of_healing():
    places = {"a": Place(), "b": Place()}
    for probe in range(2000):
        places["a"].speed.failed(0.001, 2.0 * probe)
    now, tried_again = 4000.0, None
    assert places["a"].speed.cost(now, 0) <= MOST
    for second in range(600):
        first = order(places, "fastest", now=now + second)[0]
        places[first].speed.saw(0.5, now + second)
        if first == "a" and tried_again is None:
            tried_again = second
    assert tried_again is not None
    assert tried_again <= 300
    assert places["a"].speed.cost(now + 600, 0) < 1.0
