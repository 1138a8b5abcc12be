"""A bare number where a unit is needed.

## Why is this bad?
Nobody can see whether 30 means seconds or milliseconds.

## Example
```yaml
deadline: 90
```

## Use instead
```yaml
deadline: 90s
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, replacement
from router.config.problems import MissingUnit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each number without a unit."""
    for problem in configuration.found(MissingUnit):
        yield Finding(
            problem.span,
            f"`{problem.value}` has no unit",
            label="of what?",
            notes=(f"expected {problem.wanted}",),
            help=f"write `{problem.suggestion}` if that is what you mean",
            fixes=replacement(problem.span, problem.suggestion),
        )


CHECK = Check("R206", "missing-unit", "error", run)
