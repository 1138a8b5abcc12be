"""A condition on something that no call says.

## Why is this bad?
No call has it, so nothing could be decided by it.

## Example
```yaml
rules: [{when: {taks: code}, use: assistant}, {use: assistant}]
```

## Use instead
```yaml
rules: [{when: {task: code}, use: assistant}, {use: assistant}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, did_you_mean, renamed
from router.config.problems import UnknownDimension
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each unknown dimension."""
    for problem in configuration.found(UnknownDimension):
        yield Finding(
            problem.span,
            f"unknown dimension `{problem.name}`",
            label="no call says this",
            notes=() if problem.suggestion else (f"the dimensions are: {listed(problem.legal)}",),
            help=did_you_mean(problem.suggestion),
            fixes=renamed(configuration, (problem.span,), problem.suggestion),
        )


CHECK = Check("R303", "unknown-dimension", "error", run)
