"""A budget that nothing is charged to.

## Why is this bad?
Every model is free: the sum never changes, and who wrote it believes that something is bounded. Local endpoints are free unless a price is written.

## Example
```yaml
costs: {budgets: [{name: team, limit: $5}]}
```

## Use instead
```yaml
models: {assistant: {at: here, price: {per_hour: $0.40}}}
costs: {budgets: [{name: team, limit: $5}]}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.prices import price_book
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each budget of a file whose models are all free."""
    document = configuration.document
    if document is None or document.costs is None or not document.models:
        return
    if blurred(configuration, "endpoints", "models", "costs"):
        return
    if price_book(document, configuration.folder).paid(document, configuration.linked.places):
        return
    for budget in document.costs.budgets:
        yield Finding(
            budget.span("limit"),
            f"nothing is ever charged to the budget `{printable(budget.name)}`",
            label="every model is free",
            help="write what the models cost, or remove the budget",
        )


CHECK = Check("R702", "idle-budget", "warning", run)
