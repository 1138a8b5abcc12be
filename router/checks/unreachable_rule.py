"""A rule that no call reaches.

## Why is this bad?
The rules before it take every call that it would match, so it never acts, and its author believes it does.

## Example
```yaml
rules:
  - {name: code-any, when: {task: code}, use: assistant}
  - {name: code-low, when: {task: code, priority: cost}, use: assistant, deadline: 10s}
  - {use: assistant}
```

## Use instead
```yaml
rules:
  - {name: code-low, when: {task: code, priority: cost}, use: assistant, deadline: 10s}
  - {name: code-any, when: {task: code}, use: assistant, deadline: 20s}
  - {use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import TableFacts, catches_all, table_facts, where
from router.diagnostics.diagnostic import Related
from router.table.cover import containing, covering, earlier, impossible
from router.table.graph import TooComplex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


# So many dead rules are told with the exact set of rules that together take their calls; it is dear.
EXPLAINED = 100


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each dead rule with the earlier ones that together take its calls, none of them to spare.

    A last rule that catches all is good practice, reached or not; rules behind an earlier catch-all and copies of
    one rule are told by findings of their own.
    """
    facts = table_facts(configuration)
    if facts is None or facts.alive is None:
        return
    explained = 0
    for number, rule in enumerate(facts.rules):
        last = number == len(facts.rules) - 1 and catches_all(facts, rule)
        if number in facts.alive or last or impossible(facts.space, number):
            continue
        finding = _finding(facts, number, _causes(facts, number, exactly=explained < EXPLAINED))
        if finding is not None:
            explained += 1
            yield finding


def _causes(facts: TableFacts, number: int, *, exactly: bool) -> list[int]:
    """Return the earlier rules that take a rule's calls; none where they are too many to be told."""
    alone = containing(facts.space, number) & earlier(facts.space, number)
    if alone:
        return [facts.space.leaf(alone)]
    try:
        return covering(facts.space, number) if exactly else []
    except TooComplex:
        return []


def _finding(facts: TableFacts, number: int, causes: list[int]) -> Finding | None:
    rule = facts.rules[number]
    first = facts.rules[causes[0]] if causes else None
    if first is not None and len(causes) == 1:
        copied = first.accepted == rule.accepted and facts.same(causes[0], number)
        if copied or catches_all(facts, first):
            return None
    label = "matches everything it would match" if len(causes) == 1 else "matches part of it"
    return Finding(
        where(rule),
        f"rule `{rule.name}` can never match",
        label="no call reaches this",
        related=tuple(Related(where(facts.rules[cause]), label) for cause in causes),
        help=f"move `{rule.name}` above `{first.name}`, or delete it"
        if first
        else "move it up, or delete it",
        rules=(rule.name, *(facts.rules[cause].name for cause in causes)),
    )


CHECK = Check("R401", "unreachable-rule", "error", run)
