"""Conditions held against their dimensions: words, ranges and booleans become what a rule accepts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from router.config import problems
from router.config.conditions import ConditionShape, UseShape
from router.config.expand import Decoding
from router.config.node import Mapping
from router.core.dimension import LEAST, MOST, union
from router.core.frozen import dataclass
from router.diagnostics.source import Source, printable
from router.diagnostics.suggest import Suggester, listed

if TYPE_CHECKING:
    from router.config.conditions import Condition, Operand, UseItem
    from router.config.language import RuleSettings
    from router.config.node import Node
    from router.core.dimension import Accepted, Dimension
    from router.diagnostics.source import Span

ANY = "any"
USE = "use"
Ranges = tuple[tuple[int, int], ...]

_COMPARED = re.compile(r"(>=|<=|>|<)\s*([-+]?\d{1,18})\Z")
_BETWEEN = re.compile(r"([-+]?\d{1,18})\s*\.\.\s*([-+]?\d{1,18})\Z")
_RANGE_FORMS = 'a range such as `"> 8000"`, `"<= 8000"` or `"4000..8000"`, or a whole number'


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a matrix, its conditions resolved."""

    name: str
    accepted: dict[str, Accepted]
    use: tuple[UseItem, ...]
    span: Span
    when_spans: dict[str, Span]
    use_span: Span


