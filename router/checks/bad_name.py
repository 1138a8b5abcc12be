"""A name that cannot be printed or typed safely, or that is taken.

## Why is this bad?
Names stand in commands, logs and addresses. Control characters in them make a terminal show something else.

## Example
```yaml
dimensions:
  Task Kind: {values: [a, b], default: a}
```

## Use instead
```yaml
dimensions:
  task_kind: {values: [a, b], default: a}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such name."""
    for problem in configuration.found(BadName):
        yield Finding(
            problem.span,
            f"the name `{problem.name}` {problem.why}",
            label="no legal name here",
            help="choose another name",
        )


CHECK = Check("R212", "bad-name", "error", run)
