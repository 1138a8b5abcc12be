"""A decision table as aligned text, and as Markdown."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import TYPE_CHECKING

from router.checks.table_facts import in_words
from router.compile.grid import headings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.compile.grid import GridCell, Matrix, Outcome

NO_RULE = "-- no rule --"
NARROWEST = 16
SPACE = "  "
_MARKS = re.compile(r"[\\`*|\[\]~]|(?<!\w)_|_(?!\w)")
_TAGS = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)")


def plain(text: str) -> str:
    """Return a name on one line; what would move a terminal's cursor or turn its text round is replaced."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def label(condition: object) -> str:
    """Return a heading: `chat or code`, `<= 4000`, `true`."""
    words = condition if isinstance(condition, list) else [condition]
    return plain(" or ".join(_value(each) for each in words))


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def facts(found: Matrix) -> str:
    """Return a line that says what the table is of."""
    named = f" ({found.name})" if found.name else ""
    rules = f"{found.rules} rule{'' if found.rules == 1 else 's'}"
    cells = sum(len(row) for row in found.cells)
    gaps = f"{found.gaps} of {cells} cells have" if found.gaps else "no"
    return plain(f"{found.file}{named}: {rules}, {gaps} calls without a rule")


def said(outcome: Outcome) -> str:
    """Return the rule and the temperature."""
    heat = "" if outcome.temperature is None else f", {outcome.temperature}"
    return plain(f"({outcome.rule}{heat})")


class _Notes:
    """Numbers for what cells with several outcomes hold; cells with the same share a note."""

    def __init__(self, found: Matrix) -> None:
        self._numbers: dict[int, int] = {}
        self.shown: list[list[str]] = []
        known: dict[tuple[str, ...], int] = {}
        for cell in (each for row in found.cells for each in row if len(each.outcomes) > 1):
            if id(cell.outcomes) not in self._numbers:
                lines = tuple(_listed(cell))
                self._numbers[id(cell.outcomes)] = known.setdefault(lines, len(known) + 1)
        self.shown = [list(lines) for lines in known]

    def number(self, cell: GridCell) -> int:
        return self._numbers[id(cell.outcomes)]


def _listed(cell: GridCell) -> Iterator[str]:
    for outcome in cell.outcomes:
        yield NO_RULE if outcome.rule is None else f"{plain(', then '.join(outcome.models))}  {said(outcome)}"
        yield from (f"    when {plain(in_words(when))}" for when in outcome.when)


def _lines(cell: GridCell, notes: _Notes) -> list[str]:
    if len(cell.outcomes) > 1:
        return [f"see [{notes.number(cell)}]"]
    (outcome,) = cell.outcomes
    if outcome.rule is None:
        return [NO_RULE]
    first, *others = outcome.models
    return [plain(first), *(plain(f"then {each}") for each in others), said(outcome)]


def text(found: Matrix, width: int) -> Iterator[str]:
    """Yield the lines of a table, aligned, within a width where that is possible.

    Args:
        found: The table.
        width: Columns of the terminal.
    """
    notes = _Notes(found)
    yield facts(found)
    yield "in brackets: the rule, and the temperature its first model is sent"
    yield ""
    heads = [[[each] for each in line] for line in _heads(found)]
    rows = [
        [*([each] for each in labels), *(_lines(cell, notes) for cell in cells)]
        for labels, cells in zip(_labels(found), found.cells, strict=True)
    ]
    widths = _widths([*heads, *rows], len(found.rows), width)
    for line in heads:
        yield from _aligned(line, widths)
    yield SPACE.join("-" * each for each in widths)
    for number, line in enumerate(rows):
        if number and len(found.rows) > 1 and line[0][0]:
            yield ""
        yield from _aligned(line, widths)
    for number, lines in enumerate(notes.shown, start=1):
        yield ""
        yield f"[{number}]"
        yield from (f"  {line}" for line in lines)


def _heads(found: Matrix) -> list[list[str]]:
    """Return the lines above the table; a heading that spans columns stands over the first of them."""
    names = [plain(edge.dimension) for edge in found.rows]
    if not found.columns:
        return [[*names, "model"]]
    columns = [list(each.values()) for each in headings(found.columns)]
    shown = []
    for level, edge in enumerate(found.columns):
        side = names if level == len(found.columns) - 1 else [""] * len(names)
        shown.append(
            [*side, *(f"{plain(edge.dimension)}: {each}" if each else "" for each in _once(columns, level))]
        )
    return shown


def _labels(found: Matrix) -> list[list[str]]:
    rows = [list(each.values()) for each in headings(found.rows)]
    levels = [_once(rows, level) for level in range(len(found.rows))]
    return [[level[number] for level in levels] for number in range(len(rows))]


def _once(values: Sequence[list[object]], level: int) -> list[str]:
    """Return one level of headings; one that is the same as before, with all above it, is left empty."""
    return [
        "" if number and values[number - 1][: level + 1] == each[: level + 1] else label(each[level])
        for number, each in enumerate(values)
    ]


def _widths(lines: Sequence[Sequence[list[str]]], side: int, width: int) -> list[int]:
    natural = [
        max(_columns(each) for line in lines for each in line[column]) for column in range(len(lines[0]))
    ]
    room = width - sum(natural[:side]) - len(SPACE) * (len(natural) - 1)
    left = natural[side:]
    if sum(left) <= room:
        return natural
    # The narrow ones keep their width; the wide ones share what is left alike.
    share = room // len(left)
    for _ in left:
        narrow = [each for each in left if each <= share]
        share = (room - sum(narrow)) // (len(left) - len(narrow))
    return [*natural[:side], *(min(each, max(share, NARROWEST)) for each in left)]


def _columns(text: str) -> int:
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def _aligned(cells: Sequence[list[str]], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [
        [line for each in cell for line in textwrap.wrap(each, width, subsequent_indent="  ") or [""]]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for number in range(max(len(cell) for cell in wrapped)):
        parts = [cell[number] if number < len(cell) else "" for cell in wrapped]
        yield SPACE.join(
            part + " " * (width - _columns(part)) for part, width in zip(parts, widths, strict=True)
        ).rstrip()


def markdown(found: Matrix) -> Iterator[str]:
    """Yield the lines of a table as Markdown."""
    notes = _Notes(found)
    columns = headings(found.columns)
    tops = [_marked(", ".join(f"{name}: {label(each)}" for name, each in top.items())) for top in columns]
    side = [_marked(plain(edge.dimension)) for edge in found.rows]
    yield _marked(facts(found))
    yield ""
    yield _row([*side, *(top or "model" for top in tops)])
    yield _row(["---"] * (len(side) + len(tops)))
    for row, cells in zip(headings(found.rows), found.cells, strict=True):
        labels = [f"**{_marked(label(each))}**" for each in row.values()]
        shown = ["<br>".join(_marked(line) for line in _lines(cell, notes)) for cell in cells]
        yield _row([*labels, *shown])
    for number, lines in enumerate(notes.shown, start=1):
        yield ""
        yield f"\\[{number}\\]"
        yield ""
        for line in lines:
            yield f"{'  - ' if line.startswith(' ') else '- '}{_marked(line.strip())}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(text: str) -> str:
    """Return text that Markdown shows as it stands."""
    tame = _TAGS.sub(lambda found: "&lt;" if found[0] == "<" else "&amp;", text)
    return _MARKS.sub(r"\\\g<0>", tame)
