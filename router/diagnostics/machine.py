"""Findings as a program reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.diagnostics.diagnostic import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.diagnostics.diagnostic import Diagnostic, Fix
    from router.diagnostics.source import Span

FORMAT_VERSION = "1.0"


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
        "message": found.message,
        **_place(found.span),
        "label": found.label,
        "path": found.path,
        "related": [{**_place(other.span), "label": other.label} for other in found.related],
        "rules": list(found.rules),
        "help": found.help,
        "notes": list(found.notes),
        "fixes": [_fix(fix) for fix in found.fixes],
        "fingerprint": found.fingerprint,
    }


def _place(span: Span) -> dict[str, object]:
    return dict(zip(("file", "line", "column", "end_line", "end_column"), span, strict=True))


def _fix(fix: Fix) -> dict[str, object]:
    return {"title": fix.title, "edits": [{**_place(edit.span), "text": edit.text} for edit in fix.edits]}
