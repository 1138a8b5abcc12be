"""A YAML tag.

## Why is this bad?
Tags make some YAML readers build objects, which has been a way to run code. The file's meaning never
depends on one.

## Example
```yaml
name: !!str 12
```

## Use instead
```yaml
name: "12"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import ForbiddenTag
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each tag."""
    for problem in configuration.found(ForbiddenTag):
        yield Finding(
            problem.span,
            f"the tag `{printable(problem.tag, 60)}` is not allowed",
            label="tagged",
            help="remove the tag; quote the value if it is text",
        )


CHECK = Check("R108", "forbidden-tag", "error", run)
