"""A condition that no value meets.

## Why is this bad?
A rule with it never acts: its range is empty, it excludes every value there is, or two conditions on one dimension have nothing in common.

## Example
```yaml
rules:
  - {name: odd, when: {tokens: "9000..4000"}, use: assistant}
  - {use: assistant}
```

## Use instead
```yaml
rules:
  - {name: odd, when: {tokens: "4000..9000"}, use: assistant, deadline: 60s}
  - {use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import table_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each dimension of which a rule accepts nothing."""
    facts = table_facts(configuration)
    for rule in facts.rules if facts is not None else ():
        for name, accepted in rule.accepted.items():
            least = configuration.linked.dimensions[name].least
            possible = (
                accepted
                if isinstance(accepted, frozenset)
                else [high for _, high in accepted if high >= least]
            )
            if not possible:
                yield Finding(
                    rule.when_spans[name],
                    f"rule `{rule.name}` accepts no value of `{name}`",
                    label="nothing meets this",
                    help="correct the condition, or delete the rule",
                    rules=(rule.name,),
                )


CHECK = Check("R406", "impossible-condition", "error", run)
