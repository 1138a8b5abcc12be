"""The rules as an index of bit masks: one AND per dimension finds the first that matches.

Each value of a dimension has a mask with one bit per rule that accepts it, the first rule lowest. Whole numbers
are cut into the intervals between all bounds the rules use. The first match is the lowest bit of the masks' AND.
Lakshman and Stiliadis, High-speed policy-based packet forwarding using efficient multi-dimensional range
matching, SIGCOMM 1998.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from router.core.dimension import LEAST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.core.dimension import Accepted, Dimension, Value


class Column(Protocol):
    """One dimension of the index."""

    name: str

    def mask(self, value: Value) -> int:
        """Return the rules that accept a value, one bit each."""
        ...


class Words:
    """The masks of words or booleans."""

    __slots__ = ("_masks", "name")

    def __init__(self, name: str, masks: Mapping[Value, int]) -> None:
        self.name = name
        self._masks = masks

    def mask(self, value: Value) -> int:
        """Return the rules that accept a word."""
        return self._masks[value]


class Numbers:
    """The masks of intervals of whole numbers."""

    __slots__ = ("_masks", "_starts", "name")

    def __init__(self, name: str, starts: Sequence[int], masks: Sequence[int]) -> None:
        self.name = name
        self._starts = starts
        self._masks = masks

    def mask(self, value: Value) -> int:
        """Return the rules that accept a number."""
        return self._masks[bisect_right(self._starts, value) - 1]


@dataclass(frozen=True, slots=True)
class Table:
    """The index over the rules. A dimension that no rule asks for has no column."""

    columns: tuple[Column, ...]
    rules: int

    def match(self, values: Mapping[str, Value]) -> int:
        """Return the number of the first rule that accepts the values, counted from 0, or -1.

        Args:
            values: A legal value for at least every dimension that has a column.
        """
        mask = (1 << self.rules) - 1
        for column in self.columns:
            mask &= column.mask(values[column.name])
        return (mask & -mask).bit_length() - 1


def build(dimensions: Mapping[str, Dimension], accepted: Sequence[Mapping[str, Accepted]]) -> Table:
    """Return the index.

    Args:
        dimensions: Every dimension by name.
        accepted: What each rule accepts, in order; a dimension that is absent is left open.
    """
    asked = {name for rule in accepted for name in rule}
    columns = [
        _column(dimension, [rule.get(name) for rule in accepted])
        for name, dimension in dimensions.items()
        if name in asked
    ]
    return Table(tuple(columns), len(accepted))


def _column(dimension: Dimension, accepted: Sequence[Accepted | None]) -> Column:
    if dimension.kind == "integer":
        return _numbers(dimension.name, accepted)
    values: Sequence[Value] = dimension.values if dimension.kind == "words" else (False, True)
    bits = _Bits(len(accepted), len(values))
    number = {value: index for index, value in enumerate(values)}
    for rule, words in enumerate(accepted):
        if words is None:
            bits.everywhere(rule)
        else:
            for word in words:
                bits.set(number[word], rule)  # type: ignore[index]  # ranges stand in number columns only
    return Words(dimension.name, dict(zip(values, bits.masks(), strict=True)))


def _numbers(name: str, accepted: Sequence[Accepted | None]) -> Column:
    ranges = [
        None if each is None else [pair for pair in each if isinstance(pair, tuple)] for each in accepted
    ]
    bounds = {LEAST}
    for pairs in ranges:
        for low, high in pairs or ():
            bounds |= {low, high + 1}
    starts = sorted(bounds)
    bits = _Bits(len(accepted), len(starts))
    for rule, pairs in enumerate(ranges):
        if pairs is None:
            bits.everywhere(rule)
        for low, high in pairs or ():
            for cell in range(bisect_right(starts, low) - 1, bisect_right(starts, high)):
                bits.set(cell, rule)
    return Numbers(name, starts, bits.masks())


class _Bits:
    """Masks under construction, as bytes: setting a bit of a large integer would copy it each time."""

    def __init__(self, rules: int, cells: int) -> None:
        self._size = (rules + 7) // 8
        self._cells = [bytearray(self._size) for _ in range(cells)]
        self._open = bytearray(self._size)

    def set(self, cell: int, rule: int) -> None:
        self._cells[cell][rule >> 3] |= 1 << (rule & 7)

    def everywhere(self, rule: int) -> None:
        self._open[rule >> 3] |= 1 << (rule & 7)

    def masks(self) -> list[int]:
        everywhere = int.from_bytes(self._open, "little")
        return [int.from_bytes(cell, "little") | everywhere for cell in self._cells]
