"""Findings as a person reads them: the lines of the file with carets, or one line each."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from router.diagnostics.diagnostic import Diagnostic
    from router.diagnostics.source import Source, Span

WIDEST = 160


def human(findings: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """Return every finding with its lines of the file; a blank line follows each."""
    return "".join("\n".join(_finding(each, sources)) + "\n\n" for each in findings)


def concise(findings: Iterable[Diagnostic]) -> str:
    """Return one line each: `file:line:column: CODE message`."""
    return "".join(f"{found.span}: {found.code} {found.message}\n" for found in findings)


def summary(counts: Mapping[str, int], fixable: int) -> str:
    """Return `2 errors, 1 warning (1 fixable)`; "" when nothing was found."""
    parts = [
        f"{number} {name if number != 1 else name.removesuffix('s')}"
        for name, number in counts.items()
        if number
    ]
    return ", ".join(parts) + (f" ({fixable} fixable)" if fixable else "") if parts else ""


def _finding(found: Diagnostic, sources: Mapping[str, Source]) -> Iterator[str]:
    marks = [(found.span, "^", found.label)]
    marks += [(other.span, "-", other.label) for other in found.related]
    here = [mark for mark in marks if mark[0].file == found.span.file]
    width = len(str(max(span.line for span, _, _ in here)))
    gutter = " " * width
    yield f"{found.severity}[{found.code}] {found.name}: {found.message}"
    yield f"{gutter}--> {found.span}"
    source = sources.get(found.span.file)
    if source is not None and source.text:
        yield f"{gutter} |"
        yield from _snippet(here, source, width)
    for span, _, label in marks:
        if span.file != found.span.file:
            yield f"{gutter} = note: {label} ({span})"
    for note in found.notes:
        yield f"{gutter} = note: {note}"
    if found.help:
        yield f"{gutter} = help: {found.help}"


def _snippet(marks: list[tuple[Span, str, str]], source: Source, width: int) -> Iterator[str]:
    last: int | None = None
    for span, sign, label in sorted(marks):
        line = source.line(span.line)
        start, end = _window(span, line)
        if last is not None and span.line > last + 1:
            yield "..."
        if span.line != last:
            yield f"{span.line:>{width}} | {_cells(line[start:end])}".rstrip()
        before = _columns(line[start : span.column - 1])
        stop = span.end_column - 1 if span.end_line == span.line else len(line)
        length = max(_columns(line[span.column - 1 : min(stop, end)]), 1)
        yield f"{' ' * width} | {' ' * before}{sign * length} {label}".rstrip()
        last = span.line


def _window(span: Span, line: str) -> tuple[int, int]:
    """Return the part of a long line to show: the marked place and what is around it."""
    if len(line) <= WIDEST:
        return 0, len(line)
    start = max(0, span.column - 1 - WIDEST // 2)
    return start, start + WIDEST


def _cells(text: str) -> str:
    return text.replace("\t", " ")


def _columns(text: str) -> int:
    """Return how many columns a terminal gives a text."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
