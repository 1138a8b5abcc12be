"""A list of prices that cannot be used.

## Why is this bad?
The prices in it would be missing wherever something is counted.

## Example
```yaml
costs: {prices: nowhere.json}
```

## Use instead
```yaml
models: {assistant: {at: here, price: {input: $0.50, output: $1.50}}}
costs: {ledger: costs.sqlite}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.prices import read_prices
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report a list that is not there or is of another form."""
    document = configuration.document
    if document is None or document.costs is None or document.costs.prices is None:
        return
    if blurred(configuration, "costs"):
        return
    try:
        read_prices(configuration.folder / document.costs.prices)
    except ValueError as error:
        yield Finding(
            document.costs.span("prices"),
            f"the prices in `{printable(document.costs.prices)}` cannot be used",
            label=printable(str(error), 160),
            help="`scripts/prices.py` writes such a file from a table",
        )


CHECK = Check("R312", "bad-price-file", "error", run)
