"""A part of the table: some rules over some cells, numbered anew, so that its masks are as short as it is small."""

from __future__ import annotations

from bisect import bisect_left
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.table.index import ones

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router.table.axis import Axis, Runs

    # For each axis the numbers of the cells to look at, in order; None for all.
    Within = Sequence[Sequence[int]] | None

# Below this share of the rules it pays to number them anew.
SPARSE = 4


@dataclass(frozen=True, slots=True)
class Side:
    """One axis of a part, neighbouring cells that its rules do not tell apart in one.

    Attributes:
        ends: Where each group of cells ends, counted in the cells looked at; the end is outside.
        masks: The rules that accept each.
    """

    ends: tuple[int, ...]
    masks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some rules over some cells.

    Attributes:
        numbers: The rules of the space that it is about, the first highest in every mask.
        start: The mask to begin with: all of them, unless they are so many that they were not numbered anew.
        sides: Its axes; those before the first one asked for are left out as empty.
        certain: For each axis the rules that leave it and all after it open.
        tables: The mask of each table's rules.
    """

    numbers: Sequence[int]
    start: int
    sides: tuple[Side, ...]
    certain: tuple[int, ...]
    tables: tuple[int, ...]

    def cut(self, number: int, mask: int) -> tuple[int, bool]:
        """Drop the rules of each table behind its first certain one; tell whether nothing is left to decide.

        Args:
            number: The axis that would be asked next.
            mask: The rules that still may match.
        """
        certain = mask & self.certain[number]
        if len(self.tables) == 1:
            sure = certain.bit_length()
            return (mask >> (sure - 1) << (sure - 1) if sure else mask), sure == mask.bit_length()
        kept, decided = 0, True
        for table in self.tables:
            rules = mask & table
            sure = (certain & table).bit_length()
            decided = decided and sure == rules.bit_length()
            kept |= rules >> (sure - 1) << (sure - 1) if sure else rules
        return kept, decided

    def rules(self, mask: int) -> list[int]:
        """Return the rules of a mask by their numbers in the space."""
        return [self.numbers[number] for number in ones(mask, len(self.numbers))]


def part(axes: Sequence[Axis], sizes: Sequence[int], mask: int, within: Within = None) -> Part:
    """Return the part of a space that some rules and some cells are.

    Args:
        axes: The axes of the space.
        sizes: How many rules each of its tables has.
        mask: The rules.
        within: The cells.
    """
    rules = sum(sizes)
    if mask.bit_count() * SPARSE < rules:
        return small_part(axes, sizes, ones(mask, rules), within)
    sides = [_side(axis.alike, cells) for axis, cells in zip(axes, _kept(axes, within), strict=True)]
    return _part(range(rules), mask, sides, sizes)


def small_part(
    axes: Sequence[Axis], sizes: Sequence[int], numbers: Sequence[int], within: Within = None, first: int = 0
) -> Part:
    """Return the same of rules by their numbers; axes before the first are left empty."""
    sides = [
        _side(_alike(axis, numbers), cells) if index >= first else Side((), ())
        for index, (axis, cells) in enumerate(zip(axes, _kept(axes, within), strict=True))
    ]
    return _part(numbers, (1 << len(numbers)) - 1, sides, sizes)


def _kept(axes: Sequence[Axis], within: Within) -> Sequence[Sequence[int]]:
    return [range(len(axis.cells)) for axis in axes] if within is None else within


def _part(numbers: Sequence[int], start: int, sides: Sequence[Side], sizes: Sequence[int]) -> Part:
    certain = [(1 << len(numbers)) - 1]
    for side in reversed(sides):
        certain.append(reduce(and_, side.masks, certain[-1]))
    return Part(numbers, start, tuple(sides), tuple(reversed(certain)), tuple(_tables(sizes, numbers)))


def _alike(axis: Axis, numbers: Sequence[int]) -> Mapping[Runs, int]:
    """Return what some rules accept of an axis, with the mask of those that accept just that."""
    found: dict[Runs, int] = {}
    bit = 1 << len(numbers)
    for number in numbers:
        bit >>= 1
        runs = axis.runs[number]
        found[runs] = found.get(runs, 0) | bit
    return found


def _side(alike: Mapping[Runs, int], kept: Sequence[int]) -> Side:
    # One sweep over the cells: at each the rules whose runs begin or end there come and go.
    toggles: dict[int, int] = {len(kept): 0}
    whole = isinstance(kept, range)
    for runs, mask in alike.items():
        for run in runs:
            for bound in run:
                at = bound if whole else bisect_left(kept, bound)
                toggles[at] = toggles.get(at, 0) ^ mask
    mask = toggles.pop(0, 0)
    ends, masks = [], []
    for at in sorted(toggles):
        if toggles[at] or at == len(kept):
            ends.append(at)
            masks.append(mask)
            mask ^= toggles[at]
    return Side(tuple(ends), tuple(masks))


def _tables(sizes: Sequence[int], numbers: Sequence[int]) -> Iterator[int]:
    left, first = len(numbers), 0
    for size in sizes:
        first += size
        below = len(numbers) - bisect_left(numbers, first)
        yield (1 << left) - (1 << below)
        left = below
