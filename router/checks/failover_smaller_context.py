"""A candidate whose context window is smaller than every prompt of the rule.

## Why is this bad?
The rule is for long prompts, and this candidate holds none of them: a failover to it always fails.

## Example
```yaml
models: {large: {at: here, context: 32768}, small: {at: here, context: 4096}}
rules: [{when: {tokens: "> 8000"}, use: [large, small]}, {use: [small, large]}]
```

## Use instead
```yaml
models: {large: {at: here, context: 32768}, small: {at: here, context: 4096}}
rules: [{when: {tokens: "> 8000"}, use: large}, {use: [small, large]}]
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
    """Report each such candidate of a rule that has a larger one as well."""
    for window in windows(configuration):
        if all(context < window.least for _, _, context in window.candidates):
            continue
        for model, span, context in window.candidates:
            if context < window.least:
                yield Finding(
                    span,
                    f"`{model}` holds {context:,} tokens, and rule `{window.rule.name}` is for {window.least:,} and more",
                    label="always too small",
                    help=f"take `{model}` out of this rule",
                    rules=(window.rule.name,),
                )


CHECK = Check("R504", "failover-smaller-context", "warning", run)
