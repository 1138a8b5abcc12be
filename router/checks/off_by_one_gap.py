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

from dataclasses import replace
from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import TableFacts, table_facts
from router.config.match import parse_range
from router.config.repair import scalar_at
from router.core.dimension import LEAST, MOST, number_ranges
from router.diagnostics.diagnostic import Edit, Fix, Related

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.config.load import Configuration
    from router.diagnostics.source import Source, Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each number between the ranges of two rules that are alike but for them."""
    facts = table_facts(configuration)
    if facts is None:
        return
    for name, dimension in facts.dimensions.items():
        if dimension.kind == "integer":
            yield from _between(facts, name, configuration.source_at(facts.rules[0].span))


def _between(facts: TableFacts, name: str, source: Source) -> Iterator[Finding]:
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
                found = _finding(facts, name, number, above, high + 1)
                yield replace(found, fixes=_joined(source, found.span, found.related[0].span, high + 1))


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


def _joined(source: Source, below: Span, above: Span, number: int) -> tuple[Fix, ...]:
    """Return the two fixes that give the number to one of the ranges, where they are written as ranges."""
    return (
        *_widened(
            source, below, lambda low, _: f"{low}..{number}" if low > LEAST else f"<= {number}", number
        ),
        *_widened(
            source, above, lambda _, high: f"{number}..{high}" if high < MOST else f">= {number}", number
        ),
    )


def _widened(source: Source, span: Span, text: Callable[[int, int], str], number: int) -> tuple[Fix, ...]:
    found = parse_range(scalar_at(source, span)) if span.file == source.name else None
    if found is None or number not in (found[0] - 1, found[1] + 1):
        return ()  # a list, or a range that another condition narrows
    return (Fix(f"write `{text(*found)}`", (Edit(span, f'"{text(*found)}"'),)),)


CHECK = Check("R405", "off-by-one-gap", "warning", run)
