"""A rule without which every call would be decided the same.

## Why is this bad?
It says nothing, and who changes the rule behind it will wonder why some calls do not follow.

## Example
```yaml
rules:
  - {name: code, when: {task: code}, use: assistant}
  - {name: otherwise, use: assistant}
```

## Use instead
```yaml
rules:
  - {name: otherwise, use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import TableFacts, table_facts, where
from router.diagnostics.diagnostic import Related
from router.table.graph import GAP, TooComplex
from router.table.heirs import heirs
from router.table.regions import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


# After so many rules of which it cannot be told within the budget, the rest is not looked at: it is dear.
MOST_COMPLEX = 10


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule whose calls all go to later rules with the same outcome when it is taken away."""
    facts = table_facts(configuration)
    if facts is None or facts.graph is None or facts.unique:
        return
    alike: dict[int, int] = {}
    for number, outcome in enumerate(facts.outcomes):
        alike[outcome] = alike.get(outcome, 0) | facts.space.bit(number)
    too_complex = 0
    for number, cells in sorted(samples(facts.space, facts.graph).items()):
        if number == GAP or facts.rules[number].settings.matrix:
            continue
        try:
            found = _heirs(facts, number, alike[facts.outcomes[number]], cells)
        except TooComplex:
            too_complex += 1
            if too_complex == MOST_COMPLEX:
                return
            continue
        if found:
            rule = facts.rules[number]
            yield Finding(
                where(rule),
                f"rule `{rule.name}` changes nothing",
                label="its calls would be decided the same without it",
                related=tuple(Related(where(facts.rules[heir]), "decides them the same") for heir in found),
                help=f"delete `{rule.name}`, or let it do something else",
                rules=(rule.name, *(facts.rules[heir].name for heir in found)),
            )


def _heirs(facts: TableFacts, number: int, alike: int, sample: list[int]) -> list[int]:
    """Return the later rules that would take a rule's calls, if all of them do the same with them.

    Args:
        facts: The table.
        number: The rule.
        alike: The rules with its outcome.
        sample: One of its calls: most rules are told by it alone.
    """
    space = facts.space
    later = next_one = space.bit(number) - 1
    for axis, cell in zip(space.axes, sample, strict=True):
        next_one &= axis.masks[cell]
    heir = space.leaf(next_one)
    if heir == GAP or not space.bit(heir) & alike:
        return []
    # A copy of the rule has a finding of its own.
    same = later & alike
    for axis in space.axes:
        same &= axis.alike[axis.runs[number]]
    accepted = facts.rules[number].accepted
    for other in space.numbers(same):
        if facts.rules[other].accepted == accepted:
            later ^= space.bit(other)
    return heirs(space, number, later, alike)


CHECK = Check("R402", "redundant-rule", "warning", run)
