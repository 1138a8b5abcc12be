"""Findings as GitHub shows them beside the lines of a pull request."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.diagnostics.diagnostic import Diagnostic, Severity

COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
LONGEST = 2_000

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def github(findings: Iterable[Diagnostic]) -> str:
    """Return one workflow command each: `::error file=…,line=…,title=R201 unknown-key::message`."""
    return "".join(_command(found) for found in findings)


def _command(found: Diagnostic) -> str:
    span = found.span
    properties: dict[str, object] = {"file": PurePath(span.file).as_posix(), "line": span.line}
    if span.line == span.end_line:
        # Columns of a place of several lines are refused.
        properties |= {"col": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    else:
        properties["endLine"] = span.end_line
    properties["title"] = f"{found.code} {found.name}"
    written = ",".join(f"{name}={_shown(value).translate(_PROPERTY)}" for name, value in properties.items())
    lines = (found.message, *found.notes, found.help or "")
    text = "\n".join(_shown(line) for line in lines if line)
    return f"::{COMMANDS[found.severity]} {written}::{text.translate(_DATA)}\n"


def _shown(text: object) -> str:
    return printable(text, LONGEST)
