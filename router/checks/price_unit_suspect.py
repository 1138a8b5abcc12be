"""A price that seems to be written in another unit.

## Why is this bad?
Prices are dollars per million tokens. One that is written per token or per thousand makes every sum a thousand or a million times too
small, and no budget ever acts. Hosted models cost between a cent and some hundred dollars per million tokens: what is below $0.001 or above
$1,000 is surely something else. Output is never ten times cheaper than input; a price of 0 is taken as it is.

## Example
```yaml
models: {assistant: {at: here, price: {input: $0.000003, output: $0.000015}}}
```

## Use instead
```yaml
models: {assistant: {at: here, price: {input: $3, output: $15}}}
```
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.checks.guesses import guessed
from router.config.node import Mapping
from router.core.units import show_money
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.language import ModelSettings, PlaceSettings
    from router.config.load import Configuration
    from router.core.usage import Price
    from router.diagnostics.source import Span

# Dollars per million tokens outside of which a price is surely of another unit; the cheapest that is sold is ten
# times the lower bound, the dearest less than the upper one.
LEAST, MOST = Decimal("0.001"), Decimal(1000)
# What a hosted model may cost, to tell which unit was meant.
_USUAL = Decimal("0.01"), Decimal(200)
_UNITS = (
    ("a token", Decimal(1_000_000)),
    ("a thousand tokens", Decimal(1000)),
    ("a billion tokens", Decimal("0.001")),
)
_TIMES_CHEAPER = 10


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such price, with what it would be in the units it may be written in."""
    document = configuration.document
    if document is None or blurred(configuration, "models"):
        return
    for name, model in document.models.items():
        owners: list[ModelSettings | PlaceSettings] = [model, *(place for _, place in model.at)]
        for owner in owners:
            if owner.price is not None and not guessed(configuration, owner, "price"):
                yield from _of_price(f"`{printable(name)}`", owner.price, owner)


def _of_price(model: str, price: Price, owner: ModelSettings | PlaceSettings) -> Iterator[Finding]:
    written = {"input": price.input, "output": price.output}
    odd = {key: value for key, value in written.items() if value and not LEAST <= value <= MOST}
    if odd:
        key, value = next(iter(odd.items()))
        size = "small" if value < LEAST else "large"
        yield Finding(
            _span(owner, key),
            f"the price of {model} seems too {size} for a million tokens",
            label=f"{show_money(value)} for a million tokens",
            notes=_readings(odd),
            help="write dollars per million tokens",
        )
    elif 0 < price.output * _TIMES_CHEAPER < price.input:
        yield Finding(
            _span(owner, "output"),
            f"the output of {model} is more than ten times cheaper than its input",
            label=f"{show_money(price.output)}, and {show_money(price.input)} for input",
            help="write both in dollars per million tokens, each under its own key",
        )


def _span(owner: ModelSettings | PlaceSettings, key: str) -> Span:
    node = owner.node.entries.get("price")
    found = node.entries.get(key) if isinstance(node, Mapping) else None
    return found.span if found is not None else owner.span("price")


def _readings(odd: dict[str, Decimal]) -> tuple[str, ...]:
    """Return what these prices would be per million tokens, for each unit that gives usual ones."""
    least, most = _USUAL
    return tuple(
        f"if it is for {unit}, that is `{{{', '.join(f'{key}: {show_money(value * factor)}' for key, value in odd.items())}}}`"
        for unit, factor in _UNITS
        if all(least <= value * factor <= most for value in odd.values())
    )


CHECK = Check("R703", "price-unit-suspect", "warning", run)
