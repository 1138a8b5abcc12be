"""A model whose price is unknown, where costs are counted.

## Why is this bad?
What it costs is missing in every report, and a budget could never hold it back: under a budget it is an error.
Known are prices in the file, in its list of prices, and the public ones of some hosts that come with the package.

## Example
```yaml
endpoints: {cloud: {kind: openai, url: "https://llm.example.com/v1", key: "${env:CLOUD_KEY:-}"}}
models: {assistant: {at: cloud}}
rules: [{use: assistant}]
costs: {budgets: [{name: team, limit: $5}]}
```

## Use instead
```yaml
endpoints: {cloud: {kind: openai, url: "https://llm.example.com/v1", key: "${env:CLOUD_KEY:-}"}}
models: {assistant: {at: cloud, price: {input: $0.50, output: $1.50}}}
rules: [{use: assistant}]
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
    """Report each model of an unknown price; an error where a budget is to hold it back."""
    document = configuration.document
    if document is None or document.costs is None or blurred(configuration, "endpoints", "models", "costs"):
        return
    bounded = any(budget.then != "warn" for budget in document.costs.budgets)
    book = price_book(document, configuration.folder)
    for model, endpoint in book.unknown(document, configuration.linked.places):
        yield Finding(
            document.entry_span("models", model),
            f"what `{printable(model)}` costs at `{printable(endpoint)}` is unknown",
            label="no budget can hold it back" if bounded else "missing in reports",
            help="write `price: {input: $N, output: $N}` (dollars per million tokens), or `price: free`",
            severity="error" if bounded else None,
        )


CHECK = Check("R701", "unknown-price", "warning", run)
