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
from router.checks.table_facts import catches_all, table_facts, where
from router.diagnostics.diagnostic import Related
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
                rules=(rule.name, *(each.name for each in hidden)),
            )
            return


CHECK = Check("R408", "catch-all-not-last", "error", run)
