"""Findings in each form they may be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from router.core.form import json_text
from router.core.frozen import dataclass
from router.diagnostics import text
from router.diagnostics.diagnostic import SEVERITIES, count
from router.diagnostics.github import github
from router.diagnostics.junit import junit
from router.diagnostics.machine import as_json
from router.diagnostics.sarif import as_sarif

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePath

    from router.diagnostics.diagnostic import Diagnostic, Severity
    from router.diagnostics.sarif import Rule
    from router.diagnostics.source import Source

Format = Literal["human", "concise", "json", "github", "sarif", "junit"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Report:
    """What one run found, and what printing it takes.

    Attributes:
        findings: What was found, in the order to print.
        sources: The files checked, by name.
        rules: The kinds of finding there are.
        version: The version of router.
        root: The folder that addresses of files are told from.
        least: The mildest severity that people are shown; programs are told everything.
        fail_on: The mildest severity that counts as failed.
    """

    findings: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]
    rules: tuple[Rule, ...]
    version: str
    root: PurePath
    least: Severity = "warning"
    fail_on: Severity = "error"


def rendered(form: Format, report: Report) -> str:
    """Return a report in one form; it ends with a line end, or is empty."""
    match form:
        case "human":
            return _human(report)
        case "concise":
            return text.concise(_shown(report))
        case "github":
            return github(_shown(report))
        case "json":
            return _json(as_json(report.findings))
        case "sarif":
            return _json(as_sarif(report.findings, report.rules, report.version, report.root))
        case "junit":
            return junit(report.findings, tuple(report.sources), _down_to(report.fail_on))


def _human(report: Report) -> str:
    shown = _shown(report)
    counted = text.summary(count(report.findings), sum(bool(each.fixes) for each in report.findings))
    hidden = "; `--verbose` shows the infos" if len(shown) < len(report.findings) else ""
    return text.human(shown, report.sources) + (f"{counted}{hidden}\n" if counted else "")


def _shown(report: Report) -> list[Diagnostic]:
    wanted = _down_to(report.least)
    return [each for each in report.findings if each.severity in wanted]


def _down_to(least: Severity) -> tuple[Severity, ...]:
    return SEVERITIES[: SEVERITIES.index(least) + 1]


def _json(value: object) -> str:
    return json_text(value, 2) + "\n"
