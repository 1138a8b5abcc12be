"""A budget that cannot count what a model costs.

## Why is this bad?
The model's calls cost money and count as nothing: the budget is never spent by them, and does not stop them. Local endpoints cost
nothing unless a price is written.

## Example
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {assistant: {at: cloud}}
costs:
  budgets: [{name: team, limit: $5, per: day}]
```

## Use instead
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {assistant: {at: cloud, price: {input: $0.40, output: $1.60}}}
costs:
  budgets: [{name: team, limit: $5, per: day}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.deployments import unpriced
from router.config.prices import prices_of
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each model with a remote deployment of unknown price in a file with budgets."""
    document = configuration.document
    if document is None or document.costs is None or not document.costs.budgets:
        return
    if blurred(configuration, "endpoints", "models", "costs"):
        return
    for found in unpriced(document, configuration.linked.places, prices_of(configuration)):
        yield Finding(
            document.entry_span("models", found.model),
            f"no budget can count what `{printable(found.model)}` costs: its price is unknown",
            label="no `price`",
            related=(
                Related(found.span, f"`{printable(found.endpoint)}` is remote"),
                Related(document.costs.key_span("budgets"), "to be counted here"),
            ),
            help="write its `price: {input: $N, output: $N}` in dollars per million tokens, or `price: free`",
        )


CHECK = Check("R702", "budget-without-price", "error", run)
