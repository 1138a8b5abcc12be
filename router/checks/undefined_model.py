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

from router.checks.base import Check, Finding, defined_here, did_you_mean, replacement
from router.config.problems import UndefinedModel
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each model that is used and not declared."""
    for problem in configuration.found(UndefinedModel):
        yield Finding(
            problem.span,
            f"{problem.user} uses the undefined model `{problem.name}`",
            label="no such model",
            related=defined_here(problem.suggestion_span, problem.suggestion),
            notes=() if problem.suggestion else (f"the models are: {listed(problem.legal)}",),
            help=did_you_mean(problem.suggestion),
            fixes=replacement(problem.span, problem.suggestion),
        )


CHECK = Check("R302", "undefined-model", "error", run)
