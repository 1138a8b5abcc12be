"""A part of the language whose behaviour is not built.

## Why is this bad?
The file may say it, and it is checked, but no call acts by it. So the router refuses to make calls by such
a file.

## Example
```yaml
stream: {on_interrupt: continue}
```

## Use instead
```yaml
deadline: 60s
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import NotSupportedYet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such part; an error where calls are to be made."""
    for problem in configuration.found(NotSupportedYet):
        yield Finding(
            problem.span,
            f"{problem.what} is not supported yet",
            label="calls by this file are refused",
            help="remove it",
            severity="error" if configuration.for_calls else None,
        )


CHECK = Check("R211", "not-supported-yet", "warning", run)
