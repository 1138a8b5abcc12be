"""A number that is not finite or too long.

## Why is this bad?
Infinity and not-a-number compare with nothing, and a number of more than 20 characters cannot be kept
exactly.

## Example
```yaml
temperatures: {chat: .nan}
```

## Use instead
```yaml
temperatures: {chat: 0.7}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadNumber
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such number."""
    for problem in configuration.found(BadNumber):
        yield Finding(
            problem.span,
            f"`{printable(problem.text, 24)}` is not a finite number of at most 20 characters",
            label="no number",
            help="write a plain number; quote it if it is text",
        )


CHECK = Check("R110", "not-a-number", "error", run)
