"""The table as a decision graph: every call, grouped by what happens to it, exactly.

A node asks for one dimension; a leaf is the first rule that matches, or the gap. The walk goes over dimensions with
a mask of the rules that still may match; equal masks share their subgraph, and rules behind one that accepts
everything that is left are cut off.
Gouda and Liu, Structured firewall design, Computer Networks 51 (2007).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import field
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.table.axis import axis_of
from router.table.index import ones
from router.table.part import SPARSE, part, small_part

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from router.core.dimension import Accepted, Dimension
    from router.table.axis import Axis
    from router.table.part import Part, Within

GAP = -1
# Nodes of one graph, and the children looked at for them: with hundreds of cells an axis, nodes alone say little.
BUDGET = 200_000
CHILDREN = 4_000_000
# Masks of more rules than this are worth shortening.
WIDE = 256


class TooComplex(Exception):
    """The graph would need more nodes than the budget allows."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Asks for the dimension of one axis.

    Attributes:
        axis: The number of the axis.
        ends: Where each interval of cells ends, counted in the cells looked at; the end is outside.
        children: The node or leaf of each interval; neighbours differ.
    """

    axis: int
    ends: tuple[int, ...]
    children: tuple[Node | int, ...]

    def child(self, cell: int) -> Node | int:
        """Return the node or leaf of a cell."""
        return self.children[bisect_right(self.ends, cell)]


Graph = Node | int


@dataclass(frozen=True, slots=True)
class Space:
    """One table, or several side by side, laid out for analysis.

    Attributes:
        axes: The dimensions that some rule asks for.
        sizes: How many rules each table has; the rules of the first stand highest in every mask.
        suffix_open: For each axis, the rules that leave it and all after it open.
        known: What was worked out of rules that accept the same of an axis, by whoever asked for it.
    """

    axes: tuple[Axis, ...]
    sizes: tuple[int, ...]
    suffix_open: tuple[int, ...]
    known: dict[object, int] = field(default_factory=dict, compare=False, repr=False)

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
        return ones(mask, self.rules)

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

    def graph(self, mask: int | None = None, within: Within = None) -> Graph:
        """Return the decision graph.

        Args:
            mask: The rules to look at; all by default.
            within: For each axis the cells to look at; all by default. The others are left out of the nodes.

        Raises:
            TooComplex: It has more nodes than the budget.
        """
        about = part(self.axes, self.sizes, self.everything if mask is None else mask, within)
        return _Walk(self, about, within, _Tally()).node(0, about.start)


@dataclass(slots=True)
class _Tally:
    """What one construction has made and looked at; all its walks share it."""

    unique: dict[tuple[object, ...], Node] = field(default_factory=dict)
    visited: int = 0
    looked_at: int = 0

    def count(self, children: int) -> None:
        self.visited += 1
        self.looked_at += children
        if self.visited > BUDGET or self.looked_at > CHILDREN:
            raise TooComplex


class _Walk:
    """The walk over one part; its memo and its tally are its state."""

    def __init__(self, space: Space, about: Part, within: Within, tally: _Tally) -> None:
        self._space = space
        self._part = about
        self._within = within
        self._memo: list[dict[int, Graph]] = [{} for _ in space.axes]
        self._tally = tally
        self._wide = len(about.numbers) > WIDE

    def node(self, number: int, mask: int) -> Graph:
        """Return what happens to the calls that a mask of rules is left for when an axis is asked next."""
        mask, decided = self._part.cut(number, mask)
        if decided:
            return self._leaf(mask)
        memo = self._memo[number]
        found = memo.get(mask)
        if found is None:
            found = memo[mask] = self._make(number, mask)
        return found

    def _leaf(self, mask: int) -> int:
        """Return the leaf of rules, of which the first of each table is certain."""
        numbers = self._part.numbers
        code = before = 0
        for table, size in zip(self._part.tables, self._space.sizes, strict=True):
            length = (mask & table).bit_length()
            code = code * (size + 1) + (numbers[-length] - before + 1 if length else 0)
            before += size
        return code - 1

    def _make(self, number: int, mask: int) -> Graph:
        side = self._part.sides[number]
        self._tally.count(len(side.masks))
        lefts = [mask & cell for cell in side.masks]
        seen: dict[int, Graph] = dict.fromkeys(lefts, GAP)
        apart = self._wide and self._apart(mask, seen)
        for left in seen:
            seen[left] = self._alone(number + 1, left) if apart else self.node(number + 1, left)
        ends: list[int] = []
        children: list[Graph] = []
        for end, left in zip(side.ends, lefts, strict=True):
            child = seen[left]
            if children and children[-1] == child:
                ends[-1] = end
            else:
                ends.append(end)
                children.append(child)
        if len(children) == 1:
            return children[0]
        node = Node(number, tuple(ends), tuple(children))
        return self._tally.unique.setdefault((number, node.ends, node.children), node)

    def _apart(self, mask: int, lefts: Collection[int]) -> bool:
        """Return whether what is left below shares so few rules that walks of their own repeat little."""
        rules = mask.bit_count()
        return len(lefts) > SPARSE and sum(left.bit_count() for left in lefts) <= 2 * rules

    def _alone(self, number: int, mask: int) -> Graph:
        """Return what `node` returns, by a walk over these rules alone: its masks are short."""
        mask, decided = self._part.cut(number, mask)
        if decided:
            return self._leaf(mask)
        about = small_part(self._space.axes, self._space.sizes, self._part.rules(mask), self._within, number)
        return _Walk(self._space, about, self._within, self._tally).node(number, about.start)


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
    asked = {name for rule in rules for name in rule} | apart
    axes = [axis_of(each, rules, apart=name in apart) for name, each in dimensions.items() if name in asked]
    # What leaves the fewest rules for the rest of the walk comes first.
    axes.sort(key=lambda axis: (sum(map(int.bit_count, axis.masks)) / len(axis.masks), -len(axis.cells)))
    suffix = [(1 << len(rules)) - 1]
    for axis in reversed(axes):
        suffix.append(suffix[-1] & axis.open)
    return Space(tuple(axes), tuple(len(table) for table in tables), tuple(reversed(suffix)))
