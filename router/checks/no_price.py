"""A model of unknown price in a file that counts costs.

## Why is this bad?
What its calls cost is missing from the ledger and from every report, so that the sums look smaller than they are. Local endpoints cost
nothing unless a price is written.

## Example
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {assistant: {at: cloud}}
costs: {ledger: costs.sqlite}
```

## Use instead
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {assistant: {at: cloud, price: {input: $0.40, output: $1.60}}}
costs: {ledger: costs.sqlite}
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
    """Report each model with a remote deployment of unknown price, where there is no budget that would need it."""
    document = configuration.document
    if document is None or document.costs is None or document.costs.budgets:
        return
    if blurred(configuration, "endpoints", "models", "costs"):
        return
    for found in unpriced(document, configuration.linked.places, prices_of(configuration)):
        yield Finding(
            document.entry_span("models", found.model),
            f"what `{printable(found.model)}` costs is not counted: its price is unknown",
            label="no `price`",
            related=(Related(found.span, f"`{printable(found.endpoint)}` is remote"),),
            help="write its `price: {input: $N, output: $N}` in dollars per million tokens, or `price: free`",
        )


CHECK = Check("R701", "no-price", "warning", run)
