"""The table as a decision graph: every call, grouped by what happens to it, exactly.

A node asks for one dimension; a leaf is the first rule that matches, or the gap. The walk goes over dimensions with
a mask of the rules that still may match; equal masks share their subgraph, and rules behind one that accepts
everything that is left are cut off.
Gouda and Liu, Structured firewall design, Computer Networks 51 (2007).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.core.dimension import MOST
from router.table.index import build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.core.dimension import Accepted, Dimension, Value

GAP = -1
BUDGET = 200_000


class TooComplex(Exception):
    """The graph would need more nodes than the budget allows."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Values of a dimension that no rule tells apart: words or booleans, or one interval of whole numbers."""

    words: tuple[Value, ...] = ()
    low: int = 0
    high: int = 0

    @property
    def witness(self) -> Value:
        """One of its values."""
        return self.words[0] if self.words else self.low


@dataclass(frozen=True, slots=True)
class Axis:
    """A dimension cut into cells.

    Attributes:
        dimension: The dimension.
        cells: Its cells, in order.
        masks: The rules that accept each cell, the first rule highest.
        open: The rules that accept every cell.
    """

    dimension: Dimension
    cells: tuple[Cell, ...]
    masks: tuple[int, ...]
    open: int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Asks for the dimension of one axis; `children` are nodes or leaves, one per cell of the axis."""

    axis: int
    children: tuple[Node | int, ...]


Graph = Node | int


@dataclass(slots=True)
class Space:
    """A table laid out for analysis: its axes, and how to walk them. Immutable once made."""

    axes: tuple[Axis, ...]
    rules: int
    suffix_open: tuple[int, ...] = field(default=())

    def bit(self, rule: int) -> int:
        """Return the mask of one rule."""
        return 1 << (self.rules - 1 - rule)

    def first(self, mask: int) -> int:
        """Return the first rule of a mask, or the gap."""
        return self.rules - mask.bit_length() if mask else GAP

    def graph(self, mask: int | None = None, within: Sequence[Sequence[int]] | None = None) -> Graph:
        """Return the decision graph.

        Args:
            mask: The rules to look at; all by default.
            within: For each axis the cells to look at; all by default. The others are left out of the nodes.

        Raises:
            TooComplex: It has more nodes than the budget.
        """
        return _Walk(self, within).node(0, (1 << self.rules) - 1 if mask is None else mask)


class _Walk:
    """One construction; its memo is its state."""

    def __init__(self, space: Space, within: Sequence[Sequence[int]] | None) -> None:
        self._space = space
        self._masks = [
            axis.masks if within is None else [axis.masks[cell] for cell in within[number]]
            for number, axis in enumerate(space.axes)
        ]
        self._memo: list[dict[int, Graph]] = [{} for _ in space.axes]
        self._unique: dict[tuple[int, tuple[int, ...]], Node] = {}
        self._visited = 0

    def node(self, number: int, mask: int) -> Graph:
        space = self._space
        certain = mask & space.suffix_open[number]
        if certain:
            below = certain.bit_length() - 1
            mask = mask >> below << below
        if not mask or (mask == certain and mask.bit_count() == 1) or number == len(space.axes):
            return space.first(mask)
        memo = self._memo[number]
        found = memo.get(mask)
        if found is None:
            found = memo[mask] = self._make(number, mask)
        return found

    def _make(self, number: int, mask: int) -> Graph:
        self._visited += 1
        if self._visited > BUDGET:
            raise TooComplex
        seen: dict[int, Graph] = {}
        children = []
        for cell in self._masks[number]:
            left = mask & cell
            child = seen.get(left)
            if child is None:
                child = seen[left] = self.node(number + 1, left)
            children.append(child)
        first = children[0]
        if all(child is first or child == first for child in children):
            return first
        key = (number, tuple(child if isinstance(child, int) else ~id(child) for child in children))
        return self._unique.setdefault(key, Node(number, tuple(children)))


def lay_out(dimensions: Mapping[str, Dimension], accepted: Sequence[Mapping[str, Accepted]]) -> Space:
    """Return the space of a table.

    Args:
        dimensions: Every dimension by name.
        accepted: What each rule accepts, in order; a dimension that is absent is left open.
    """
    table = build(dimensions, accepted)
    axes = []
    for column in table.columns:
        cells, masks = _cells(column.masks, column.starts)
        everywhere = masks[0]
        for mask in masks:
            everywhere &= mask
        axes.append(Axis(dimensions[column.name], cells, masks, everywhere))
    suffix = [(1 << table.rules) - 1]
    for axis in reversed(axes):
        suffix.append(suffix[-1] & axis.open)
    return Space(tuple(axes), table.rules, tuple(reversed(suffix)))


def _cells(
    masks: Mapping[Value, int], starts: Sequence[int] | None
) -> tuple[tuple[Cell, ...], tuple[int, ...]]:
    """Return cells with their masks; values that every rule treats alike share one, neighbours only for numbers."""
    if starts is None:
        groups: dict[int, list[Value]] = {}
        for value, mask in masks.items():
            groups.setdefault(mask, []).append(value)
        return tuple(Cell(tuple(words)) for words in groups.values()), tuple(groups)
    cells: list[Cell] = []
    kept: list[int] = []
    ends = [start - 1 for start in starts[1:]] + [MOST]
    for number, (low, high) in enumerate(zip(starts, ends, strict=True)):
        mask = masks[number]
        if kept and kept[-1] == mask:
            cells[-1] = Cell(low=cells[-1].low, high=high)
        else:
            cells.append(Cell(low=low, high=high))
            kept.append(mask)
    return tuple(cells), tuple(kept)
