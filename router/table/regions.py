"""Parts of the table as boxes: for each dimension, the cells that belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.dimension import MOST
from router.core.frozen import dataclass
from router.table.graph import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from router.core.dimension import Value
    from router.table.axis import Cell
    from router.table.graph import Graph, Space


@dataclass(frozen=True, slots=True)
class Region:
    """A box of calls.

    Attributes:
        cells: For each dimension that is not open, its cells.
        leaf: The rule that decides it, or the gap.
    """

    cells: Mapping[str, tuple[Cell, ...]]
    leaf: int

    def witness(self, defaults: Mapping[str, Value]) -> dict[str, Value]:
        """Return one call of the region; where it is open, the defaults."""
        return {**defaults, **{name: cells[0].witness for name, cells in self.cells.items()}}


def regions(
    space: Space,
    graph: Graph,
    wanted: Callable[[int], bool],
    within: Sequence[Sequence[int]] | None = None,
) -> Iterator[Region]:
    """Yield the boxes whose leaf is wanted, none of them overlapping; each only when it is asked for.

    Args:
        space: What the graph was made of.
        graph: The graph.
        wanted: Which leaves to look for.
        within: For each axis the cells that the graph was made of; all by default.
    """
    cells = [
        axis.cells if within is None else tuple(axis.cells[number] for number in within[index])
        for index, axis in enumerate(space.axes)
    ]
    names = [axis.dimension.name for axis in space.axes]
    narrowed = {
        name: kept
        for name, kept, axis in zip(names, cells, space.axes, strict=True)
        if len(kept) < len(axis.cells)
    }
    holding = _Holding(wanted)
    if holding.holds(graph):
        yield from _boxes(list(zip(names, cells, strict=True)), graph, holding, narrowed)


class _Holding:
    """Remembers which subgraphs have a wanted leaf."""

    def __init__(self, wanted: Callable[[int], bool]) -> None:
        self._wanted = wanted
        self._memo: dict[Node, bool] = {}

    def holds(self, node: Graph) -> bool:
        if not isinstance(node, Node):
            return self._wanted(node)
        found = self._memo.get(node)
        if found is None:
            found = self._memo[node] = any(self.holds(child) for child in set(node.children))
        return found


def _boxes(
    axes: Sequence[tuple[str, Sequence[Cell]]],
    node: Graph,
    holding: _Holding,
    box: dict[str, tuple[Cell, ...]],
) -> Iterator[Region]:
    if not isinstance(node, Node):
        yield Region(box, node)
        return
    name, cells = axes[node.axis]
    groups: dict[Graph, list[Cell]] = {}
    start = 0
    for end, child in zip(node.ends, node.children, strict=True):
        groups.setdefault(child, []).extend(cells[start:end])
        start = end
    for child, group in groups.items():
        if holding.holds(child):
            yield from _boxes(axes, child, holding, {**box, name: tuple(group)})


def samples(space: Space, graph: Graph) -> dict[int, list[int]]:
    """Return one call for each leaf of a graph: the number of a cell for each axis."""
    found: dict[int, list[int]] = {}
    seen: set[Node] = set()
    stack: list[tuple[Graph, list[int]]] = [(graph, [0] * len(space.axes))]
    while stack:
        node, path = stack.pop()
        if not isinstance(node, Node):
            found.setdefault(node, path)
        elif node not in seen:
            seen.add(node)
            for cell, child in zip((0, *node.ends), node.children, strict=False):
                if child not in found and child not in seen:
                    stack.append((child, [*path[: node.axis], cell, *path[node.axis + 1 :]]))
    return found


def winners(graph: Graph) -> set[int]:
    """Return every leaf of a graph: the rules that some call reaches, and the gap if there is one."""
    found: set[int] = set()
    seen: set[Node] = set()
    stack = [graph]
    while stack:
        node = stack.pop()
        if not isinstance(node, Node):
            found.add(node)
        elif node not in seen:
            seen.add(node)
            stack.extend(set(node.children))
    return found


def condition(cells: Sequence[Cell], least: int) -> object:
    """Return a condition that accepts just these cells, as a rule writes it."""
    if cells[0].words:
        words = [word for cell in cells for word in cell.words]
        return words[0] if len(words) == 1 else words
    ranges = [range_text(low, high, least) for low, high in joined(cells)]
    return ranges[0] if len(ranges) == 1 else ranges


def joined(cells: Sequence[Cell]) -> list[tuple[int, int]]:
    """Return intervals of whole numbers, neighbours joined."""
    found: list[tuple[int, int]] = []
    for cell in cells:
        if found and found[-1][1] + 1 == cell.low:
            found[-1] = (found[-1][0], cell.high)
        else:
            found.append((cell.low, cell.high))
    return found


def range_text(low: int, high: int, least: int) -> int | str:
    """Return an interval as a condition writes it."""
    if low == high:
        return low
    if low <= least:
        return f"<= {high}"
    return f">= {low}" if high == MOST else f"{low}..{high}"
