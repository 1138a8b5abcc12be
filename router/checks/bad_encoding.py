r"""Bytes or characters that a configuration may not hold.

## Why is this bad?
The file is UTF-8. Control characters and those that turn the direction of writing make it read otherwise
than it is.

## Example
```yaml
name: caf\xe9   # one byte, as Latin-1 writes it
```

## Use instead
```yaml
name: café
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadEncoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the first byte that is no UTF-8, and characters that are not allowed."""
    for problem in configuration.found(BadEncoding):
        yield Finding(problem.span, problem.what, label="here")


CHECK = Check("R112", "bad-encoding", "error", run)
