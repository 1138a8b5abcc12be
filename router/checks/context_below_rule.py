"""A rule for prompts that none of its candidates holds.

## Why is this bad?
Every call that it matches is longer than the context windows of all its models, so every one fails.

## Example
```yaml
models: {small: {at: here, context: 4096}}
rules: [{when: {tokens: "> 8000"}, use: small}, {use: small, deadline: 30s}]
```

## Use instead
```yaml
models: {small: {at: here, context: 4096}}
rules: [{when: {tokens: "> 2000"}, use: small}, {use: small, deadline: 30s}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.windows import windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule whose shortest prompt is longer than its largest context window."""
    for window in windows(configuration):
        largest = max(context for _, _, context in window.candidates)
        if largest < window.least:
            yield Finding(
                window.rule.when_spans["tokens"],
                f"rule `{window.rule.name}` is for {window.least:,} tokens and more, and its models hold {largest:,} at most",
                label="no candidate holds such a prompt",
                help="use a model with a larger context window",
                rules=(window.rule.name,),
            )


CHECK = Check("R515", "context-below-rule", "warning", run)
