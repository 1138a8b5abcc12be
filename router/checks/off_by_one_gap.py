"""One number that falls between two ranges.

## Why is this bad?
Two rules differ in a range alone and leave out the one number where they meet: `<` and `>` where one of them was meant to be `<=` or `>=`.

## Example
```yaml
rules:
  - {name: short, when: {tokens: "< 8000"}, use: assistant}
  - {name: long, when: {tokens: "> 8000"}, use: assistant, deadline: 300s}
  - {name: otherwise, use: assistant, deadline: 20s}
```

## Use instead
```yaml
rules:
  - {name: short, when: {tokens: "<= 8000"}, use: assistant}
  - {name: long, when: {tokens: "> 8000"}, use: assistant, deadline: 300s}
  - {name: otherwise, use: assistant, deadline: 20s}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import TableFacts, table_facts
from router.core.dimension import number_ranges
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each number between the ranges of two rules that are alike but for them."""
    facts = table_facts(configuration)
    if facts is None:
        return
    for name, dimension in facts.dimensions.items():
        if dimension.kind == "integer":
            yield from _between(facts, name)


def _between(facts: TableFacts, name: str) -> Iterator[Finding]:
    alike: dict[object, list[int]] = {}
    for number, rule in enumerate(facts.rules):
        if name in rule.accepted:
            rest = frozenset((other, each) for other, each in rule.accepted.items() if other != name)
            alike.setdefault(rest, []).append(number)
    for numbers in alike.values():
        ranges = [
            (number, pair) for number in numbers for pair in number_ranges(facts.rules[number].accepted[name])
        ]
        starts = {low: number for number, (low, _) in ranges}
        for number, (_, high) in ranges:
            above = starts.get(high + 2)
            if above is None or above == number:
                continue
            if not any(low <= high + 1 <= end for _, (low, end) in ranges):
                yield _finding(facts, name, number, above, high + 1)


def _finding(facts: TableFacts, name: str, below: int, above: int, number: int) -> Finding:
    rule, other = facts.rules[below], facts.rules[above]
    return Finding(
        rule.when_spans[name],
        f"`{name}` = {number} falls between `{rule.name}` and `{other.name}`",
        label=f"ends at {number - 1}",
        related=(Related(other.when_spans[name], f"starts at {number + 1}"),),
        help=f"use `<= {number}` here or `>= {number}` there",
        rules=(rule.name, other.name),
    )


CHECK = Check("R405", "off-by-one-gap", "warning", run)
