"""A value that its dimension does not have.

## Why is this bad?
No call can have it, so the condition could never hold.

## Example
```yaml
rules: [{when: {task: cod}, use: assistant}, {use: assistant}]
```

## Use instead
```yaml
rules: [{when: {task: code}, use: assistant}, {use: assistant}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, did_you_mean, renamed
from router.config.problems import UnknownValue
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each unknown value."""
    for problem in configuration.found(UnknownValue):
        yield Finding(
            problem.span,
            f"`{problem.value}` is no value of `{problem.dimension}`",
            label="no call has this",
            notes=() if problem.suggestion else (f"legal: {listed(problem.legal)}",),
            help=did_you_mean(problem.suggestion),
            fixes=renamed(configuration, (problem.span,), problem.suggestion),
        )


CHECK = Check("R304", "unknown-value", "error", run)
