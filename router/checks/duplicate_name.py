"""Two things of one name, or of names that nobody can tell apart.

## Why is this bad?
A name that stands twice points to neither. Names that differ only in case, or in how their letters are
encoded, are mistaken for each other.

## Example
```yaml
rules:
  - {name: main, when: {task: code}, use: assistant}
  - {name: main, use: assistant}
```

## Use instead
```yaml
rules:
  - {name: code, when: {task: code}, use: assistant}
  - {name: main, use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import DuplicateName
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def _why(problem: DuplicateName) -> str:
    return f"differs from `{problem.same_as}` only in case or encoding" if problem.same_as else "stands twice"


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each second one, with the place of the first."""
    for problem in configuration.found(DuplicateName):
        yield Finding(
            problem.span,
            f"the {problem.what} `{problem.name}` {_why(problem)}",
            label="the second",
            related=(Related(problem.first, "the first"),),
            help="rename one of them" if problem.what == "rule" else "remove or rename one of them",
        )


CHECK = Check("R309", "duplicate-name", "error", run)
