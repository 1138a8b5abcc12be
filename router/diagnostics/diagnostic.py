"""One finding: what is wrong, where, why, and what to do."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.diagnostics.source import Span

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that belongs to the finding, and why."""

    span: Span
    label: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to put in the place of a span."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair that keeps the file's meaning or gives the one surely meant."""

    title: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: `R201`.
        name: `unknown-key`.
        severity: How bad it is.
        message: What is wrong here.
        span: Where.
        label: Why, shown at the caret.
        related: Other places it is about.
        notes: Facts: a witness call, computed numbers.
        help: The one thing to do.
        fixes: Repairs a program may make.
        rules: Names of the routing rules it is about.
        path: Where in the document: `rules[2].when.task`.
    """

    code: str
    name: str
    severity: Severity
    message: str
    span: Span
    label: str = ""
    related: tuple[Related, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()
    rules: tuple[str, ...] = ()
    path: str = ""

    @property
    def fingerprint(self) -> str:
        """A short name that stays when lines move: code, file, place in the document and message."""
        parts = f"{self.code}\0{self.span.file}\0{self.path}\0{self.message}"
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def with_path(self, path: str) -> Diagnostic:
        """Return the finding with its place in the document."""
        return replace(self, path=path)


def in_order(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return findings with the most important first, then by place."""
    return sorted(findings, key=lambda found: (SEVERITIES.index(found.severity), found.span, found.code))


def count(findings: Iterable[Diagnostic]) -> dict[str, int]:
    """Return how many findings of each severity there are: `{"errors", "warnings", "infos"}`."""
    found = [each.severity for each in findings]
    return {f"{severity}s": found.count(severity) for severity in SEVERITIES}
