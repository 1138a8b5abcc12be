"""The index gives what asking rule by rule gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.core.dimension import LEAST, MOST, Dimension, holds
from router.table.index import build

WORDS = Dimension("task", "words", ("chat", "code", "analysis"), "chat")
OTHER = Dimension("data", "words", ("public", "private"), "public")
NUMBER = Dimension("size", "integer", default=0)
FLAG = Dimension("tools", "boolean", default=False, measured=True)
DIMENSIONS = {each.name: each for each in (WORDS, OTHER, NUMBER, FLAG)}

numbers = st.one_of(st.integers(-5, 25), st.sampled_from([LEAST, MOST]))
ranges = st.lists(st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair))), max_size=3).map(tuple)
rules = st.fixed_dictionaries(
    {},
    optional={
        "task": st.frozensets(st.sampled_from(WORDS.values)),
        "data": st.frozensets(st.sampled_from(OTHER.values)),
        "size": ranges,
        "tools": st.frozensets(st.booleans()),
    },
)
calls = st.fixed_dictionaries(
    {
        "task": st.sampled_from(WORDS.values),
        "data": st.sampled_from(OTHER.values),
        "size": numbers,
        "tools": st.booleans(),
    }
)


@given(st.lists(rules, min_size=1, max_size=12), st.lists(calls, min_size=1, max_size=20))
def test_the_first_rule_that_accepts_every_value_is_found(accepted, values):
    table = build(DIMENSIONS, accepted)
    for call in values:
        expected = next(
            (
                number
                for number, rule in enumerate(accepted)
                if all(holds(wanted, call[name]) for name, wanted in rule.items())
            ),
            -1,
        )
        assert table.match(call) == expected


def test_a_dimension_that_no_rule_asks_for_has_no_column():
    table = build(DIMENSIONS, [{"task": frozenset({"code"})}, {}])
    assert [column.name for column in table.columns] == ["task"]
    assert table.match({"task": "code"}) == 0
    assert table.match({"task": "chat"}) == 1


def test_ten_thousand_rules_are_found_like_ten():
    accepted = [{"size": ((number, number),)} for number in range(10_000)]
    table = build(DIMENSIONS, accepted)
    assert [table.match({"size": number}) for number in (0, 4321, 9999, 10_000, -1)] == [
        0,
        4321,
        9999,
        -1,
        -1,
    ]
