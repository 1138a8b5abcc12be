"""The changes of one dimension that send a call elsewhere."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from router.compile.compiler import compile_configuration
from router.config.load import load_source
from router.diagnostics.source import Source
from router.runtime.said import explained

HEAD = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
  size: {type: integer, default: 0}
endpoints: {one: {kind: mock}}
models:
  a: {at: one, capabilities: [json]}
  b: {at: one}
rules:
"""
LONG = """\
  - {name: long, when: {tokens: "> 4000"}, use: b}
  - {name: private, when: {data: private}, use: b}
  - {name: code, when: {task: [code, analysis]}, use: b}
  - {name: otherwise, use: a}
"""


def program(rules):
    return compile_configuration(load_source(Source("x.yaml", HEAD + rules), Path("/n")))[0]


def nearest(rules, **call):
    return [
        (each.dimension, each.values, each.rule, each.model)
        for each in explained(program(rules), call).nearest
    ]


def test_the_nearest_change_comes_first_and_values_that_change_alike_are_told_together():
    assert nearest(LONG, tokens=3990) == [
        ("tokens", ">= 4001", "long", "b"),
        ("task", ["code", "analysis"], "code", "b"),
        ("tools", True, "otherwise", None),
        ("images", True, "otherwise", None),
        ("data", "private", "private", "b"),
    ]


def test_a_word_is_nearer_than_any_number_from_zero():
    assert nearest(LONG, tokens=1)[0][0] == "tokens"
    assert nearest(LONG, tokens=0)[0][0] == "task"


def test_a_smaller_number_may_be_the_nearest_too():
    assert nearest(LONG, tokens=4001)[0] == ("tokens", "<= 4000", "otherwise", "a")


def test_a_rule_that_stands_later_is_no_boundary():
    rules = '  - {name: all, use: a}\n  - {name: dead, when: {task: code, tokens: "> 5"}, use: b}\n'
    assert [name for name, *_ in nearest(rules)] == ["tools", "images"]


def test_a_call_that_no_rule_matches_is_told_what_would_match():
    rules = '  - {name: long, when: {tokens: "> 10", data: public}, use: b}\n'
    assert nearest(rules, tokens=10) == [("tokens", ">= 11", "long", "b")]


def test_leaving_the_last_rule_is_a_boundary_as_well():
    rules = '  - {name: some, when: {tokens: "3..5"}, use: b}\n'
    assert nearest(rules, tokens=4) == [("tokens", "<= 2", None, None), ("tokens", ">= 6", None, None)]


def test_of_two_bounds_the_one_that_is_less_far_comes_first():
    rules = '  - {name: some, when: {size: "-1..8"}, use: b}\n'
    assert [values for _, values, *_ in nearest(rules, size=3)] == ["<= -2", ">= 9"]
    assert [values for _, values, *_ in nearest(rules, size=4)] == [">= 9", "<= -2"]
    assert [values for _, values, *_ in nearest(rules, size=0)] == ["<= -2", ">= 9"]
    assert [values for _, values, *_ in nearest(rules.replace("-1..8", "-9..8"), size=0)] == [
        ">= 9",
        "<= -10",
    ]


def test_a_number_below_zero_counts_by_its_distance():
    rules = '  - {name: small, when: {size: "< -10"}, use: b}\n  - {name: otherwise, use: b}\n'
    assert nearest(rules, size=-10)[0] == ("size", "<= -11", "small", "b")


def test_a_call_that_names_its_model_has_no_boundary():
    assert nearest(LONG, model="b", tokens=4000) == []


def test_the_json_has_the_value_to_go_to():
    found = explained(program(LONG), {"tokens": 3990}).as_json()["nearest"][0]
    assert found == {
        "dimension": "tokens",
        "values": ">= 4001",
        "nearest": 4001,
        "rule": "long",
        "model": "b",
        "endpoint": "one",
    }


conditions = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["code", "[code, chat]", "{not: chat}"]),
        "data": st.sampled_from(["private", "public"]),
        "tokens": st.sampled_from(['"> 3"', '"<= 3"', '"2..5"', "4"]),
        "size": st.sampled_from(['"> 0"', '"-2..1"', "-1"]),
        "tools": st.sampled_from(["true", "false"]),
    },
)
tables = st.lists(st.tuples(conditions, st.sampled_from(["a", "b", "[a, b]"])), min_size=1, max_size=6)
POINTS = {
    "task": ("chat", "code", "analysis", "creative"),
    "data": ("public", "private"),
    "tokens": tuple(range(8)),
    "size": tuple(range(-4, 4)),
    "tools": (False, True),
    "json": (False, True),
}
calls = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in POINTS.items()})


@given(tables, calls)
@settings(max_examples=150, deadline=None)
def test_a_value_is_told_just_when_it_changes_the_rule_or_the_first_choice(rows, call):
    rules = "".join(
        f"  - {{when: {{{', '.join(f'{name}: {value}' for name, value in when.items())}}}, use: {use}}}\n"
        for when, use in rows
    )
    side = program(rules)
    here = explained(side, call)
    distances = [each.distance for each in here.nearest]
    assert distances == sorted(distances)
    for name, values in POINTS.items():
        for value in values:
            there = explained(side, {**call, name: value})
            told = [each for each in here.nearest if each.dimension == name and inside(each.values, value)]
            changed = (here.rule, here.model) != (there.rule, there.model)
            assert [(each.rule, each.model) for each in told] == [(there.rule, there.model)] * changed


def inside(written, value):
    if isinstance(written, list):
        return value in written
    if isinstance(written, str) and isinstance(value, int):
        if ".." in written:
            low, high = map(int, written.split(".."))
            return low <= value <= high
        sign, bound = written.split()
        return value <= int(bound) if sign == "<=" else value >= int(bound)
    return written == value
