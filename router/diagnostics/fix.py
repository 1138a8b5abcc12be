"""Repairs carried out: edits at known places, never two at one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.diagnostics.diagnostic import Diagnostic, Edit
    from router.diagnostics.source import Source


def fixed(source: Source, findings: Iterable[Diagnostic]) -> tuple[str, int]:
    """Return a file's text with the first fix of each finding made, and how many were made.

    A fix that touches a place where another was made before is left out; the next run may find it again.
    """
    edits: list[tuple[int, int, str]] = []
    made = 0
    for finding in findings:
        if not finding.fixes:
            continue
        wanted = [_offsets(source, edit) for edit in finding.fixes[0].edits if edit.span.file == source.name]
        if wanted and all(_free(edit, edits) for edit in wanted):
            edits += wanted
            made += 1
    text = source.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text, made


def _offsets(source: Source, edit: Edit) -> tuple[int, int, str]:
    span = edit.span
    return source.offset(span.line, span.column), source.offset(span.end_line, span.end_column), edit.text


def _free(edit: tuple[int, int, str], made: list[tuple[int, int, str]]) -> bool:
    start, end, _ = edit
    return all(end <= other or start >= stop for other, stop, _ in made)
