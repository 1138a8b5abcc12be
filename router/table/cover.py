"""Rules that other rules take away: which rules no call reaches, and which earlier ones see to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.table.graph import GAP
from router.table.regions import winners

if TYPE_CHECKING:
    from router.table.graph import Space


def box(space: Space, rule: int) -> list[list[int]]:
    """Return the cells that a rule accepts, for each axis; an empty list where it accepts none."""
    bit = space.bit(rule)
    return [[number for number, mask in enumerate(axis.masks) if mask & bit] for axis in space.axes]


def impossible(space: Space, rule: int) -> bool:
    """Return whether a rule accepts no call at all, whatever the other rules are."""
    return any(not cells for cells in box(space, rule))


def overlapping(space: Space, rule: int) -> int:
    """Return the mask of rules that share a call with this one, itself included."""
    mask = space.everything
    bit = space.bit(rule)
    for axis in space.axes:
        some = 0
        for cell in axis.masks:
            if cell & bit:
                some |= cell
        mask &= some
    return mask


def earlier(space: Space, rule: int) -> int:
    """Return the mask of the rules before one."""
    return space.everything ^ ((space.bit(rule) << 1) - 1)


def containing(space: Space, rule: int) -> int:
    """Return the mask of rules that each accept every call that a rule accepts, itself included."""
    mask = space.everything
    bit = space.bit(rule)
    for axis in space.axes:
        if axis.open & bit:
            mask &= axis.open
            continue
        for cell in axis.masks:
            if cell & bit:
                mask &= cell
    return mask


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
