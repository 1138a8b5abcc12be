"""Two tables over the same calls: the regions in which they decide otherwise.

Liu, Change-impact analysis of firewall policies, ESORICS 2007; Formal verification of firewall policies, 2008.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from router.core.dimension import Dimension
from router.core.frozen import dataclass
from router.table.graph import GAP, lay_out
from router.table.regions import regions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from router.core.dimension import Accepted
    from router.table.graph import Space
    from router.table.regions import Region

REFUSED = -2


@dataclass(frozen=True, slots=True)
class Side:
    """One of two tables.

    Attributes:
        dimensions: Its dimensions by name.
        rules: What each of its rules accepts, in order.
    """

    dimensions: Mapping[str, Dimension]
    rules: Sequence[Mapping[str, Accepted]]


@dataclass(frozen=True, slots=True)
class Change:
    """A region that is decided otherwise.

    Attributes:
        region: Which calls.
        before: The old table's rule, the gap, or REFUSED where it does not know the value.
        after: The new table's.
        share: The part of the table it is, from 0 to 1, each word and each interval counting the same.
    """

    region: Region
    before: int
    after: int
    share: float


def difference(
    old: Side, new: Side, same: Callable[[int, int, str | None], bool], apart: frozenset[str]
) -> Iterator[Change]:
    """Yield the regions whose outcome changes.

    Args:
        old: The table before.
        new: The table after.
        same: Whether an old and a new rule (or GAP, or REFUSED) have the same outcome for a task, if one is known.
        apart: Dimensions, at most one, whose words `same` wants to be told: outcomes may depend on them.

    Raises:
        TooComplex: It cannot be told within the node budget.
    """
    dimensions = _merged(old.dimensions, new.dimensions)
    refusals = [_refusals(side.dimensions, dimensions) for side in (old, new)]
    space = lay_out(dimensions, [*refusals[0], *old.rules], [*refusals[1], *new.rules], apart=apart)
    counts = [len(each) for each in refusals]
    number = next((index for index, axis in enumerate(space.axes) if axis.dimension.name in apart), None)
    everywhere = [range(len(axis.cells)) for axis in space.axes]
    for words in [None] if number is None else everywhere[number]:
        mask, task = space.everything, None
        within: list[Sequence[int]] = list(everywhere)
        if number is not None and words is not None:
            mask, within[number] = space.axes[number].masks[words], [words]
            task = str(space.axes[number].cells[words].witness)
        yield from _changes(space, mask, within, counts, lambda a, b, task=task: same(a, b, task))  # type: ignore[misc]


def _changes(
    space: Space,
    mask: int,
    within: Sequence[Sequence[int]],
    refusals: Sequence[int],
    same: Callable[[int, int], bool],
) -> Iterator[Change]:
    def firsts(leaf: int) -> tuple[int, int]:
        before, after = (
            first if first == GAP else REFUSED if first < skipped else first - skipped
            for first, skipped in zip(space.firsts(leaf), refusals, strict=True)
        )
        return before, after

    graph = space.graph(mask, within)
    for region in regions(space, graph, lambda leaf: not same(*firsts(leaf)), within):
        yield Change(region, *firsts(region.leaf), share(space, region))


def share(space: Space, region: Region) -> float:
    """Return the part of the table that a region is."""
    return prod(
        _size(region.cells[axis.dimension.name]) / _size(axis.cells)
        for axis in space.axes
        if axis.dimension.name in region.cells
    )


def _size(cells: Sequence[object]) -> int:
    return sum(len(getattr(cell, "words", ())) or 1 for cell in cells)


def _merged(old: Mapping[str, Dimension], new: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """Return the dimensions of both; words of both sides, the old ones first."""
    found = dict(new)
    for name, dimension in old.items():
        other = new.get(name)
        if other is None or other.kind != dimension.kind:
            found.setdefault(name, dimension)
        elif dimension.kind == "words":
            words = tuple(dict.fromkeys((*dimension.values, *other.values)))
            found[name] = Dimension(name, "words", words, other.default, other.measured)
    return found


def _refusals(own: Mapping[str, Dimension], merged: Mapping[str, Dimension]) -> list[Mapping[str, Accepted]]:
    """Return a rule for each dimension whose words a table does not all know: such a call it refuses."""
    found: list[Mapping[str, Accepted]] = []
    for name, dimension in merged.items():
        known = own.get(name)
        if known is not None and dimension.kind == "words":
            strange = frozenset(dimension.values) - frozenset(known.values)
            if strange:
                found.append({name: strange})
    return found
