"""A rule that stands twice.

## Why is this bad?
The second one never acts, and who changes one of them will forget the other.

## Example
```yaml
rules:
  - {name: code, when: {task: code}, use: assistant, deadline: 9s}
  - {name: again, when: {task: [code]}, use: assistant, deadline: 9s}
  - {use: assistant}
```

## Use instead
```yaml
rules:
  - {name: code, when: {task: code}, use: assistant, deadline: 9s}
  - {use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import outcome, table_facts, where
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule that accepts and does the same as an earlier one."""
    facts = table_facts(configuration)
    seen: dict[object, int] = {}
    for number, rule in enumerate(facts.rules if facts is not None and not facts.unique else ()):
        same = (frozenset(rule.accepted.items()), outcome(rule))
        first = seen.setdefault(same, number)
        if first != number and facts is not None:
            earlier = facts.rules[first]
            yield Finding(
                where(rule),
                f"rule `{rule.name}` is `{earlier.name}` once more",
                label="accepts and does the same",
                related=(Related(where(earlier), "stands here already"),),
                help=f"delete `{rule.name}`",
                rules=(rule.name, earlier.name),
            )


CHECK = Check("R409", "duplicate-rule", "warning", run)
