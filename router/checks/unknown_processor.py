"""A processor that nobody registered.

## Why is this bad?
Processors are named, never imported from a path in the file: a configuration must not run code of its own.

## Example
```yaml
models: {assistant: {at: here, after: [fence_cod]}}
```

## Use instead
```yaml
models: {assistant: {at: here, after: [fence_code]}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, did_you_mean, replacement
from router.config.problems import UnknownProcessor
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each unknown processor."""
    for problem in configuration.found(UnknownProcessor):
        yield Finding(
            problem.span,
            f"unknown processor `{problem.name}`",
            label="no such processor",
            notes=() if problem.suggestion else (f"the processors are: {listed(problem.legal)}",),
            help=did_you_mean(problem.suggestion),
            fixes=replacement(problem.span, problem.suggestion),
        )


CHECK = Check("R311", "unknown-processor", "error", run)
