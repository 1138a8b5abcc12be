"""A rule that catches every call, with rules behind it.

## Why is this bad?
First match wins: no rule behind it is ever asked.

## Example
```yaml
rules:
  - {name: otherwise, use: assistant}
  - {name: code, when: {task: code}, use: assistant, deadline: 30s}
```

## Use instead
```yaml
rules:
  - {name: code, when: {task: code}, use: assistant, deadline: 30s}
  - {name: otherwise, use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import TableFacts, catches_all, table_facts, where
from router.config.repair import holders, item_moved_last
from router.diagnostics.diagnostic import Fix, Related
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the first rule that catches all, if it is not the last, with the rules it hides."""
    facts = table_facts(configuration)
    if facts is None or facts.unique:
        return
    for number, rule in enumerate(facts.rules[:-1]):
        if catches_all(facts, rule):
            hidden = facts.rules[number + 1 :]
            yield Finding(
                where(rule),
                f"rule `{rule.name}` matches every call, so nothing after it is asked",
                label="catches all",
                related=(Related(where(hidden[0]), "never asked"),),
                notes=(f"hidden: {listed([f'`{each.name}`' for each in hidden])}",),
                help=f"move `{rule.name}` to the end",
                fixes=_fix(configuration, facts, number),
                rules=(rule.name, *(each.name for each in hidden)),
            )
            return


def _fix(configuration: Configuration, facts: TableFacts, number: int) -> tuple[Fix, ...]:
    """Return the fix that moves a rule to the end, where it is the only one that catches all."""
    rule = facts.rules[number]
    found = holders(configuration).items.get(rule.settings.node.span)
    alone = not any(catches_all(facts, other) for other in facts.rules[number + 1 :])
    if rule.settings.matrix or not alone or found is None:
        return ()
    edits = item_moved_last(configuration.source_at(rule.span), *found)
    return (Fix(f"move `{rule.name}` to the end", edits),) if edits else ()


CHECK = Check("R408", "catch-all-not-last", "error", run)