class Matching:
    """Holds conditions against dimensions; what is wrong is appended to the list it was given."""

    def __init__(
        self, dimensions: dict[str, Dimension], found: list[problems.Problem], suggest: Suggester
    ) -> None:
        self._dimensions = dimensions
        self._problems = found
        self._suggest = suggest
        # Each set of values once: thousands of rules ask for the same few.
        self._sets: dict[Accepted, Accepted] = {}

    def conditions(
        self, when: dict[str, Condition], node: Node | None
    ) -> tuple[dict[str, Accepted], dict[str, Span]]:
        """Return what a `when` accepts by dimension, and where each condition stands."""
        accepted: dict[str, Accepted] = {}
        spans: dict[str, Span] = {}
        keys = node.keys if isinstance(node, Mapping) else {}
        for name, condition in when.items():
            dimension = self._dimension(name, keys[name])
            if dimension is not None:
                self._take(dimension, condition, accepted)
                spans[dimension.name] = condition.span
        return accepted, spans

    def rows(self, settings: RuleSettings, name: str, base: dict[str, Accepted]) -> list[Row]:
        """Return the rows of a matrix, each within `base`; one of the wrong length is reported and left out."""
        columns = self._columns(settings)
        if USE not in columns:
            wants = "a column for what to use"
            self._problems.append(
                problems.MissingKey(settings.span("matrix"), USE, f"`matrix` of rule `{name}`", wants)
            )
            return []
        spans = [item.span for item in getattr(settings.node.entries.get("rows"), "items", ())]
        found = []
        for number, (cells, span) in enumerate(zip(settings.rows, spans, strict=True), start=1):
            if len(cells) != len(columns):
                wanted = f"{len(columns)} cells, one for each column of `matrix`"
                self._problems.append(problems.OutOfRange(span, f"a row of {len(cells)}", wanted))
                continue
            found.append(
                self._row(f"{name}[{number}]", dict(base), list(zip(columns, cells, strict=True)), span)
            )
        return found

    def _row(
        self, name: str, accepted: dict[str, Accepted], cells: list[tuple[str | None, Node]], span: Span
    ) -> Row:
        to = Decoding(Source(span.file, ""), Path())
        spans: dict[str, Span] = {}
        use: tuple[UseItem, ...] = ()
        use_span = span
        for column, cell in cells:
            if column == USE:
                use, use_span = _USE.decode(cell, to, f"rule `{name}`"), cell.span
            elif column is not None:
                self._take(self._dimensions[column], _CONDITION.decode(cell, to, f"rule `{name}`"), accepted)
                spans[column] = cell.span
        self._problems += to.problems
        return Row(name, accepted, use, span, spans, use_span)

    def _columns(self, settings: RuleSettings) -> list[str | None]:
        """Return what each column holds: `use`, a dimension, or None where that is not known."""
        legal = (*self._dimensions, USE)
        first: dict[str, Span] = {}
        columns = []
        for column in settings.matrix:
            name = column.name if column.name in legal else self._unknown(column.name, column.span, legal)
            if name in first:
                duplicate = problems.DuplicateName(column.span, printable(name), first[name], "column")
                self._problems.append(duplicate)
                name = None
            elif name is not None:
                first[name] = column.span
            columns.append(name)
        return columns

    def _dimension(self, name: str, span: Span) -> Dimension | None:
        known = name if name in self._dimensions else self._unknown(name, span, tuple(self._dimensions))
        return self._dimensions[known] if known is not None else None

    def _unknown(self, name: str, span: Span, legal: tuple[str, ...]) -> str | None:
        suggestion = self._suggest.nearest(name, legal)
        self._problems.append(problems.UnknownDimension(span, printable(name), suggestion, legal))
        return suggestion

    def _take(self, dimension: Dimension, condition: Condition, accepted: dict[str, Accepted]) -> None:
        """Add what a condition accepts; one that accepts everything is left out."""
        first = condition.operands[0] if condition.operands else None
        if first is None or (first.value == ANY and len(condition.operands) == 1 and not condition.negated):
            return
        found: Accepted
        if dimension.kind == "words":
            words = {word for each in condition.operands if (word := self._word(dimension, each)) is not None}
            found = frozenset(set(dimension.values) - words if condition.negated else words)
        elif dimension.kind == "boolean":
            flags = {flag for each in condition.operands if (flag := self._flag(dimension, each)) is not None}
            found = frozenset({True, False} - flags if condition.negated else flags)
        else:
            ranges = union([one for each in condition.operands if (one := self._range(dimension, each))])
            found = _complement(ranges) if condition.negated else ranges
        before = accepted.get(dimension.name)
        found = found if before is None else _both(before, found)
        accepted[dimension.name] = self._sets.setdefault(found, found)

    def _word(self, dimension: Dimension, operand: Operand) -> str | None:
        if operand.value in dimension.values and isinstance(operand.value, str):
            return operand.value
        if not dimension.values:
            return None  # what is wrong with its values is reported there
        if isinstance(operand.value, str) and (
            _COMPARED.match(operand.value) or _BETWEEN.match(operand.value)
        ):
            self._wrong(dimension, operand, f"one of {listed(dimension.values)}")
            return None
        suggestion = self._suggest.nearest(operand.text, dimension.values)
        self._problems.append(
            problems.UnknownValue(
                operand.span, printable(operand.text), dimension.name, suggestion, dimension.values
            )
        )
        return suggestion

    def _flag(self, dimension: Dimension, operand: Operand) -> bool | None:
        if isinstance(operand.value, bool):
            return operand.value
        self._wrong(dimension, operand, "`true` or `false`")
        return None

    def _range(self, dimension: Dimension, operand: Operand) -> tuple[int, int] | None:
        value = operand.value
        found = parse_range(value) if isinstance(value, str) else None
        if isinstance(value, int) and not isinstance(value, bool) and LEAST <= value <= MOST:
            found = (value, value)
        if found is None:
            self._wrong(dimension, operand, _RANGE_FORMS)
            return None
        low = max(found[0], 0) if dimension.name == "tokens" else found[0]
        return low, found[1]

    def _wrong(self, dimension: Dimension, operand: Operand, wanted: str) -> None:
        self._problems.append(
            problems.ConditionType(operand.span, dimension.name, wanted, printable(operand.text))
        )


def parse_range(text: str) -> tuple[int, int] | None:
    """Return both ends, inclusive, of `> 8000`, `<= 8000` or `4000..8000`; None for any other text."""
    if found := _BETWEEN.match(text):
        return int(found[1]), int(found[2])
    if not (found := _COMPARED.match(text)):
        return None
    bound = int(found[2])
    return {
        ">": (bound + 1, MOST),
        ">=": (bound, MOST),
        "<": (LEAST, bound - 1),
        "<=": (LEAST, bound),
    }[found[1]]


def _complement(ranges: Ranges) -> Ranges:
    """Return the whole numbers outside ordered ranges."""
    found = []
    start = LEAST
    for low, high in ranges:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    return (*found, (start, MOST)) if start <= MOST else tuple(found)


def _both(one: Accepted, other: Accepted) -> Accepted:
    """Return what both accept: a matrix's own `when` and a cell of it may name the same dimension."""
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return frozenset(one & other)  # type: ignore[return-value]  # both are of one dimension
    if isinstance(one, frozenset) or isinstance(other, frozenset):
        return one
    return union([(max(a, c), min(b, d)) for a, b in one for c, d in other])


_CONDITION = ConditionShape()
_USE = UseShape()
