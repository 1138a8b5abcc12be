"""What a check is, and the wording that several of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from router.config import problems
from router.core.frozen import dataclass
from router.diagnostics.diagnostic import Diagnostic, Edit, Fix, Related
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from router.config.load import Configuration
    from router.config.node import Node
    from router.diagnostics.diagnostic import Severity
    from router.diagnostics.source import Span


N = TypeVar("N", problems.UndefinedModel, problems.UndefinedEndpoint)
MOST_RELATED = 5
OFTEN = 3

# What may leave out or misread a part of the file.
_HIDING = (
    problems.ShapeProblem,
    problems.ForbiddenTag,
    problems.KeyType,
    problems.BadResult,
    problems.NeedsDefault,
    problems.UndefinedEndpoint,
    problems.UndefinedModel,
    problems.UndefinedVariable,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: its module's docstring is its documentation.

    Attributes:
        code: `R201`; never reused.
        name: What it finds, so that "allow unknown-key" reads right.
        severity: How bad it is unless the run says otherwise.
        run: Yields each place it is found at.
        asked: Whether it is off unless the file's `lint` asks for it.
    """

    code: str
    name: str
    severity: Severity
    run: Callable[[Configuration], Iterator[Finding]]
    asked: bool = False


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

    def diagnostic(self, check: Check, path: str, lint: Severity | None = None) -> Diagnostic:
        """Return the finding as it is printed, as bad as the file says if it says so."""
        return Diagnostic(
            code=check.code,
            name=check.name,
            severity=lint or self.severity or check.severity,
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


def blurred(configuration: Configuration, *names: str) -> bool:
    """Return whether something is wrong under one of these keys that may hide a use of a name."""
    if any(isinstance(problem, problems.DuplicateKey) for problem in configuration.problems):
        return True
    document = configuration.document
    entries = document.node.entries if document is not None else {}
    places = [place for name in names if name in entries for place in _places(entries[name])]
    return any(
        place.file == problem.span.file and place.line <= problem.span.line <= place.end_line
        for problem in configuration.problems
        if isinstance(problem, _HIDING) and getattr(problem, "suggestion", None) is None
        for place in places
    )


def _places(node: Node) -> tuple[Span, ...]:
    """Return where a value stands: in each of the files it was merged from."""
    return getattr(node, "parts", ()) or (node.span,)


def did_you_mean(suggestion: str | None) -> str | None:
    """Return the help for a misspelt name."""
    return f"did you mean `{suggestion}`?" if suggestion else None


def replacement(span: Span, text: str | None) -> tuple[Fix, ...]:
    """Return the fix that puts a text in the place of a span; none for None."""
    if text is None:
        return ()
    # Where nothing stands, the span is the place right behind the colon.
    nothing = span[1:3] == span[3:5]
    return (Fix(f"replace with `{text}`", (Edit(span, f" {text}" if nothing else text),)),)


def renamed(configuration: Configuration, spans: Iterable[Span], name: str | None) -> tuple[Fix, ...]:
    """Return the fix that writes a name of the file at places; none for None, and none that would make a key twice."""
    if name is None:
        return ()
    from router.config.repair import as_written, holders  # noqa: PLC0415 - few files have anything to repair

    held = holders(configuration)
    edits = tuple(Edit(span, as_written(name)) for span in spans if not held.taken(span, name))
    return (Fix(f"replace with `{name}`", edits),) if edits else ()


def undefined(
    configuration: Configuration,
    problem: problems.UndefinedModel | problems.UndefinedEndpoint,
    others: Sequence[problems.Problem],
    message: str,
    what: str,
) -> Finding:
    """Return the one finding about a name that is not declared; `others` are its further uses."""
    spans = [problem.span, *(other.span for other in others)]
    return Finding(
        problem.span,
        message,
        label=f"no such {what}",
        related=(
            *defined_here(problem.suggestion_span, problem.suggestion),
            *(Related(span, "used here too") for span in spans[1 : MOST_RELATED + 1]),
        ),
        notes=() if problem.suggestion else (f"the {what}s are: {listed(problem.legal)}",),
        help=did_you_mean(problem.suggestion),
        fixes=renamed(configuration, spans, problem.suggestion),
    )


def by_root(found: Iterable[N]) -> Iterator[list[N]]:
    """Yield problems by what is their root: a name that is wrong often is right, and its declaration is not."""
    groups: dict[str, list[N]] = {}
    for problem in found:
        groups.setdefault(problem.name, []).append(problem)
    for group in groups.values():
        if len(group) >= OFTEN:
            yield group
        else:
            yield from ([problem] for problem in group)


def defined_here(span: Span | None, name: str | None) -> tuple[Related, ...]:
    """Return the place where a suggested name is defined."""
    return (Related(span, f"`{name}` is defined here"),) if span is not None else ()
