"""A model that stands twice in one order of failover.

## Why is this bad?
The second time it is not tried again: each deployment has its retries, and then the call moves on.

## Example
```yaml
models: {small: {at: here}, large: {at: here}}
rules: [{use: [small, large, small]}]
```

## Use instead
```yaml
models: {small: {at: here}, large: {at: here}}
rules: [{use: [small, large]}]
retry: {same: 2}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.conditions import Named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each repeated model of a rule."""
    for rule in configuration.linked.rules:
        seen: set[str] = set()
        for use in rule.use:
            if isinstance(use, Named) and use.name in seen:
                yield Finding(
                    use.span,
                    f"rule `{rule.name}` names `{use.name}` twice",
                    label="it is not tried again",
                    help="remove it here; `retry: {same: N}` tries one deployment again",
                    rules=(rule.name,),
                )
            seen.add(use.name if isinstance(use, Named) else "")


CHECK = Check("R502", "failover-repeats", "warning", run)
