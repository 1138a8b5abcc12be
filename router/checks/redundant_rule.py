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
from router.checks.table_facts import TableFacts, outcome, table_facts, where
from router.diagnostics.diagnostic import Related
from router.table.cover import box, overlapping
from router.table.graph import GAP, TooComplex
from router.table.regions import regions, samples, winners

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


MOST_REGIONS = 200


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule whose calls all go to later rules with the same outcome when it is taken away."""
    facts = table_facts(configuration)
    if facts is None or facts.graph is None or facts.unique:
        return
    alike: dict[object, int] = {}
    outcomes = [outcome(rule) for rule in facts.rules]
    for number, each in enumerate(outcomes):
        alike[each] = alike.get(each, 0) | facts.space.bit(number)
    for number, cells in sorted(samples(facts.space, facts.graph).items()):
        if number == GAP or facts.rules[number].settings.matrix:
            continue
        heirs = _heirs(facts, number, alike[outcomes[number]], cells)
        if heirs:
            rule = facts.rules[number]
            yield Finding(
                where(rule),
                f"rule `{rule.name}` changes nothing",
                label="its calls would be decided the same without it",
                related=tuple(Related(where(facts.rules[heir]), "decides them the same") for heir in heirs),
                help=f"delete `{rule.name}`, or let it do something else",
                rules=(rule.name, *(facts.rules[heir].name for heir in heirs)),
            )


def _heirs(facts: TableFacts, number: int, alike: int, sample: list[int]) -> list[int]:
    """Return the later rules that would take a rule's calls, if all of them do the same with them.

    Args:
        facts: The table.
        number: The rule.
        alike: The rules with its outcome.
        sample: One of its calls.
    """
    space = facts.space
    later = next_one = space.bit(number) - 1
    for axis, cell in zip(space.axes, sample, strict=True):
        next_one &= axis.masks[cell]
    heir = space.leaf(next_one)
    if heir == GAP or not space.bit(heir) & alike:
        return []
    later &= overlapping(space, number)
    # A copy of the rule has a finding of its own.
    same = [
        other
        for other in space.numbers(later & alike)
        if facts.rules[other].accepted == facts.rules[number].accepted
    ]
    later &= ~sum(space.bit(other) for other in same)
    try:
        heirs = _all_heirs(facts, number, later)
    except TooComplex:
        return []
    return sorted(heirs) if heirs and all(each != GAP and space.bit(each) & alike for each in heirs) else []


def _all_heirs(facts: TableFacts, number: int, later: int) -> set[int]:
    """Return what takes the calls that a rule decides when only later rules are left; nothing if it is dear to tell."""
    space = facts.space
    heirs: set[int] = set()
    within = box(space, number)
    graph = space.graph(overlapping(space, number), within)
    for count, region in enumerate(regions(space, graph, lambda leaf: leaf == number, within)):
        if count >= MOST_REGIONS:
            return set()
        cells = []
        for axis in space.axes:
            kept = set(region.cells.get(axis.dimension.name, axis.cells))
            cells.append([index for index, cell in enumerate(axis.cells) if cell in kept])
        heirs |= winners(space.graph(later, cells))
    return heirs


CHECK = Check("R402", "redundant-rule", "warning", run)
