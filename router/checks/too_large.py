"""A file over one of the reader's limits.

## Why is this bad?
Limits on size (2,000,000 bytes), depth (32) and number of values (1,000,000) keep a broken file from taking
the machine.

## Example
```yaml
name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[deep]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
```

## Use instead
```yaml
name: shallow
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the limit."""
    for problem in configuration.found(TooLarge):
        yield Finding(problem.span, f"the file {problem.what}", label="too much")


CHECK = Check("R113", "too-large", "error", run)
