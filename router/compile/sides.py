"""Which dimensions make the rows and the columns of a decision table, and their headings."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.compile.program import Program
    from router.table.axis import Axis
    from router.table.graph import Space

TASK = "task"
# Cells of the grid, and the size up to which a third dimension is shown unasked.
MOST_CELLS, COMFORTABLE = 2_000, 200


class NotADimension(ValueError):
    """A dimension that cannot make rows or columns, and why."""


def first_asking(space: Space, axis: Axis) -> int:
    """Return the first rule that asks for a dimension: told in the order of the rules, regions are the fewest."""
    return space.rules - (space.everything ^ axis.open).bit_length()


class Sides:
    """Which dimensions make the grid, and their headings."""

    def __init__(self, program: Program, space: Space) -> None:
        self._space = space
        self._axes = {axis.dimension.name: axis for axis in space.axes}
        by_task = {task: each.value for task, each in program.temperatures.items()}
        groups = {name: _groups(axis, by_task) for name, axis in self._axes.items()}
        self._headings = {name: found for name, found in groups.items() if len(found) > 1}
        self._known = program.dimensions

    def headings(self, name: str) -> list[list[int]]:
        """Return the numbers of the cells under each heading: values that decide nothing otherwise share one."""
        return self._headings[name]

    def legal(self, names: Sequence[str]) -> None:
        """Refuse names that cannot make rows or columns.

        Raises:
            NotADimension: One of them cannot, and why.
        """
        for name in names:
            if name not in self._known:
                raise NotADimension(f"`{name}` is not a dimension; there are {', '.join(self._known)}")
            if name not in self._headings:
                asked = ", ".join(each for each in self._known if each in self._headings) or "none"
                raise NotADimension(f"`{name}` decides nothing in this file; what decides: {asked}")
        for name, following in pairwise(sorted(names)):
            if name == following:
                raise NotADimension(f"`{name}` cannot make rows or columns twice")

    def choose(self, rows: list[str], columns: list[str]) -> tuple[list[str], list[str]]:
        """Return the dimensions of rows and of columns, those that were not given chosen."""
        if rows and columns:
            return rows, columns
        # How many are chosen if at all possible, and how many where the grid stays easy to read.
        least, most = (1, 1) if rows else (1, 2) if columns else (2, 3)
        size = prod(len(self.headings(name)) for name in (*rows, *columns))
        chosen: list[str] = []
        for name in self._ranked({*rows, *columns}):
            more = size * len(self.headings(name))
            if len(chosen) < least:
                fits = more <= MOST_CELLS
            else:
                fits = len(chosen) < most and more <= COMFORTABLE and self._known[name].kind == "words"
            if fits:
                chosen.append(name)
                size = more
        if rows or columns:
            return rows or chosen, columns or chosen
        middle = max(1, len(chosen) - 1)
        return chosen[:middle], chosen[middle:]

    def _ranked(self, taken: set[str]) -> list[str]:
        order = list(self._known)
        return sorted(
            (name for name in self._headings if name not in taken),
            key=lambda name: (
                self._known[name].kind != "words",
                self._axes[name].open.bit_count(),
                first_asking(self._space, self._axes[name]),
                order.index(name),
            ),
        )


def _groups(axis: Axis, by_task: Mapping[str, object]) -> list[list[int]]:
    groups: dict[object, list[int]] = {}
    for number, (cell, mask) in enumerate(zip(axis.cells, axis.masks, strict=True)):
        key: object = number  # intervals are kept apart
        if cell.words:
            key = (mask, by_task.get(str(cell.words[0])) if axis.dimension.name == TASK else None)
        groups.setdefault(key, []).append(number)
    return list(groups.values())
