"""A key that must be there and is not.

## Why is this bad?
Without it there is nothing to go by, and no default would be right.

## Example
```yaml
models:
  assistant: {context: 4096}
```

## Use instead
```yaml
models:
  assistant: {at: here, context: 4096}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.problems import MissingKey
from router.config.repair import as_written, entry_added, holders
from router.diagnostics.diagnostic import Fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration
    from router.config.node import Mapping

# Keys that endpoints of one kind alone can have.
_TELLS_KIND = {"path": "gguf", "script": "mock"}


def _sure(problem: MissingKey, holder: Mapping, configuration: Configuration) -> str | None:
    """Return the one value that a key can have, if there is only one."""
    document = configuration.document
    if problem.key == "version":
        return "1"
    if problem.key == "kind":
        kinds = [kind for key, kind in _TELLS_KIND.items() if key in holder.entries]
        return kinds[0] if len(kinds) == 1 else None
    block = {"at": "endpoints", "use": "models"}.get(problem.key)
    if block is None or document is None or blurred(configuration, block):
        return None
    names = list(getattr(document, block))
    return as_written(names[0]) if len(names) == 1 else None


def _fix(problem: MissingKey, configuration: Configuration) -> tuple[Fix, ...]:
    holder = holders(configuration).mappings.get(problem.span)
    value = _sure(problem, holder, configuration) if holder is not None else None
    if holder is None or value is None:
        return ()
    edits = entry_added(configuration.source_at(problem.span), holder, f"{problem.key}: {value}")
    return (Fix(f"add `{problem.key}: {value}`", edits),) if edits else ()


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each required key that is absent."""
    for problem in configuration.found(MissingKey):
        yield Finding(
            problem.span,
            f"{problem.owner} has no `{problem.key}`",
            label=f"`{problem.key}` is missing",
            help=f"add `{problem.key}`: {problem.wants}",
            fixes=_fix(problem, configuration),
        )


CHECK = Check("R202", "missing-key", "error", run)
