"""Findings as a program reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.form import FORMAT_VERSION
from router.diagnostics.diagnostic import count
from router.diagnostics.source import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.diagnostics.diagnostic import Diagnostic, Fix
    from router.diagnostics.source import Span


def as_json(findings: Sequence[Diagnostic]) -> dict[str, object]:
    """Return the object that `--format json` prints."""
    return {
        "format_version": FORMAT_VERSION,
        "findings": [_finding(found) for found in findings],
        "summary": count(findings),
    }


def _finding(found: Diagnostic) -> dict[str, object]:
    return {
        "code": found.code,
        "name": found.name,
        "severity": found.severity,
        "message": masked(found.message),
        **_place(found.span),
        "label": masked(found.label),
        "path": masked(found.path),
        "related": [{**_place(other.span), "label": masked(other.label)} for other in found.related],
        "rules": [masked(rule) for rule in found.rules],
        "help": None if found.help is None else masked(found.help),
        "notes": [masked(note) for note in found.notes],
        "fixes": [_fix(fix) for fix in found.fixes],
        "fingerprint": found.fingerprint,
    }


def _place(span: Span) -> dict[str, object]:
    return dict(zip(("file", "line", "column", "end_line", "end_column"), span, strict=True))


def _fix(fix: Fix) -> dict[str, object]:
    edits = [{**_place(edit.span), "text": masked(edit.text)} for edit in fix.edits]
    return {"title": masked(fix.title), "edits": edits}
