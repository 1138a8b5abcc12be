"""A model that nothing uses.

## Why is this bad?
It may have been meant to stand in a rule. Calls that name it with `model=` still reach it.

## Example
```yaml
models: {assistant: {at: here}, spare: {at: here}}
rules: [{use: assistant}]
```

## Use instead
```yaml
models: {assistant: {at: here}, spare: {at: here}}
rules: [{use: [assistant, spare]}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each model that no rule, failover, budget or offline step names."""
    document = configuration.document
    if document is None or not configuration.linked.rules:
        return
    if blurred(configuration, "models", "rules", "offline", "costs"):
        return
    for name in document.models:
        span = document.entry_span("models", name)
        # What a merged file brings, others may use that merge it too.
        if name not in configuration.linked.used and span.file == configuration.source.name:
            yield Finding(
                span,
                f"nothing uses the model `{printable(name)}`",
                label="reached only by `model=`",
                help="name it in a rule, or remove it",
            )


CHECK = Check("R308", "unused-model", "warning", run)
