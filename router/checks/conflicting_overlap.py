"""Two rules that share calls and do different things with them.

## Why is this bad?
First match wins, so this is how tables are written, and the finding is off unless `lint: {R403: info}` asks for it. It helps
to find a rule whose place in the file decides more than its author thought.

## Example
```yaml
lint: {R403: info}
rules:
  - {name: code, when: {task: code}, use: assistant}
  - {name: quick, when: {priority: speed}, use: assistant, deadline: 10s}
  - {name: otherwise, use: assistant, deadline: 20s}
```

## Use instead
```yaml
rules:
  - {name: quick code, when: {task: code, priority: speed}, use: assistant, deadline: 5s}
  - {name: code, when: {task: code}, use: assistant}
  - {name: quick, when: {priority: speed}, use: assistant, deadline: 10s}
  - {name: otherwise, use: assistant, deadline: 20s}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import table_facts, where
from router.diagnostics.diagnostic import Related
from router.table.cover import containing, earlier, overlapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule with the earlier ones that take some of its calls, and not all of either, elsewhere."""
    facts = table_facts(configuration)
    if facts is None or facts.unique:
        return
    space = facts.space
    inside = [containing(space, number) for number in range(space.rules)]
    for number, rule in enumerate(facts.rules):
        partly = overlapping(space, number) & earlier(space, number) & ~inside[number]
        others = [
            facts.rules[other]
            for other in space.numbers(partly)
            if not inside[other] & space.bit(number) and not facts.same(other, number)
        ]
        if others:
            yield Finding(
                where(rule),
                f"rule `{rule.name}` shares calls with earlier rules that do something else with them",
                label="some of these calls go elsewhere",
                related=tuple(Related(where(other), "takes them first") for other in others),
                rules=(rule.name, *(other.name for other in others)),
            )


CHECK = Check("R403", "conflicting-overlap", "info", run, asked=True)
