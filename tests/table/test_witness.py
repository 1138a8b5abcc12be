"""The call that is given for a rule is one that it decides."""

from __future__ import annotations

from hypothesis import given
from support.tables import DIMENSIONS, first, tables

from router.core.dimension import LEAST, MOST, Dimension
from router.table.graph import lay_out
from router.table.regions import winners
from router.table.witness import witnesses


def found(rules, dimensions=DIMENSIONS):
    space = lay_out(dimensions, rules)
    graph = space.graph()
    return witnesses(space, graph, dimensions, rules, range(len(rules))), graph


@given(tables)
def test_every_rule_that_some_call_reaches_has_a_call_that_it_decides(rules):
    calls, graph = found(rules)
    defaults = {name: dimension.default for name, dimension in DIMENSIONS.items()}
    assert set(calls) == winners(graph) - {-1}
    assert [number for number, call in calls.items() if first(rules, {**defaults, **call}) != number] == []


@given(tables)
def test_a_call_says_nothing_that_is_neither_asked_for_nor_needed(rules):
    calls, _ = found(rules)
    defaults = {name: dimension.default for name, dimension in DIMENSIONS.items()}
    for number, call in calls.items():
        for name in call.keys() - rules[number].keys():
            without = {**defaults, **call, name: defaults[name]}
            assert first(rules, without) != number


def test_what_has_no_default_is_said():
    dimensions = {"data": Dimension("data", "words", ("public", "private"))}
    assert found([{}], dimensions)[0] == {0: {"data": "public"}}


def test_a_number_without_a_lowest_is_the_highest_of_its_interval():
    dimensions = {"size": Dimension("size", "integer", default=7)}
    assert found([{"size": ((LEAST, 3),)}, {"size": ((9, MOST),)}], dimensions)[0] == {
        0: {"size": 3},
        1: {"size": 9},
    }


def test_only_the_rules_asked_for_have_calls():
    rules = [{"task": frozenset({"code"})}, {}]
    space = lay_out(DIMENSIONS, rules)
    assert witnesses(space, space.graph(), DIMENSIONS, rules, {1}) == {1: {}}
