"""Repairs carried out: edits at known places, never two at one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.diagnostics.diagnostic import Diagnostic, Edit
    from router.diagnostics.source import Source


def fixed(source: Source, findings: Iterable[Diagnostic]) -> tuple[str, int]:
    """Return a file's text with the first fix of each finding made, and how many were made; as `all_fixed`."""
    texts, made = all_fixed({source.name: source}, findings)
    return texts[source.name], made


def all_fixed(sources: Mapping[str, Source], findings: Iterable[Diagnostic]) -> tuple[dict[str, str], int]:
    """Return the texts of files with the first fix of each finding made, and how many were made.

    A fix that touches a place where another was made before is left out; the next run may find it again. One that
    reaches into files other than these is left out as well: half a repair is none.
    """
    edits: dict[str, list[tuple[int, int, str]]] = {name: [] for name in sources}
    made = 0
    for finding in findings:
        wished = finding.fixes[0].edits if finding.fixes else ()
        if not all(edit.span.file in sources for edit in wished):
            continue
        wanted = [(edit.span.file, _offsets(sources[edit.span.file], edit)) for edit in wished]
        if wanted and all(_free(edit, edits[name]) for name, edit in wanted):
            for name, edit in wanted:
                edits[name].append(edit)
            made += 1
    return {name: _edited(source.text, edits[name]) for name, source in sources.items()}, made


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _offsets(source: Source, edit: Edit) -> tuple[int, int, str]:
    span = edit.span
    return source.offset(span.line, span.column), source.offset(span.end_line, span.end_column), edit.text


def _free(edit: tuple[int, int, str], made: list[tuple[int, int, str]]) -> bool:
    start, end, _ = edit
    return all(end <= other or start >= stop for other, stop, _ in made)
