"""A condition of a form that its dimension cannot have.

## Why is this bad?
A range of words, or a word where a number is measured, holds for no call.

## Example
```yaml
rules: [{when: {tokens: many}, use: assistant}, {use: assistant}]
```

## Use instead
```yaml
rules: [{when: {tokens: "> 8000"}, use: assistant}, {use: assistant}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import ConditionType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such condition."""
    for problem in configuration.found(ConditionType):
        yield Finding(
            problem.span,
            f"`{problem.got}` cannot be a condition on `{problem.dimension}`",
            label="of another form",
            help=f"write {problem.wanted}",
        )


CHECK = Check("R310", "condition-type", "error", run)
