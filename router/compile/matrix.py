"""The decision table as a grid: what every call meets, exactly."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from router.compile.grid import Edge, GridCell, Matrix, Outcome, headings
from router.compile.options import TEMPERATURE, file_params
from router.compile.sides import MOST_CELLS, TASK, Sides, first_asking
from router.policy.split import Split
from router.table.graph import GAP, Node, Space, lay_out
from router.table.regions import condition, regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router.compile.program import Program
    from router.table.axis import Axis, Cell
    from router.table.graph import Graph

    Box = Mapping[str, tuple[Cell, ...]]

# Regions inside all cells, and those looked at before neighbours become one.
MOST_REGIONS, MOST_LOOKED_AT = 10_000, 200_000


class TooLarge(Exception):
    """The grid would have more cells, or its cells more regions, than a person reads."""


def matrix(program: Program, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> Matrix:
    """Return the decision table.

    Args:
        program: The compiled configuration.
        rows: Dimensions for the rows; by default of those that most rules ask for, words before others.
        columns: The same for the columns.

    Raises:
        NotADimension: A name is no dimension that a rule asks for, or stands twice.
        TooLarge: There would be too many cells, or too many regions in them.
        TooComplex: It cannot be told within the node budget.
    """
    space = lay_out(program.dimensions, [route.accepted for route in program.routes], apart=frozenset({TASK}))
    sides = Sides(program, space)
    sides.legal([*rows, *columns])
    down, across = sides.choose(list(rows), list(columns))
    cells = prod(len(sides.headings(name)) for name in (*down, *across))
    if cells > MOST_CELLS:
        raise TooLarge(f"the table would have {cells:,} cells, more than {MOST_CELLS:,}")
    return _Grid(program, _reordered(space, [*down, *across]), sides).matrix(down, across)


def _reordered(space: Space, names: Sequence[str]) -> Space:
    """Return the same space with some axes first: below them every cell of the grid is one subgraph."""
    axes = sorted(
        space.axes,
        key=lambda axis: (
            names.index(axis.dimension.name) if axis.dimension.name in names else len(names),
            first_asking(space, axis),
        ),
    )
    suffix = [space.everything]
    for axis in reversed(axes):
        suffix.append(suffix[-1] & axis.open)
    return Space(tuple(axes), space.sizes, tuple(reversed(suffix)))


class _Grid:
    """Fills the cells; what it remembers of subgraphs, and its counts of regions, are its state."""

    def __init__(self, program: Program, space: Space, sides: Sides) -> None:
        self._program = program
        self._space = space
        self._sides = sides
        self._axes = {axis.dimension.name: axis for axis in space.axes}
        self._memo: dict[tuple[Graph, Cell | None], tuple[Outcome, ...]] = {}
        self._listed = 0
        self._looked_at = 0

    def matrix(self, down: Sequence[str], across: Sequence[str]) -> Matrix:
        graph = self._space.graph()
        program = self._program
        rows, columns = (tuple(self._edge(name) for name in names) for names in (down, across))
        paths = product(*(self._sides.headings(name) for name in (*down, *across)))
        calls = headings((*rows, *columns))
        flat = [
            GridCell(call, self._outcomes(graph, (*down, *across), path))
            for call, path in zip(calls, paths, strict=True)
        ]
        width = prod(len(edge.values) for edge in columns)
        cells = tuple(tuple(flat[start : start + width]) for start in range(0, len(flat), width))
        return Matrix(program.file, program.name, len(program.routes), rows, columns, cells)

    def _edge(self, name: str) -> Edge:
        axis = self._axes[name]
        return Edge(
            name,
            tuple(
                condition([axis.cells[number] for number in group], axis.dimension.least)
                for group in self._sides.headings(name)
            ),
        )

    def _outcomes(self, graph: Graph, names: Sequence[str], path: Sequence[list[int]]) -> tuple[Outcome, ...]:
        task: Cell | None = None
        for level, (name, numbers) in enumerate(zip(names, path, strict=True)):
            if isinstance(graph, Node) and graph.axis == level:
                graph = graph.child(numbers[0])
            if name == TASK:
                task = self._axes[TASK].cells[numbers[0]]
        found = self._memo.get((graph, task))
        if found is None:
            found = self._memo[graph, task] = tuple(self._listing(graph, task))
        self._listed += sum(len(each.when) for each in found)
        self._limit()
        return found

    def _limit(self) -> None:
        if self._listed > MOST_REGIONS or self._looked_at > MOST_LOOKED_AT:
            raise TooLarge(f"the cells of the table would hold more than {MOST_REGIONS:,} regions")

    def _listing(self, graph: Graph, task: Cell | None) -> Iterator[Outcome]:
        boxes: dict[tuple[int, object], list[Box]] = {}
        for region in regions(self._space, graph, lambda _: True):
            for temperature, cells in self._temperatures(region.leaf, region.cells, task):
                boxes.setdefault((region.leaf, temperature), []).append(cells)
                self._looked_at += 1
            self._limit()
        order = sorted(boxes, key=lambda key: key[0] if key[0] != GAP else len(self._program.routes))
        for leaf, temperature in order:
            when = tuple(self._when(box) for box in self._merged(boxes[leaf, temperature]))
            yield self._outcome(leaf, temperature, when if any(when) else ())

    def _outcome(self, leaf: int, temperature: object, when: tuple[Mapping[str, object], ...]) -> Outcome:
        if leaf == GAP:
            return Outcome(None, None, (), None, when)
        route = self._program.routes[leaf]
        return Outcome(route.name, str(route.span), route.uses, temperature, when)

    def _temperatures(self, leaf: int, box: Box, task: Cell | None) -> Iterator[tuple[object, Box]]:
        """Yield what a region's first model is sent, and the part of the region, where tasks differ in it."""
        tasks = (task,) if task is not None else box.get(TASK, self._axes[TASK].cells)
        groups: dict[object, list[Cell]] = {}
        for cell in tasks:
            groups.setdefault(self._temperature(leaf, str(cell.words[0])), []).append(cell)
        for temperature, cells in groups.items():
            yield temperature, box if len(groups) == 1 else {**box, TASK: tuple(cells)}

    def _temperature(self, leaf: int, task: str) -> object:
        if leaf == GAP:
            return None
        route = self._program.routes[leaf]
        use = route.uses[0]
        model = self._program.models[use.largest if isinstance(use, Split) else use]
        return file_params(model, route, task).get(TEMPERATURE)

    def _merged(self, boxes: list[Box]) -> list[Box]:
        """Return the same calls in fewer boxes: those that differ in one dimension alone become one."""
        before = 0
        while len(boxes) != before:
            before = len(boxes)
            for name, axis in self._axes.items():
                groups: dict[object, list[Box]] = {}
                for box in boxes:
                    rest = frozenset(item for item in box.items() if item[0] != name)
                    groups.setdefault((rest, name in box), []).append(box)
                boxes = [_union(group, axis) for group in groups.values()]
        return boxes

    def _when(self, box: Box) -> dict[str, object]:
        dimensions = self._program.dimensions
        return {name: condition(box[name], each.least) for name, each in dimensions.items() if name in box}


def _union(boxes: list[Box], axis: Axis) -> Box:
    """Return one box for those that differ in this axis alone."""
    name = axis.dimension.name
    if len(boxes) == 1:
        return boxes[0]
    some = {cell for box in boxes for cell in box[name]}
    rest = {other: cells for other, cells in boxes[0].items() if other != name}
    kept = tuple(cell for cell in axis.cells if cell in some)
    return rest if len(kept) == len(axis.cells) else {**rest, name: kept}
