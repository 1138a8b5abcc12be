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
from router.config.repair import entry_put_under, holders
from router.diagnostics.diagnostic import Fix
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration
    from router.diagnostics.source import Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each key that another place of the language knows."""
    moved: set[tuple[Span, str]] = set()
    for problem in configuration.found(MisplacedKey):
        yield Finding(
            problem.span,
            f"`{printable(problem.key)}` in {problem.owner} has no effect",
            label=f"belongs {problem.belongs}",
            help=_help(problem.belongs),
            fixes=_fix(problem, configuration, moved),
        )


def _fix(
    problem: MisplacedKey, configuration: Configuration, moved: set[tuple[Span, str]]
) -> tuple[Fix, ...]:
    """Return the fix that moves a key; each block is made or written into once, `moved` holds those that were."""
    found = holders(configuration).keys.get(problem.span) if problem.block else None
    if found is None or (found[0].span, problem.block) in moved:
        return ()
    edits = entry_put_under(configuration.source_at(problem.span), *found, problem.block)
    if not edits:
        return ()
    moved.add((found[0].span, problem.block))
    return (Fix(f"move it under `{problem.block}`", edits),)


def _help(belongs: str) -> str:
    if belongs.startswith("under"):
        return f"move it {belongs}"
    if "kind" in belongs:
        return "remove it, or change the kind"
    return "remove it, or write `cache` for the file" if "`cache`" in belongs else "remove it"


CHECK = Check("R210", "misplaced-key", "error", run)
