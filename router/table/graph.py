"""The table as a decision graph: every call, grouped by what happens to it, exactly.

A node asks for one dimension; a leaf is the first rule that matches, or the gap. The walk goes over dimensions with
a mask of the rules that still may match; equal masks share their subgraph, and rules behind one that accepts
everything that is left are cut off.
Gouda and Liu, Structured firewall design, Computer Networks 51 (2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.core.dimension import MOST
from router.table.index import build

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.core.dimension import Accepted, Dimension, Value

GAP = -1
# Nodes of one graph, and the children looked at for them: with hundreds of cells an axis, nodes alone say little.
BUDGET = 200_000
CHILDREN = 4_000_000


class TooComplex(Exception):
    """The graph would need more nodes than the budget allows."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Values of a dimension that no rule tells apart: words or booleans, or one interval of whole numbers.

    Each is made once per axis and equal to itself alone.
    """

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


@dataclass(frozen=True, slots=True)
class Space:
    """One table, or several side by side, laid out for analysis.

    Attributes:
        axes: The dimensions that some rule asks for.
        sizes: How many rules each table has; the rules of the first stand highest in every mask.
        suffix_open: For each axis, the rules that leave it and all after it open.
    """

    axes: tuple[Axis, ...]
    sizes: tuple[int, ...]
    suffix_open: tuple[int, ...]

    @property
    def rules(self) -> int:
        """How many rules there are in all."""
        return sum(self.sizes)

    @property
    def everything(self) -> int:
        """The mask of all rules."""
        return (1 << self.rules) - 1

    def bit(self, rule: int) -> int:
        """Return the mask of one rule."""
        return 1 << (self.rules - 1 - rule)

    def numbers(self, mask: int) -> list[int]:
        """Return the rules of a mask, the first one first."""
        found = []
        while mask:
            rule = self.rules - mask.bit_length()
            found.append(rule)
            mask ^= self.bit(rule)
        return found

    def leaf(self, mask: int) -> int:
        """Return what a mask decides: the first rule of one table, or one number for the firsts of several."""
        code, left = 0, self.rules
        for size in self.sizes:
            left -= size
            part = (mask >> left) & ((1 << size) - 1)
            code = code * (size + 1) + (size - part.bit_length() + 1 if part else 0)
        return code - 1

    def firsts(self, leaf: int) -> tuple[int, ...]:
        """Return the first rule of each table, counted within it, or the gap; the inverse of `leaf`."""
        code = leaf + 1
        found = []
        for size in reversed(self.sizes):
            code, first = divmod(code, size + 1)
            found.append(first - 1)
        return tuple(reversed(found))

    def cut(self, mask: int, certain: int) -> tuple[int, bool]:
        """Drop the rules of each table behind its first certain one; tell whether nothing is left to decide."""
        kept, left, decided = 0, self.rules, True
        for size in self.sizes:
            left -= size
            part = mask & (((1 << size) - 1) << left)
            sure = part & certain
            if sure:
                below = sure.bit_length() - 1
                part = part >> below << below
            decided = decided and (not part or (part == sure and part.bit_count() == 1))
            kept |= part
        return kept, decided

    def graph(self, mask: int | None = None, within: Sequence[Sequence[int]] | None = None) -> Graph:
        """Return the decision graph.

        Args:
            mask: The rules to look at; all by default.
            within: For each axis the cells to look at; all by default. The others are left out of the nodes.

        Raises:
            TooComplex: It has more nodes than the budget.
        """
        return _Walk(self, within).node(0, self.everything if mask is None else mask)


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
        self._looked_at = 0

    def node(self, number: int, mask: int) -> Graph:
        space = self._space
        mask, decided = space.cut(mask, space.suffix_open[number])
        if decided or number == len(space.axes):
            return space.leaf(mask)
        memo = self._memo[number]
        found = memo.get(mask)
        if found is None:
            found = memo[mask] = self._make(number, mask)
        return found

    def _make(self, number: int, mask: int) -> Graph:
        self._visited += 1
        self._looked_at += len(self._masks[number])
        if self._visited > BUDGET or self._looked_at > CHILDREN:
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


def lay_out(
    dimensions: Mapping[str, Dimension],
    *tables: Sequence[Mapping[str, Accepted]],
    apart: frozenset[str] = frozenset(),
) -> Space:
    """Return the space of one table, or of several over the same calls.

    Args:
        dimensions: Every dimension by name.
        *tables: What each rule accepts, in order; a dimension that is absent is left open.
        apart: Dimensions whose words each keep a cell of their own.
    """
    rules = [rule for table in tables for rule in table]
    index = build(dimensions, rules, always=apart)
    axes = []
    for column in index.columns:
        cells, masks = _cells(column.masks, column.starts, apart=column.name in apart)
        everywhere = masks[0]
        for mask in masks:
            everywhere &= mask
        axes.append(Axis(dimensions[column.name], cells, masks, everywhere))
    # What most rules ask for comes first: it leaves the fewest rules for the rest of the walk.
    axes.sort(key=lambda axis: (axis.open.bit_count(), -len(axis.cells)))
    suffix = [index.everything]
    for axis in reversed(axes):
        suffix.append(suffix[-1] & axis.open)
    return Space(tuple(axes), tuple(len(table) for table in tables), tuple(reversed(suffix)))


def _cells(
    masks: Mapping[Value, int], starts: Sequence[int] | None, *, apart: bool
) -> tuple[tuple[Cell, ...], tuple[int, ...]]:
    """Return cells with their masks; values that every rule treats alike share one, neighbours only for numbers."""
    if starts is None and apart:
        return tuple(Cell((value,)) for value in masks), tuple(masks.values())
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
