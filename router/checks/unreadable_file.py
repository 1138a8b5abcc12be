"""A file that cannot be read.

## Why is this bad?
Without the file nothing is known of the routing. Pipes, devices and folders are never read: they may have
no end.

## Example
```yaml
# router check ./configurations   (a folder)
```

## Use instead
```yaml
# router check ./configurations/router.yaml
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report that the file could not be read."""
    for problem in configuration.found(Unreadable):
        yield Finding(problem.span, f"the file cannot be read: {problem.why}")


CHECK = Check("R100", "unreadable-file", "error", run)
