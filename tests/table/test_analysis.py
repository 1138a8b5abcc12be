"""What is said of a table is what asking every call one by one gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from support.tables import CALLS, DIMENSIONS, accepts, first, tables

from router.table import graph as graphs
from router.table.cover import covering, impossible, overlapping
from router.table.graph import GAP, Node, TooComplex, lay_out
from router.table.regions import condition, regions, winners

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage


def leaf(space, node, call):
    while isinstance(node, Node):
        axis = space.axes[node.axis]
        value = call[axis.dimension.name]
        cell = next(
            number
            for number, each in enumerate(axis.cells)
            if value in each.words or (not each.words and each.low <= value <= each.high)
        )
        node = node.child(cell)
    return node


@given(tables)
@settings(max_examples=150)
def test_the_graph_decides_every_call_as_the_rules_do(rules):
    space = lay_out(DIMENSIONS, rules)
    graph = space.graph()
    found = {id(call): first(rules, call) for call in CALLS}
    assert all(leaf(space, graph, call) == found[id(call)] for call in CALLS)
    assert winners(graph) == set(found.values())


@given(tables)
@settings(max_examples=100)
def test_the_regions_are_the_calls_once_each(rules):
    space = lay_out(DIMENSIONS, rules)
    boxes = list(regions(space, space.graph(), lambda each: each == GAP))
    for call in CALLS:
        inside = sum(
            all(
                any(
                    call[name] in cell.words or (not cell.words and cell.low <= call[name] <= cell.high)
                    for cell in cells
                )
                for name, cells in region.cells.items()
            )
            for region in boxes
        )
        assert inside == (first(rules, call) == GAP)


@given(tables)
@settings(max_examples=150)
def test_a_dead_rule_is_covered_by_the_rules_named_and_none_of_them_is_to_spare(rules):
    space = lay_out(DIMENSIONS, rules)
    alive = winners(space.graph())
    for number, each in enumerate(rules):
        box = [call for call in CALLS if accepts(each, call)]
        assert impossible(space, number) == (not box)
        if number in alive or not box:
            continue
        names = covering(space, number)
        assert all(other < number for other in names)
        assert all(any(accepts(rules[other], call) for other in names) for call in box)
        for spare in names:
            rest = [other for other in names if other != spare]
            assert not all(any(accepts(rules[other], call) for other in rest) for call in box)


@given(tables)
@settings(max_examples=100)
def test_rules_overlap_when_a_call_matches_both(rules):
    space = lay_out(DIMENSIONS, rules)
    for number, one in enumerate(rules):
        mask = overlapping(space, number)
        for other, two in enumerate(rules):
            both = any(accepts(one, call) and accepts(two, call) for call in CALLS)
            assert bool(mask & space.bit(other)) == both


def test_a_table_beyond_the_budget_says_so(monkeypatch):
    monkeypatch.setattr(graphs, "BUDGET", 3)
    rules = [
        {"task": frozenset({"code"}), "tokens": ((number, 5),), "size": ((0, number),)} for number in range(4)
    ]
    with pytest.raises(TooComplex):
        lay_out(DIMENSIONS, rules).graph()


def test_cells_are_written_as_a_rule_writes_them():
    rules = [{"task": frozenset({"code", "chat"}), "tokens": ((0, 3), (5, 5), (8, 9))}]
    space = lay_out(DIMENSIONS, rules)
    task, tokens = sorted(space.axes, key=lambda axis: axis.dimension.name)
    assert condition(task.cells[:1], task.dimension.least) == ["chat", "code"]
    assert condition(task.cells[1:], task.dimension.least) == "analysis"
    assert condition(tokens.cells[:1], 0) == "<= 3"
    assert condition(tokens.cells[:2], 0) == "<= 4"
    assert condition(tokens.cells[2:3], 0) == 5
    assert condition(tokens.cells[-1:], 0) == ">= 10"
    assert condition((tokens.cells[0], tokens.cells[4]), 0) == ["<= 3", "8..9"]
