"""The difference of two tables is what asking every call of both gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables import CALLS, DIMENSIONS, first, tables

from router.core.dimension import Dimension
from router.table.difference import REFUSED, Side, difference
from router.table.graph import GAP

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage


def inside(region, call):
    return all(
        any(
            call[name] in cell.words or (not cell.words and cell.low <= call[name] <= cell.high)
            for cell in cells
        )
        for name, cells in region.cells.items()
    )


@given(tables, tables, st.lists(st.integers(0, 2), min_size=14, max_size=14))
@settings(max_examples=120)
def test_every_changed_call_is_in_one_region_and_no_other_call_in_any(old, new, outcomes):
    def same(before, after, _task):
        one = outcomes[before] if before >= 0 else before
        two = outcomes[7 + after] if after >= 0 else after
        return one == two

    found = list(difference(Side(DIMENSIONS, old), Side(DIMENSIONS, new), same, frozenset()))
    for call in CALLS:
        before, after = first(old, call), first(new, call)
        hits = [change for change in found if inside(change.region, call)]
        assert len(hits) == (not same(before, after, None))
        assert all((change.before, change.after) == (before, after) for change in hits)
    assert sum(change.share for change in found) <= 1 + 1e-9


@given(tables, tables)
@settings(max_examples=60)
def test_outcomes_may_depend_on_the_task(old, new):
    def same(before, after, task):
        return before == after and task != "code"

    found = list(difference(Side(DIMENSIONS, old), Side(DIMENSIONS, new), same, frozenset({"task"})))
    for call in CALLS:
        hits = [change for change in found if inside(change.region, call)]
        changed = call["task"] == "code" or first(old, call) != first(new, call)
        assert len(hits) == changed


def test_a_word_that_one_side_does_not_know_is_refused_there():
    task = Dimension("task", "words", ("chat",), "chat")
    wider = Dimension("task", "words", ("chat", "code"), "chat")
    old, new = Side({"task": task}, [{}]), Side({"task": wider}, [{}])
    (change,) = difference(old, new, lambda before, after, _: before == after, frozenset())
    assert (change.before, change.after, change.share) == (REFUSED, 0, 0.5)
    assert change.region.witness({})["task"] == "code"


def test_a_dimension_that_one_side_does_not_have_is_open_there():
    old = Side({"task": DIMENSIONS["task"]}, [{}])
    new = Side(dict(DIMENSIONS), [{"data": frozenset({"private"})}])
    (change,) = difference(old, new, lambda before, after, _: before == after, frozenset())
    assert (change.before, change.after, change.share) == (0, GAP, 0.5)


def test_equal_tables_have_no_difference():
    side = Side(DIMENSIONS, [{"task": frozenset({"code"})}, {}])
    assert list(difference(side, side, lambda before, after, _: before == after, frozenset())) == []
    with pytest.raises(StopIteration):
        next(difference(side, side, lambda *_: True, frozenset({"task"})))
