"""Two rules that match one call, in a file that says `hit: unique`.

## Why is this bad?
The file promises that at most one rule matches any call, so that the order of rules means nothing. Here it would decide.

## Example
```yaml
hit: unique
rules:
  - {name: code, when: {task: code}, use: assistant}
  - {name: quick, when: {priority: speed}, use: assistant, deadline: 10s}
  - {name: rest, when: {task: {not: code}, priority: {not: speed}}, use: assistant, deadline: 20s}
```

## Use instead
```yaml
hit: unique
rules:
  - {name: code, when: {task: code}, use: assistant}
  - {name: quick, when: {task: {not: code}, priority: speed}, use: assistant, deadline: 10s}
  - {name: rest, when: {task: {not: code}, priority: {not: speed}}, use: assistant, deadline: 20s}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import in_words, table_facts, where
from router.diagnostics.diagnostic import Related
from router.table.cover import earlier, overlapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule with the first earlier one that it shares a call with, and such a call."""
    facts = table_facts(configuration)
    if facts is None or not facts.unique:
        return
    space = facts.space
    for number, rule in enumerate(facts.rules):
        mask = overlapping(space, number) & earlier(space, number)
        if not mask:
            continue
        other = space.leaf(mask)
        both = space.bit(number) | space.bit(other)
        shared = {
            axis.dimension.name: next(
                cell.witness
                for cell, rules in zip(axis.cells, axis.masks, strict=True)
                if rules & both == both
            )
            for axis in space.axes
            if axis.open & both != both
        }
        yield Finding(
            where(rule),
            f"rules `{facts.rules[other].name}` and `{rule.name}` match one call",
            label="and this one",
            related=(Related(where(facts.rules[other]), "this one matches it"),),
            notes=(f"both match when {in_words(shared)}",),
            help="make their conditions exclude each other, or remove `hit: unique`",
            rules=(facts.rules[other].name, rule.name),
        )


CHECK = Check("R410", "overlap-under-unique", "error", run)
