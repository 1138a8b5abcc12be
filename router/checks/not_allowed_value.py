"""A value that is not one of the legal ones.

## Why is this bad?
The key knows only these values; any other would have no effect.

## Example
```yaml
retry: {backoff: {first: soon}}
```

## Use instead
```yaml
retry: {backoff: {first: 500ms}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, did_you_mean, replacement
from router.config.problems import NotAllowed
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def _notes(problem: NotAllowed) -> tuple[str, ...]:
    return (f"legal: {listed(problem.legal, 40)}",) if problem.legal and not problem.suggestion else ()


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each value that its key does not know."""
    for problem in configuration.found(NotAllowed):
        yield Finding(
            problem.span,
            f"`{problem.value}` is no {problem.wanted}"
            if problem.legal
            else f"`{problem.value}` is not {problem.wanted}",
            label="not known here" if problem.legal else "not of this form",
            notes=_notes(problem),
            help=did_you_mean(problem.suggestion),
            fixes=replacement(problem.span, problem.suggestion),
        )


CHECK = Check("R204", "not-allowed-value", "error", run)
