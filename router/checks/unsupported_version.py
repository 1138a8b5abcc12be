"""A version of the language that there is not.

## Why is this bad?
A file of another version may mean something else by the same words.

## Example
```yaml
version: 99
```

## Use instead
```yaml
version: 1
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, replacement
from router.config.problems import BadVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report a version that is not 1."""
    for problem in configuration.found(BadVersion):
        yield Finding(
            problem.span,
            f"there is no version `{problem.value}` of the language",
            label="not 1",
            help="write `version: 1`",
            fixes=replacement(problem.span, "1"),
        )


CHECK = Check("R208", "unsupported-version", "error", run)
