"""Rules that other rules take away: which rules no call reaches, and which earlier ones see to that."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Literal

from router.table.graph import GAP
from router.table.regions import winners

if TYPE_CHECKING:
    from router.table.axis import Runs
    from router.table.graph import Space

# A rule that accepts more cells of an axis than this is held against other rules one by one there.
MANY = 512


def box(space: Space, rule: int) -> list[list[int]]:
    """Return the cells that a rule accepts, for each axis; an empty list where it accepts none."""
    return [_cells(axis.runs[rule]) for axis in space.axes]


def impossible(space: Space, rule: int) -> bool:
    """Return whether a rule accepts no call at all, whatever the other rules are."""
    return not all(axis.runs[rule] for axis in space.axes)


def earlier(space: Space, rule: int) -> int:
    """Return the mask of the rules before one."""
    return space.everything ^ ((space.bit(rule) << 1) - 1)


def overlapping(space: Space, rule: int) -> int:
    """Return the mask of rules that share a call with this one, itself included."""
    return _related(space, rule, "some")


def containing(space: Space, rule: int) -> int:
    """Return the mask of rules that each accept every call that a rule accepts, itself included."""
    return _related(space, rule, "every")


def _related(space: Space, rule: int, cells: Literal["some", "every"]) -> int:
    """Return the rules that accept some or every one of a rule's cells, on every axis."""
    mask = space.everything
    for number, axis in enumerate(space.axes):
        runs = axis.runs[rule]
        if sum(end - start for start, end in runs) <= MANY:
            key = (cells, number, runs)
            found = space.known.get(key)
            if found is None:
                masks = [axis.masks[cell] for cell in _cells(runs)]
                together = reduce(or_, masks, 0) if cells == "some" else reduce(and_, masks, space.everything)
                found = space.known[key] = together
            mask &= found
        elif cells == "every":
            mask &= reduce(and_, [axis.masks[start] & axis.masks[end - 1] for start, end in runs])
    for axis in space.axes:
        runs = axis.runs[rule]
        if sum(end - start for start, end in runs) > MANY and not (cells == "every" and axis.plain):
            holds = _meet if cells == "some" else _inside
            mask = sum(space.bit(other) for other in space.numbers(mask) if holds(runs, axis.runs[other]))
    return mask


def _cells(runs: Runs) -> list[int]:
    return [cell for start, end in runs for cell in range(start, end)]


def _meet(ours: Runs, theirs: Runs) -> bool:
    return any(start < stop and begin < end for start, end in ours for begin, stop in theirs)


def _inside(ours: Runs, theirs: Runs) -> bool:
    return all(any(begin <= start and end <= stop for begin, stop in theirs) for start, end in ours)


def covered(space: Space, rule: int, by: int) -> bool:
    """Return whether a mask of rules accepts every call that a rule accepts.

    Raises:
        TooComplex: It cannot be told within the node budget.
    """
    return GAP not in winners(space.graph(by, box(space, rule)))


def covering(space: Space, rule: int) -> list[int]:
    """Return earlier rules that together take every call of a rule that no call reaches, none of them to spare.

    A single one is preferred. The rules are those that win within the rule's box, thinned out from the last.

    Raises:
        TooComplex: It cannot be told within the node budget.
    """
    before = overlapping(space, rule) & earlier(space, rule)
    alone = containing(space, rule) & before
    if alone:
        return [space.leaf(alone)]
    taking = sorted(winners(space.graph(before, box(space, rule))))
    kept = list(taking)
    for one in reversed(taking):
        rest = [other for other in kept if other != one]
        if rest and covered(space, rule, sum(space.bit(other) for other in rest)):
            kept = rest
    return kept
