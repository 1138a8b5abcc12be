"""What a check is, and the wording that several of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.diagnostics.diagnostic import Diagnostic, Edit, Fix, Related

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.config.load import Configuration
    from router.diagnostics.diagnostic import Severity
    from router.diagnostics.source import Span


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: its module's docstring is its documentation.

    Attributes:
        code: `R201`; never reused.
        name: What it finds, so that "allow unknown-key" reads right.
        severity: How bad it is unless the run says otherwise.
        run: Yields each place it is found at.
    """

    code: str
    name: str
    severity: Severity
    run: Callable[[Configuration], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of one place; the registry adds its code, name and severity."""

    span: Span
    message: str
    label: str = ""
    related: tuple[Related, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()
    rules: tuple[str, ...] = ()
    severity: Severity | None = None

    def diagnostic(self, check: Check, path: str) -> Diagnostic:
        """Return the finding as it is printed."""
        return Diagnostic(
            code=check.code,
            name=check.name,
            severity=self.severity or check.severity,
            message=self.message,
            span=self.span,
            label=self.label,
            related=self.related,
            notes=self.notes,
            help=self.help,
            fixes=self.fixes,
            rules=self.rules,
            path=path,
        )


def did_you_mean(suggestion: str | None) -> str | None:
    """Return the help for a misspelt name."""
    return f"did you mean `{suggestion}`?" if suggestion else None


def replacement(span: Span, text: str | None) -> tuple[Fix, ...]:
    """Return the fix that puts a text in the place of a span; none for None."""
    return (Fix(f"replace with `{text}`", (Edit(span, text),)),) if text is not None else ()


def defined_here(span: Span | None, name: str | None) -> tuple[Related, ...]:
    """Return the place where a suggested name is defined."""
    return (Related(span, f"`{name}` is defined here"),) if span is not None else ()
