"""Blocks to lines, in the house form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.layout.columns import Line, key_widths, with_comments, with_rows
from router.layout.literal import relaid
from router.layout.nodes import STEP, Block, Inline, Literal, Verbatim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.layout.nodes import Comment, Entry, GapLine

TABLE = "rows"


def printed(root: Block) -> list[str]:
    """Return a document's lines."""
    printer = _Printer()
    printer.block(root, 0)
    return with_comments(printer.lines)


class _Printer:
    """The lines so far."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def block(self, block: Block, column: int, before: str = "", *, table: bool = False) -> None:
        """Print the entries of a block; `before` stands on the first one's line already."""
        widths = key_widths(block)
        rows = with_rows(block.entries) if table and block.entries[0].key is None else None
        for number, entry in enumerate(block.entries):
            self._gap(entry.lead, column, first=not number)
            start = before if before and not number else " " * column
            if rows is not None:
                self._line(f"{start}- {rows[number]}", entry.after)
            else:
                self._entry(entry, column, start, widths[number])
        self._gap(block.tail, column)

    def _entry(self, entry: Entry, column: int, start: str, width: int) -> None:
        head = start + ("-" if entry.key is None else f"{entry.key}:")
        match entry.value:
            case Block() as block:
                self._block(entry, block, column, head)
            case Inline(text=""):
                self._line(head, entry.after)
            case Inline() as value if entry.column >= 0 or (entry.key is None and not _commented(entry)):
                pad = width - len(entry.key) if entry.key is not None else 0
                self._line(f"{head} {' ' * pad}{value.text}", entry.after)
            case value:
                below = entry.column < 0 and (entry.key is not None or _commented(entry))
                if below:
                    self._line(head, entry.beside)
                    self._gap(entry.inner, column + STEP)
                self._lines(value, column, " " * (column + STEP) if below else f"{head} ", entry.after)

    def _block(self, entry: Entry, block: Block, column: int, head: str) -> None:
        lead = block.entries[0].lead
        commented = entry.beside is not None or any(line.text for line in lead)
        if entry.key is None and not entry.anchor and not commented:
            block.entries[0].lead = []
            self.block(block, column + STEP, before=f"{head} ")
            return
        self._line(f"{head} {entry.anchor}" if entry.anchor else head, entry.beside)
        self.block(block, column + STEP, table=entry.key == TABLE)

    def _lines(
        self, value: Inline | Verbatim | Literal, column: int, start: str, after: Comment | None
    ) -> None:
        match value:
            case Inline():
                self._line(f"{start}{value.text}", after)
            case Literal():
                self._line(f"{start}{value.head}", after)
                self.lines += [Line(line) for line in relaid(value, column)]
            case Verbatim():
                *above, last = _shifted(value, column)
                self.lines += [Line(line) for line in [f"{start}{above[0]}", *above[1:]]]
                self._line(last, after)

    def _line(self, text: str, comment: Comment | None = None) -> None:
        self.lines.append(Line(text, comment))

    def _gap(self, lines: Iterable[GapLine], column: int, *, first: bool = False) -> None:
        """Print comments, and one blank line for several; none begins a block."""
        for line in lines:
            if line.text:
                self._line(f"{' ' * column}{line.text}")
                first = False
            elif not first and self.lines and self.lines[-1].text:
                self._line("")


def _commented(entry: Entry) -> bool:
    return bool(entry.beside or entry.inner)


def _shifted(value: Verbatim, column: int) -> list[str]:
    """Return the lines of a value, its further ones moved as far as its block; none begins at the block's margin."""
    shown = [_without_end(value.lines[0])]
    for line in value.lines[1:]:
        text = line.lstrip(" \t")
        deep = max(len(line) - len(text) + column - value.base, column + STEP)
        shown.append(_without_end(f"{' ' * deep}{text}") if text else "")
    return shown


def _without_end(line: str) -> str:
    """Return a line without spaces at its end, but for one that a backslash keeps."""
    bare = line.rstrip()
    return line if bare.endswith("\\") else bare
