"""A number, or a count of things, outside its bounds.

## Why is this bad?
The bounds are those of the thing itself; nothing is silently clamped to them.

## Example
```yaml
retry: {attempts: 1000000}
```

## Use instead
```yaml
retry: {attempts: 4}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import OutOfRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each value outside its bounds."""
    for problem in configuration.found(OutOfRange):
        yield Finding(
            problem.span,
            f"{problem.value} is out of range",
            label="out of range",
            help=f"write {problem.wanted}",
        )


CHECK = Check("R205", "out-of-range", "error", run)
