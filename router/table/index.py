"""The rules as an index of bit masks: one AND per dimension finds the first that matches.

Each value of a dimension has a mask with one bit per rule that accepts it, the first rule highest. Whole numbers
are cut into the intervals between all bounds the rules use. The first match is the highest bit of the masks' AND,
which is its bit length.
Lakshman and Stiliadis, High-speed policy-based packet forwarding using efficient multi-dimensional range
matching, SIGCOMM 1998.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import field
from typing import TYPE_CHECKING

from router.core.dimension import MOST, number_ranges, union
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from router.core.dimension import Accepted, Dimension, Value

    # What rules ask of one dimension, None for nothing, with the mask of those that ask it.
    Alike = Mapping[Accepted | None, int]


# A table of more rules than this is split by a dimension whose words have few rules in common: its masks are short.
MANY = 256
# So many times fewer rules each word must have.
FEW = 4


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
class Index:
    """Some rules, ready to be asked.

    Attributes:
        numbers: Their numbers, the first highest in every mask.
        everything: The mask of all of them.
        words: Each dimension of words or booleans, with the mask of each value.
        intervals: Each dimension of whole numbers, where its intervals begin, and the mask of each.
    """

    numbers: Sequence[int]
    everything: int
    words: tuple[tuple[str, Mapping[Value, int]], ...]
    intervals: tuple[tuple[str, Sequence[int], Sequence[int]], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The index over the rules.

    Attributes:
        columns: The dimensions; one that no rule asks for has no column.
        whole: All rules.
        by: A dimension that tells most rules apart, or None.
        parts: The rules of each of its words, that dimension left out: their masks are short.
    """

    columns: tuple[Column, ...]
    whole: Index
    by: str | None = None
    parts: Mapping[Value, Index] = field(default_factory=dict)

    def match(self, values: Mapping[str, Value]) -> int:
        """Return the number of the first rule that accepts the values, counted from 0, or -1.

        Args:
            values: A legal value for at least every dimension that has a column.
        """
        index = self.whole if self.by is None else self.parts[values[self.by]]
        mask = index.everything
        for name, masks in index.words:
            mask &= masks[values[name]]
        for name, starts, of in index.intervals:
            mask &= of[bisect_right(starts, values[name]) - 1]
        return index.numbers[-mask.bit_length()] if mask else -1


def build(dimensions: Mapping[str, Dimension], accepted: Sequence[Mapping[str, Accepted]]) -> Table:
    """Return the index.

    Args:
        dimensions: Every dimension by name.
        accepted: What each rule accepts, in order; a dimension that is absent is left open.
    """
    columns = tuple(_columns(dimensions, accepted))
    rules = len(accepted)
    whole = _index(range(rules), columns)
    by = _splitting(columns, rules)
    if by is None:
        return Table(columns, whole)
    parts: dict[Value, Index] = {}
    for word, mask in by.masks.items():
        numbers = ones(mask, rules)
        own = _columns(dimensions, [accepted[number] for number in numbers])
        parts[word] = _index(numbers, [each for each in own if each.name != by.name])
    return Table(columns, whole, by.name, parts)


def _columns(
    dimensions: Mapping[str, Dimension], accepted: Sequence[Mapping[str, Accepted]]
) -> Iterator[Column]:
    asked = {name for rule in accepted for name in rule}
    for name, dimension in dimensions.items():
        if name in asked:
            yield column(dimension, asking(accepted, name))


def _index(numbers: Sequence[int], columns: Iterable[Column]) -> Index:
    words, intervals = [], []
    for each in columns:
        if each.starts is None:
            words.append((each.name, each.masks))
        else:
            intervals.append((each.name, each.starts, tuple(each.masks.values())))
    return Index(numbers, (1 << len(numbers)) - 1, tuple(words), tuple(intervals))


def _splitting(columns: Iterable[Column], rules: int) -> Column | None:
    """Return the column to split a table by: its words have few rules each, and together hardly more than there are."""
    best, fewest = None, rules // FEW
    for each in columns if rules > MANY else ():
        counts = [mask.bit_count() for mask in each.masks.values()]
        if each.starts is None and sum(counts) <= 2 * rules and max(counts) <= fewest:
            best, fewest = each, max(counts)
    return best


def ones(mask: int, rules: int) -> list[int]:
    """Return the rules of a mask, the first one first."""
    found = []
    while mask:
        length = mask.bit_length()
        found.append(rules - length)
        mask ^= 1 << (length - 1)
    return found


def asking(accepted: Sequence[Mapping[str, Accepted]], name: str) -> Alike:
    """Return what rules ask of a dimension; many ask the same."""
    groups: dict[Accepted | None, list[int]] = {}
    for number, rule in enumerate(accepted):
        groups.setdefault(rule.get(name), []).append(number)
    return {asked: _mask(numbers, len(accepted)) for asked, numbers in groups.items()}


def column(dimension: Dimension, alike: Alike) -> Column:
    """Return the column of a dimension that rules ask some things of."""
    if dimension.kind == "integer":
        return _numbers(dimension, alike)
    masks: dict[Value, int] = dict.fromkeys(dimension.values or (False, True), alike.get(None, 0))
    for words, mask in alike.items():
        for word in words or ():
            masks[word] |= mask  # type: ignore[index]  # ranges stand in number columns only
    return Column(dimension.name, masks)


def _numbers(dimension: Dimension, alike: Alike) -> Column:
    # One sweep over the bounds: at each the rules whose ranges begin or end there come and go.
    toggles: dict[int, int] = {dimension.least: alike.get(None, 0)}
    for ranges, mask in alike.items():
        for low, high in legal(ranges, dimension.least) if ranges is not None else ():
            for bound in (low, high + 1):
                toggles[bound] = toggles.get(bound, 0) ^ mask
    starts = sorted(bound for bound in toggles if bound <= MOST)
    masks: dict[Value, int] = {}
    mask = 0
    for number, start in enumerate(starts):
        mask ^= toggles[start]
        masks[number] = mask
    return Column(dimension.name, masks, starts)


def legal(accepted: Accepted, least: int) -> tuple[tuple[int, int], ...]:
    """Return the ranges of numbers that a call may have and a rule accepts, in order and apart."""
    return union((max(low, least), high) for low, high in number_ranges(accepted))


def _mask(numbers: Iterable[int], rules: int) -> int:
    """Return the mask of rules; made of bytes, for setting a bit of a large integer copies it."""
    bits = bytearray((rules + 7) // 8)
    last = rules - 1
    for number in numbers:
        bit = last - number
        bits[bit >> 3] |= 1 << (bit & 7)
    return int.from_bytes(bits, "little")
