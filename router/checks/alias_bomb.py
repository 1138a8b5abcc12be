"""An alias that is unknown, refers to itself or expands too far.

## Why is this bad?
A few lines of aliases can stand for billions of values. At most 100 aliases and 10,000 values by them are
read.

## Example
```yaml
name: *nobody
```

## Use instead
```yaml
name: somebody
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import AliasAbuse
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the alias at which reading stopped."""
    for problem in configuration.found(AliasAbuse):
        yield Finding(
            problem.span,
            printable(problem.what),
            label="reading stopped here",
            help="write the values out",
        )


CHECK = Check("R105", "alias-bomb", "error", run)
