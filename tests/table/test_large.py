"""What only large tables do is right in small ones too."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables import CALLS, DIMENSIONS, accepts, first, tables
from table.test_analysis import leaf

from router.table import cover, graph, heirs, index, part
from router.table.cover import containing, earlier, overlapping
from router.table.difference import Side, difference
from router.table.graph import GAP, TooComplex, lay_out
from router.table.index import build

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage


@pytest.fixture(scope="module", autouse=True)
def large():
    """Let every way of making a large table small be taken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "WIDE", 0)
        patch.setattr(graph, "SPARSE", 0)
        patch.setattr(part, "SPARSE", 1)
        patch.setattr(index, "MANY", 0)
        patch.setattr(index, "FEW", 1)
        patch.setattr(cover, "MANY", 0)
        yield


@given(tables)
@settings(max_examples=150)
def test_the_graph_decides_every_call_as_the_rules_do(rules):
    space = lay_out(DIMENSIONS, rules)
    found = space.graph()
    assert all(leaf(space, found, call) == first(rules, call) for call in CALLS)


@given(tables)
@settings(max_examples=150)
def test_the_index_decides_every_call_as_the_rules_do(rules):
    table = build(DIMENSIONS, rules)
    assert all(table.match(call) == first(rules, call) for call in CALLS)


def test_a_table_is_split_by_the_words_that_have_the_fewest_rules_in_common():
    rules = [{"data": frozenset({"public"}), "task": frozenset({word})} for word in ("chat", "code")]
    assert build(DIMENSIONS, rules).by == "task"
    assert build(DIMENSIONS, [{"task": frozenset({"chat", "code", "analysis"})}]).by is None


def test_a_table_of_numbers_is_not_split():
    assert build(DIMENSIONS, [{"tokens": ((number, number),)} for number in range(9)]).by is None


@given(tables, tables)
@settings(max_examples=80)
def test_the_difference_is_that_of_every_call(old, new):
    def same(before, after, _task):
        return before == after

    found = list(difference(Side(DIMENSIONS, old), Side(DIMENSIONS, new), same, frozenset({"task"})))
    calls = [call for call in CALLS if first(old, call) != first(new, call)]
    inside = [
        (call, change)
        for call in CALLS
        for change in found
        if all(
            any(
                call[name] in cell.words or (not cell.words and cell.low <= call[name] <= cell.high)
                for cell in cells
            )
            for name, cells in change.region.cells.items()
        )
    ]
    assert [call for call, _ in inside] == calls
    assert all(
        (change.before, change.after) == (first(old, call), first(new, call)) for call, change in inside
    )


@given(tables)
@settings(max_examples=100)
def test_rules_overlap_and_contain_each_other_as_their_calls_do(rules):
    space = lay_out(DIMENSIONS, rules)
    boxes = [{number for number, call in enumerate(CALLS) if accepts(each, call)} for each in rules]
    for number, box in enumerate(boxes):
        assert space.numbers(overlapping(space, number)) == [i for i, each in enumerate(boxes) if each & box]
        if box:
            inside = [i for i, each in enumerate(boxes) if box <= each]
            assert space.numbers(containing(space, number)) == inside


@given(tables, st.lists(st.booleans(), min_size=7, max_size=7))
@settings(max_examples=200)
def test_the_heirs_of_a_rule_are_those_that_decide_its_calls_without_it(rules, alike):
    space = lay_out(DIMENSIONS, rules)
    mask = sum(space.bit(number) for number in range(len(rules)) if alike[number])
    for number in range(len(rules)):
        calls = [call for call in CALLS if first(rules, call) == number]
        later = space.everything ^ earlier(space, number) ^ space.bit(number)
        others = {first(rules[number + 1 :], call) for call in calls}
        found = {GAP if each == GAP else number + 1 + each for each in others}
        if calls:
            wanted = sorted(found) if all(each != GAP and alike[each] for each in found) else []
            assert heirs.heirs(space, number, later, mask) == wanted


def test_heirs_that_take_too_long_to_tell_are_not_told(monkeypatch):
    monkeypatch.setattr(heirs, "STEPS", 1)
    rules = [
        {"task": frozenset({"code"}), "tokens": ((0, 3),)},
        {"tokens": ((2, 5),), "data": frozenset({"public"})},
        {},
    ]
    space = lay_out(DIMENSIONS, rules)
    with pytest.raises(TooComplex):
        heirs.heirs(space, 1, 1, space.everything)
