"""A dimension cut into cells: values that no rule tells apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from router.core.dimension import MOST, union
from router.core.frozen import dataclass
from router.table.index import asking, column, legal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.core.dimension import Accepted, Dimension, Value

    # Cells of an axis as intervals of their numbers, the end outside, in order and apart.
    Runs = tuple[tuple[int, int], ...]


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
        runs: What each rule accepts of it, as intervals of cell numbers.
        alike: The same by what is accepted: the mask of the rules that accept just that.
        plain: Whether no rule accepts more than one interval.
    """

    dimension: Dimension
    cells: tuple[Cell, ...]
    masks: tuple[int, ...]
    open: int
    runs: tuple[Runs, ...]
    alike: Mapping[Runs, int]
    plain: bool


def axis_of(dimension: Dimension, rules: Sequence[Mapping[str, Accepted]], *, apart: bool) -> Axis:
    """Return a dimension as rules cut it.

    Args:
        dimension: The dimension.
        rules: What each rule accepts, in order.
        apart: Whether each of its words keeps a cell of its own.
    """
    by_asked = asking(rules, dimension.name)
    by_value = column(dimension, by_asked)
    cells, masks = _cells(by_value.masks, by_value.starts, apart=apart)
    everywhere = masks[0]
    for mask in masks:
        everywhere &= mask
    runs_of = {asked: _runs(asked, cells, dimension.least) for asked in by_asked}
    alike: dict[Runs, int] = {}
    for asked, mask in by_asked.items():
        alike[runs_of[asked]] = alike.get(runs_of[asked], 0) | mask
    runs = tuple(runs_of[rule.get(dimension.name)] for rule in rules)
    plain = all(len(each) <= 1 for each in alike)
    return Axis(dimension, cells, masks, everywhere, runs, alike, plain)


def _runs(asked: Accepted | None, cells: Sequence[Cell], least: int) -> Runs:
    """Return the numbers of the cells that are accepted; each is accepted as a whole or not at all."""
    if asked is None:
        return ((0, len(cells)),)
    if isinstance(asked, frozenset):
        numbers = [number for number, cell in enumerate(cells) if cell.words[0] in asked]
        return tuple((first, last + 1) for first, last in union((number, number) for number in numbers))
    return tuple(
        (bisect_left(cells, low, key=_low), bisect_right(cells, high, key=_low))
        for low, high in legal(asked, least)
    )


def _low(cell: Cell) -> int:
    return cell.low


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
