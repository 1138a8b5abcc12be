"""Use of a model that the file does not declare.

## Why is this bad?
A rule that names an unknown model cannot be carried out.

## Example
```yaml
models: {assistant: {at: here}}
rules: [{use: asistant}]
```

## Use instead
```yaml
models: {assistant: {at: here}}
rules: [{use: assistant}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, by_root, undefined
from router.config.problems import UndefinedModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.checks.base import Finding
    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each model that is used and not declared."""
    for problem, *others in by_root(configuration.found(UndefinedModel)):
        message = f"{problem.user} uses the undefined model `{problem.name}`"
        yield undefined(configuration, problem, others, message, "model")


CHECK = Check("R302", "undefined-model", "error", run)
