"""A failover to a dearer model.

## Why is this bad?
While the first choice is down, every call costs more; an outage of an hour may cost a month. It may be meant: this is told at info level
only. Compared are remote candidates whose price is written, where neither price is lower and one is higher.

## Example
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models:
  small: {at: cloud, price: {input: $0.40, output: $1.60}}
  large: {at: cloud, price: {input: $2, output: $8}}
rules: [{use: [small, large]}]
```

## Use instead
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models:
  small: {at: cloud, price: {input: $0.40, output: $1.60}}
  large: {at: cloud, price: {input: $2, output: $8}}
rules: [{when: {complexity: complex}, use: [large, small]}, {use: small}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.checks.guesses import guessed
from router.config.conditions import models_in
from router.config.deployments import deployments
from router.config.prices import prices_of
from router.core.frozen import dataclass
from router.core.units import show_money
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from router.config.language import Document
    from router.config.link import Rule
    from router.config.load import Configuration
    from router.config.prices import PriceBook
    from router.core.usage import Price


@dataclass(frozen=True, slots=True)
class _Choice:
    """A remote deployment with a price."""

    model: str
    endpoint: str
    price: Price


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report for each rule the last candidate that is dearer than all before it; the same two in many rules once."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models", "rules"):
        return
    book = prices_of(configuration)
    if book is None:
        return
    choices = {model: _choices(configuration, document, model, book) for model in document.models}
    steps: dict[tuple[_Choice, _Choice], list[Rule]] = {}
    for rule in configuration.linked.rules:
        step = _step(_turns(rule, choices))
        if step is not None:
            steps.setdefault(step, []).append(rule)
    for step, rules in steps.items():
        yield _finding(*step, rules)


def _step(turns: Iterable[list[_Choice]]) -> tuple[_Choice, _Choice] | None:
    """Return the first choice and the last one that is dearer than all before it, if there is one."""
    before: list[_Choice] = []
    found: tuple[_Choice, _Choice] | None = None
    for turn in turns:
        dearer = [each for each in turn if before and all(_dearer(each, other) for other in before)]
        found = (before[0], dearer[0]) if dearer else found
        before += turn
    return found


def _choices(configuration: Configuration, document: Document, model: str, book: PriceBook) -> list[_Choice]:
    """Return the remote deployments of a model whose price is known, in order."""
    return [
        _Choice(model, each.endpoint, each.price)
        for each in deployments(document, configuration.linked.places, model, book)
        if each.remote
        and each.price is not None
        and each.price.per_hour is None  # which no number of tokens compares with
        and not guessed(configuration, each.place, "price")
        and not guessed(configuration, each.settings, "price")
    ]


def _turns(rule: Rule, choices: Mapping[str, list[_Choice]]) -> Iterator[list[_Choice]]:
    """Yield what may be tried next, in order: one deployment, or for a split those of all its sides."""
    for use in rule.use:
        named = models_in(use)
        if len(named) > 1:
            yield [each for model in named for each in choices[model.name]]
        else:
            yield from ([each] for each in choices[named[0].name])


def _dearer(one: _Choice, other: _Choice) -> bool:
    prices = ((one.price.input, other.price.input), (one.price.output, other.price.output))
    return all(here >= there for here, there in prices) and any(here > there for here, there in prices)


def _finding(first: _Choice, dear: _Choice, rules: list[Rule]) -> Finding:
    place = f" at `{dear.endpoint}`" if dear.model == first.model else ""
    named = (model for use in rules[0].use for model in models_in(use))
    return Finding(
        next(model.span for model in named if model.name == dear.model),
        f"`{first.model}` fails over to `{dear.model}`{place}, which is dearer",
        label="calls cost more here",
        notes=(
            f"`{first.model}` at `{first.endpoint}`: {_shown(first.price)}",
            f"`{dear.model}` at `{dear.endpoint}`: {_shown(dear.price)}",
            *((f"it is so in rules {listed(f'`{rule.name}`' for rule in rules)}",) if len(rules) > 1 else ()),
        ),
        help="name one that costs less, or leave it so if that is meant",
        rules=tuple(rule.name for rule in rules),
    )


def _shown(price: Price) -> str:
    return f"{show_money(price.input)} in, {show_money(price.output)} out, for a million tokens"


CHECK = Check("R704", "dearer-failover", "info", run)
