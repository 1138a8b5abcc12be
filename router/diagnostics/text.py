"""Findings as a person reads them: the lines of the file with carets, or one line each."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from router.diagnostics.diagnostic import Diagnostic
    from router.diagnostics.source import Source, Span

WIDEST = 160
LONGEST = 2_000


class _Mark(NamedTuple):
    """A place to mark, with what sign, and what to say there."""

    span: Span
    sign: str
    label: str


def human(findings: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """Return every finding with its lines of the file; a blank line follows each."""
    return "".join("\n".join(_finding(each, sources)) + "\n\n" for each in findings)


def concise(findings: Iterable[Diagnostic]) -> str:
    """Return one line each: `file:line:column: CODE message`."""
    return "".join(f"{_shown(found.span)}: {found.code} {_shown(found.message)}\n" for found in findings)


def summary(counts: Mapping[str, int], fixable: int) -> str:
    """Return `2 errors, 1 warning (1 fixable)`; "" when nothing was found."""
    parts = [
        f"{number} {name if number != 1 else name.removesuffix('s')}"
        for name, number in counts.items()
        if number
    ]
    return (
        ", ".join(parts) + (f" ({fixable} fixable with `router check --fix`)" if fixable else "")
        if parts
        else ""
    )


def _shown(text: object) -> str:
    """Return a text as a terminal may get it: no control characters, no secrets, on one line."""
    return printable(text, LONGEST)


def _finding(found: Diagnostic, sources: Mapping[str, Source]) -> Iterator[str]:
    marks = [_Mark(found.span, "^", found.label)]
    marks += [_Mark(other.span, "-", other.label) for other in found.related]
    width = len(str(max(mark.span.line for mark in marks)))
    gutter = " " * width
    yield f"{found.severity}[{found.code}] {found.name}: {_shown(found.message)}"
    yield f"{gutter}--> {_shown(found.span)}"
    for name in dict.fromkeys(mark.span.file for mark in marks):
        here = [mark for mark in marks if mark.span.file == name]
        source = sources.get(name)
        if source is not None and source.text:
            if name != found.span.file:
                yield f"{gutter}::: {_shown(here[0].span)}"
            yield f"{gutter} |"
            yield from _snippet(here, source, width)
        elif name != found.span.file:
            yield from (f"{gutter} = note: {_shown(mark.label)} ({_shown(mark.span)})" for mark in here)
    for note in found.notes:
        yield f"{gutter} = note: {_shown(note)}"
    if found.help:
        yield f"{gutter} = help: {_shown(found.help)}"


def _snippet(marks: list[_Mark], source: Source, width: int) -> Iterator[str]:
    last: int | None = None
    for number in sorted({mark.span.line for mark in marks}):
        line = source.line(number)
        on_line = sorted(mark for mark in marks if mark.span.line == number)
        start, end = _window(on_line[0].span, line)
        cut, more = ("…" if start else "", "…" if end < len(line) else "")
        if last is not None and number > last + 1:
            yield "..."
        yield f"{number:>{width}} | {cut}{line[start:end]}{more}".replace("\t", " ").rstrip()
        for mark in on_line:
            yield f"{' ' * width} | {' ' * len(cut)}{_carets(mark, line, start, end)}".rstrip()
        last = number


def _carets(mark: _Mark, line: str, start: int, end: int) -> str:
    """Return the marks under one place of a shown line, and what is said there."""
    span = mark.span
    at = min(max(span.column - 1, start), end)
    stop = span.end_column - 1 if span.end_line == span.line else len(line)
    length = max(_columns(line[at : min(stop, end)]), 1)
    label = f" {_shown(mark.label)}" if mark.label else ""
    return f"{' ' * _columns(line[start:at])}{mark.sign * length}{label}"


def _window(span: Span, line: str) -> tuple[int, int]:
    """Return the part of a long line to show: the marked place and what is around it."""
    if len(line) <= WIDEST:
        return 0, len(line)
    start = min(max(0, span.column - 1 - WIDEST // 2), len(line) - WIDEST)
    return start, start + WIDEST


def _columns(text: str) -> int:
    """Return how many columns a terminal gives a text."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
