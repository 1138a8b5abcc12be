"""A key that must be there and is not.

## Why is this bad?
Without it there is nothing to go by, and no default would be right.

## Example
```yaml
models:
  assistant: {context: 4096}
```

## Use instead
```yaml
models:
  assistant: {at: here, context: 4096}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import MissingKey
from router.diagnostics.diagnostic import Edit, Fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def _fix(problem: MissingKey) -> tuple[Fix, ...]:
    """Return the fix for the one key whose value is sure."""
    if problem.key != "version":
        return ()
    top = problem.span._replace(line=1, column=1, end_line=1, end_column=1)
    return (Fix("add `version: 1`", (Edit(top, "version: 1\n"),)),)


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each required key that is absent."""
    for problem in configuration.found(MissingKey):
        yield Finding(
            problem.span,
            f"{problem.owner} has no `{problem.key}`",
            label=f"`{problem.key}` is missing",
            help=f"add `{problem.key}`: {problem.wants}",
            fixes=_fix(problem),
        )


CHECK = Check("R202", "missing-key", "error", run)
