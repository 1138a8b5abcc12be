"""Calls that no rule matches.

## Why is this bad?
Such a call fails with `no_candidate` and reaches no model. Under `hit: unique` it is an error.

## Example
```yaml
rules:
  - {name: code, when: {task: code}, use: assistant}
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
from router.checks.table_facts import conditions, in_words, in_yaml, table_facts
from router.table.graph import GAP
from router.table.regions import regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


SHOWN = 4


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the calls that nothing matches: some regions of them, and rules to paste."""
    facts = table_facts(configuration)
    document = configuration.document
    if (
        facts is None
        or document is None
        or facts.graph is None
        or facts.alive is None
        or GAP not in facts.alive
    ):
        return
    found = []
    for region in regions(facts.space, facts.graph, lambda leaf: leaf == GAP):
        found.append(conditions(facts, region))
        if len(found) > SHOWN:
            break
    model = next(iter(document.models), "MODEL")
    more = ("and more",) if len(found) > SHOWN else ()
    yield Finding(
        document.key_span("rules"),
        "some calls match no rule",
        label="these rules leave calls out",
        notes=(*(f"no rule when {in_words(each)}" for each in found[:SHOWN]), *more),
        help=f"add a last rule without `when`, or: - {{when: {in_yaml(found[0])}, use: {model}}}",
        severity="error" if facts.unique else None,
    )


CHECK = Check("R404", "gap", "warning", run)
