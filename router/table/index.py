"""The rules as an index of bit masks: one AND per dimension finds the first that matches.

Each value of a dimension has a mask with one bit per rule that accepts it, the first rule highest. Whole numbers
are cut into the intervals between all bounds the rules use. The first match is the highest bit of the masks' AND,
which is its bit length.
Lakshman and Stiliadis, High-speed policy-based packet forwarding using efficient multi-dimensional range
matching, SIGCOMM 1998.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.core.dimension import MOST, number_ranges, union

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.core.dimension import Accepted, Dimension, Value


@dataclass(frozen=True, slots=True)
class Column:
    """One dimension of the index.

    Attributes:
        name: The dimension.
        masks: The rules that accept a value, by word or boolean, or by the number of an interval.
        starts: Where each interval begins, for whole numbers; None for words and booleans.
    """

    name: str
    masks: Mapping[Value, int]
    starts: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The index over the rules. A dimension that no rule asks for has no column."""

    columns: tuple[Column, ...]
    rules: int
    everything: int

    def match(self, values: Mapping[str, Value]) -> int:
        """Return the number of the first rule that accepts the values, counted from 0, or -1.

        Args:
            values: A legal value for at least every dimension that has a column.
        """
        mask = self.everything
        for column in self.columns:
            value = values[column.name]
            starts = column.starts
            mask &= column.masks[value if starts is None else bisect_right(starts, value) - 1]
        return self.rules - mask.bit_length() if mask else -1


def build(
    dimensions: Mapping[str, Dimension],
    accepted: Sequence[Mapping[str, Accepted]],
    always: frozenset[str] = frozenset(),
) -> Table:
    """Return the index.

    Args:
        dimensions: Every dimension by name.
        accepted: What each rule accepts, in order; a dimension that is absent is left open.
        always: Dimensions that have a column though no rule asks for them.
    """
    asked = {name for rule in accepted for name in rule} | always
    columns = [
        _column(dimension, [rule.get(name) for rule in accepted])
        for name, dimension in dimensions.items()
        if name in asked
    ]
    rules = len(accepted)
    return Table(tuple(columns), rules, (1 << rules) - 1)


def _column(dimension: Dimension, accepted: Sequence[Accepted | None]) -> Column:
    if dimension.kind == "integer":
        return _numbers(dimension, accepted)
    values: Sequence[Value] = dimension.values if dimension.kind == "words" else (False, True)
    bits = _Bits(len(accepted), len(values))
    number = {value: index for index, value in enumerate(values)}
    for rule, words in enumerate(accepted):
        if words is None:
            bits.everywhere(rule)
        else:
            for word in words:
                bits.set(number[word], rule)  # type: ignore[index]  # ranges stand in number columns only
    return Column(dimension.name, dict(zip(values, bits.masks(), strict=True)))


def _numbers(dimension: Dimension, accepted: Sequence[Accepted | None]) -> Column:
    least = dimension.least
    ranges = [None if each is None else _ranges(each, least) for each in accepted]
    bounds = {least}
    for pairs in ranges:
        for low, high in pairs or ():
            bounds |= {low, high + 1}
    starts = sorted(bound for bound in bounds if bound <= MOST)
    rules = len(accepted)
    always = sum(1 << (rules - 1 - rule) for rule, pairs in enumerate(ranges) if pairs is None)
    # One sweep over the bounds: at each the rules whose ranges begin or end there come and go.
    toggles: dict[int, int] = {}
    for rule, pairs in enumerate(ranges):
        for low, high in pairs or ():
            for bound in (low, high + 1):
                toggles[bound] = toggles.get(bound, 0) ^ (1 << (rules - 1 - rule))
    masks: dict[Value, int] = {}
    mask = always
    for number, start in enumerate(starts):
        mask ^= toggles.get(start, 0)
        masks[number] = mask
    return Column(dimension.name, masks, starts)


def _ranges(accepted: Accepted, least: int) -> tuple[tuple[int, int], ...]:
    return union((max(low, least), high) for low, high in number_ranges(accepted))


class _Bits:
    """Masks under construction, as bytes: setting a bit of a large integer would copy it each time."""

    def __init__(self, rules: int, cells: int) -> None:
        size = (rules + 7) // 8
        self._last = rules - 1
        self._cells = [bytearray(size) for _ in range(cells)]
        self._open = bytearray(size)

    def set(self, cell: int, rule: int) -> None:
        """Let a cell accept a rule."""
        bit = self._last - rule
        self._cells[cell][bit >> 3] |= 1 << (bit & 7)

    def everywhere(self, rule: int) -> None:
        """Let every cell accept a rule."""
        bit = self._last - rule
        self._open[bit >> 3] |= 1 << (bit & 7)

    def masks(self) -> list[int]:
        """Return the mask of each cell."""
        everywhere = int.from_bytes(self._open, "little")
        return [int.from_bytes(cell, "little") | everywhere for cell in self._cells]
