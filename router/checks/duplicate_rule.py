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
from router.checks.table_facts import table_facts, where
from router.config.repair import holders, item_removed
from router.diagnostics.diagnostic import Fix, Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.link import Rule
    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule that accepts and does the same as an earlier one."""
    facts = table_facts(configuration)
    seen: dict[object, int] = {}
    if facts is None or facts.unique:
        return
    for number, rule in enumerate(facts.rules):
        same = (frozenset(rule.accepted.items()), facts.outcomes[number])
        first = seen.setdefault(same, number)
        if first != number:
            earlier = facts.rules[first]
            yield Finding(
                where(rule),
                f"rule `{rule.name}` is `{earlier.name}` once more",
                label="accepts and does the same",
                related=(Related(where(earlier), "stands here already"),),
                help=f"delete `{rule.name}`",
                fixes=_fix(configuration, rule),
                rules=(rule.name, earlier.name),
            )


def _fix(configuration: Configuration, rule: Rule) -> tuple[Fix, ...]:
    """Return the fix that deletes a rule, or the row of a matrix."""
    found = holders(configuration).items.get(rule.span)
    edits = item_removed(configuration.source_at(rule.span), *found) if found is not None else ()
    return (Fix(f"delete `{rule.name}`", edits),) if edits else ()


CHECK = Check("R409", "duplicate-rule", "warning", run)
