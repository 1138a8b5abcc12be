"""A table too complex to be analysed exactly.

## Why is this bad?
Whether every rule is reached and every call is matched cannot be told within the budget of 200,000 nodes. The router works all the same.

## Example
```yaml
dimensions: {size: {type: integer}}
rules:
  - {name: a, when: {tokens: "10..50", size: "1..7"}, use: assistant, deadline: 1s}
  - {name: b, when: {tokens: "20..60", size: "3..9"}, use: assistant, deadline: 2s}  # and hundreds of such rules
  - {use: assistant}
```

## Use instead
```yaml
rules:
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
    """Report once that the table could not be walked."""
    facts = table_facts(configuration)
    document = configuration.document
    if facts is not None and document is not None and facts.graph is None:
        yield Finding(
            document.key_span("rules"),
            "these rules cannot be analysed exactly",
            label="too many that cut across each other",
            notes=("gaps and rules that no call reaches are not looked for",),
            help="split the table by fewer dimensions, or use fewer different ranges",
        )


CHECK = Check("R413", "analysis-incomplete", "warning", run)
