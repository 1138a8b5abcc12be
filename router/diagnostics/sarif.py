"""Findings as SARIF 2.1.0: code scanning services and editors read it."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

from router.core.frozen import dataclass
from router.diagnostics.source import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from router.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity
    from router.diagnostics.source import Span

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of a kind of finding.

    Attributes:
        code: `R201`.
        name: `unknown-key`.
        severity: How bad it is unless a file says otherwise.
        summary: What it finds, in one line.
        page: What, why, an example and what to use instead, in markdown.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    page: str


def as_sarif(
    findings: Sequence[Diagnostic], rules: Iterable[Rule], version: str, root: PurePath
) -> dict[str, object]:
    """Return the log of one run.

    Args:
        findings: What was found.
        rules: The kinds of finding; those that were found are written out.
        version: The version of router.
        root: The folder that addresses of files are told from.
    """
    codes = {found.code for found in findings}
    found_rules = [rule for rule in rules if rule.code in codes]
    index = {rule.code: number for number, rule in enumerate(found_rules)}
    driver = {"name": "router", "version": version, "rules": [_rule(rule) for rule in found_rules]}
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(found, index, root) for found in findings],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(found: Diagnostic, index: Mapping[str, int], root: PurePath) -> dict[str, object]:
    lines = (found.message, *found.notes, f"help: {found.help}" if found.help else "")
    result: dict[str, object] = {
        "ruleId": found.code,
        "level": LEVELS[found.severity],
        "message": _message("\n".join(line for line in lines if line)),
        "locations": [{"physicalLocation": _place(found.span, root), **_said(found.label)}],
        "partialFingerprints": {"router/v1": found.fingerprint},
    }
    if found.code in index:
        result["ruleIndex"] = index[found.code]
    if found.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _place(other.span, root), **_said(other.label)}
            for number, other in enumerate(found.related)
        ]
    if fixes := [_fix(fix, root) for fix in found.fixes if fix.edits and not _secret(fix)]:
        result["fixes"] = fixes
    return result


def _message(text: str) -> dict[str, object]:
    return {"text": masked(text)}


def _said(label: str) -> dict[str, object]:
    return {"message": _message(label)} if label else {}


def _place(span: Span, root: PurePath) -> dict[str, object]:
    return {"artifactLocation": {"uri": address(span.file, root)}, "region": _region(span)}


def _region(span: Span) -> dict[str, object]:
    return dict(zip(("startLine", "startColumn", "endLine", "endColumn"), span[1:], strict=True))


def _secret(fix: Fix) -> bool:
    """Return whether a repair holds what must not be shown: masked, it would break the file."""
    return any(masked(edit.text) != edit.text for edit in fix.edits)


def _fix(fix: Fix, root: PurePath) -> dict[str, object]:
    by_file: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.span.file, []).append(edit)
    changes = [
        {
            "artifactLocation": {"uri": address(name, root)},
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
                for edit in edits
            ],
        }
        for name, edits in by_file.items()
    ]
    return {"description": _message(fix.title), "artifactChanges": changes}


def address(name: str, root: PurePath) -> str:
    """Return the address of a file: relative to a folder where it lies in it, with forward slashes."""
    path = PurePath(name)
    if path.is_absolute() and path.is_relative_to(root):
        path = path.relative_to(root)
    absolute = path.is_absolute()
    # A colon in a relative address would make what is before it a scheme; in an absolute one it ends a drive.
    written = quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/:" if absolute else "/")
    return f"file:///{written.lstrip('/')}" if absolute else written
