"""A value of another type than the key takes.

## Why is this bad?
A list where a name is meant, or a number where text is meant, has no meaning here.

## Example
```yaml
name: 12
```

## Use instead
```yaml
name: "12"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import WrongType
from router.diagnostics.diagnostic import Edit, Fix
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def _fix(problem: WrongType) -> tuple[Fix, ...]:
    return (Fix("quote it", (Edit(problem.span, problem.quote),)),) if problem.quote else ()


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each value of a wrong type."""
    for problem in configuration.found(WrongType):
        yield Finding(
            problem.span,
            f"expected {problem.wanted}, found {problem.got}",
            label="quote it to make it text" if problem.quote else f"this is {problem.got}",
            help=f"write `{printable(problem.quote)}`" if problem.quote else None,
            fixes=_fix(problem),
        )


CHECK = Check("R203", "wrong-type", "error", run)
