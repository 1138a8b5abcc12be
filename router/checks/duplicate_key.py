"""A key that stands twice in one mapping.

## Why is this bad?
Most YAML readers silently keep one of the two, and not all of them the same one.

## Example
```yaml
deadline: 60s
deadline: 90s
```

## Use instead
```yaml
deadline: 90s
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import DuplicateKey
from router.config.repair import safe_to_delete
from router.diagnostics.diagnostic import Edit, Fix, Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def _fix(problem: DuplicateKey, configuration: Configuration) -> tuple[Fix, ...]:
    if problem.lines is None or not safe_to_delete(configuration.source_at(problem.lines), problem.lines):
        return ()
    return (Fix("delete the second, which says the same", (Edit(problem.lines, ""),)),)


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each second key, with the place of the first."""
    for problem in configuration.found(DuplicateKey):
        yield Finding(
            problem.span,
            f"`{printable(problem.key)}` stands twice in one mapping",
            label="the second",
            related=(Related(problem.first, "the first"),),
            help="delete one of them" if problem.lines else "make one of both",
            fixes=_fix(problem, configuration),
        )


CHECK = Check("R102", "duplicate-key", "error", run)
