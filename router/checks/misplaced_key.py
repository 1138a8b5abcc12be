"""A key that belongs elsewhere.

## Why is this bad?
Where it stands nothing reads it, so it would have no effect.

## Example
```yaml
models:
  assistant: {at: here, temperature: 0.2}
```

## Use instead
```yaml
models:
  assistant: {at: here, options: {temperature: 0.2}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import MisplacedKey
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each key that another place of the language knows."""
    for problem in configuration.found(MisplacedKey):
        yield Finding(
            problem.span,
            f"`{printable(problem.key)}` in {problem.owner} has no effect",
            label=f"belongs {problem.belongs}",
            help=_help(problem.belongs),
        )


def _help(belongs: str) -> str:
    if belongs.startswith("under"):
        return f"move it {belongs}"
    return (
        "remove it, or write `cache` for the file"
        if "`cache`" in belongs
        else "remove it, or change the kind"
    )


CHECK = Check("R210", "misplaced-key", "error", run)
