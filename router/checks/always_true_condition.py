"""A condition that every value meets.

## Why is this bad?
It excludes nothing, so it says less than it seems to. Leaving the dimension out says the same.

## Example
```yaml
rules:
  - {when: {tools: [true, false]}, use: assistant}
```

## Use instead
```yaml
rules:
  - {use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import is_everything, table_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each condition that lists everything there is."""
    facts = table_facts(configuration)
    for rule in facts.rules if facts is not None else ():
        for name, accepted in rule.accepted.items():
            if is_everything(configuration.linked.dimensions[name], accepted):
                yield Finding(
                    rule.when_spans[name],
                    f"the condition on `{name}` of rule `{rule.name}` is always true",
                    label="every call meets this",
                    help=f"leave `{name}` out, or write `any`",
                    rules=(rule.name,),
                )


CHECK = Check("R407", "always-true-condition", "info", run)
