"""Things that stand under each other: values after keys, cells of rows, comments at the ends of lines."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.layout.nodes import Block, Inline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.layout.nodes import Comment, Entry

# Two spaces before a comment at the end of a line, at least.
APART = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it will be written, and the comment at its end."""

    text: str
    comment: Comment | None = None


def key_widths(block: Block) -> list[int]:
    """Return for each entry how wide its key is to be, so that values the author put under each other stay so."""
    widths: list[int] = []
    for _, run in groupby(enumerate(block.entries), key=_run_of(block)):
        entries = [entry for _, entry in run]
        widest = max(len(entry.key or "") for entry in entries)
        widths += [widest] * len(entries)
    return widths


def _run_of(block: Block) -> _Runs:
    return _Runs(block.entries)


class _Runs:
    """Tells entries whose values stand in one column, on lines that follow each other, from the next ones."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._run = 0

    def __call__(self, numbered: tuple[int, Entry]) -> int:
        number, entry = numbered
        before = self._entries[number - 1] if number else None
        if before is None or not _aligned(before, entry):
            self._run += 1
        return self._run


def _aligned(before: Entry, entry: Entry) -> bool:
    one_line = all(isinstance(each.value, Inline) and each.column >= 0 for each in (before, entry))
    return one_line and not entry.lead and before.column == entry.column


def with_rows(entries: Sequence[Entry]) -> list[str] | None:
    """Return the rows of a table with their cells under each other, or None where the items are no rows."""
    rows = [entry.value.cells for entry in entries if isinstance(entry.value, Inline) and entry.value.cells]
    if len(rows) != len(entries):
        return None
    widths = [max(map(len, column)) for column in zip_longest(*(row[:-1] for row in rows), fillvalue="")]
    return [_row(row, widths) for row in rows]


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    inside = "".join(f"{cell},".ljust(width + 2) for cell, width in zip(row[:-1], widths, strict=False))
    return f"[{inside}{row[-1]}]"


def with_comments(lines: Sequence[Line]) -> list[str]:
    """Return the lines with their comments; those that stood in one column still do, a lone one stays by its line."""
    shown: list[str] = []
    columns = Counter(line.comment.column for line in lines if line.comment)
    for column, group in groupby(lines, key=lambda line: line.comment.column if line.comment else -1):
        run = list(group)
        if column < 0:
            shown += [line.text for line in run]
            continue
        longest = max(len(line.text) for line in run)
        gap = max(APART, min(line.comment.gap for line in run if line.comment))
        lone = columns[column] == 1 or gap == APART
        at = longest + gap if lone else max(longest + APART, column)
        shown += [f"{line.text.ljust(at)}{line.comment.text}" for line in run if line.comment]
    return shown
