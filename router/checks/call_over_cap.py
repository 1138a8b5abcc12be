"""One call that may cost more than a whole budget.

## Why is this bad?
A single long prompt can spend the budget of the day, or is refused although nothing has been spent yet. What a call may cost: as long a
prompt as the rule lets through and the context window holds beside the answer, and `max_tokens` of answer, as the rule, the model or its
family says and its `clamp` bounds it; of a machine paid by the hour, the longest attempt. Candidates of which one of these numbers is not
known are left out, and so is a budget of nothing.

## Example
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models:
  assistant: {at: cloud, context: 200000, price: {input: $3, output: $15}, options: {max_tokens: 20000}}
costs:
  budgets: [{name: team, limit: $0.50, per: day}]
```

## Use instead
```yaml
endpoints: {cloud: {kind: openai, url: "https://api.example.com/v1"}}
models:
  assistant: {at: cloud, context: 200000, price: {input: $3, output: $15}, options: {max_tokens: 20000}}
costs:
  budgets: [{name: team, limit: $5, per: day}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import MOST_RELATED, Check, Finding, blurred
from router.checks.guesses import guessed
from router.config.conditions import models_in
from router.config.deployments import deployments
from router.config.prices import prices_of
from router.config.sampling import asked
from router.core.dimension import number_ranges
from router.core.frozen import dataclass
from router.core.units import show_money
from router.core.usage import Usage
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from router.config.deployments import DeploymentSettings
    from router.config.link import Rule
    from router.config.load import Configuration
    from router.core.usage import Price
    from router.diagnostics.source import Span


@dataclass(frozen=True, slots=True)
class _Dear:
    """The dearest call that a rule lets a candidate answer."""

    rule: Rule
    model: str
    span: Span
    price: Price
    tokens: Usage
    seconds: float = 0.0
    family: str = ""

    @property
    def cost(self) -> Decimal:
        return self.price.cost(self.tokens, self.seconds)


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the smallest budget when one call may cost more, with the dearest such call."""
    document = configuration.document
    if document is None or document.costs is None:
        return
    if blurred(configuration, "endpoints", "models", "rules", "costs", "dimensions"):
        return
    budgets = document.costs.budgets
    limited = [each for each in budgets if each.limit > 0 and not guessed(configuration, each, "limit")]
    if not limited:
        return
    budget = min(limited, key=lambda each: each.limit)
    over = [each for each in _calls(configuration) if each.cost > budget.limit]
    if not over:
        return
    dearest = max(over, key=lambda each: each.cost)
    others = {each.model: each for each in over if each.model != dearest.model}
    yield Finding(
        budget.span("limit"),
        f"one call may cost more than the whole budget `{printable(budget.name)}`",
        label=f"one call of `{dearest.model}` may cost {show_money(dearest.cost)}",
        related=tuple(
            Related(each.span, f"`{each.model}` may cost {show_money(each.cost)}")
            for each in (dearest, *list(others.values())[: MOST_RELATED - 1])
        ),
        notes=(_sum(dearest),),
        help="raise the limit, lower `max_tokens`, or bound the prompt with `tokens` in the rule's `when`",
        rules=tuple(dict.fromkeys(each.rule.name for each in over)),
    )


def _calls(configuration: Configuration) -> Iterator[_Dear]:
    document, places = configuration.document, configuration.linked.places
    book = prices_of(configuration)
    if document is None or book is None:
        return
    for rule in configuration.linked.rules:
        for named in (model for use in rule.use for model in models_in(use)):
            for each in deployments(document, places, named.name, book):
                price = each.price
                if price is None or _uncertain(configuration, rule, each):
                    continue
                answer = asked(document, rule.settings.options, each.settings, "max_tokens")
                tokens = _tokens(rule, each, int(answer.value)) if answer is not None else None
                seconds = each.at.timeout.total
                if price.per_hour is not None and seconds is not None:
                    yield _Dear(rule, named.name, named.span, price, Usage(), seconds)
                elif price.per_hour is None and answer is not None and tokens is not None:
                    yield _Dear(rule, named.name, named.span, price, tokens, family=answer.family)


def _tokens(rule: Rule, at: DeploymentSettings, answer: int) -> Usage | None:
    """Return the most tokens of one call with an answer so long, or None when the file does not bound them."""
    if at.context is None or answer >= at.context:
        return None
    prompt = at.context - answer
    ranges = number_ranges(rule.accepted.get("tokens", ()))
    if ranges:
        # A prompt within the rule's own bounds, and as long as fits beside the answer.
        within = [min(high, prompt) for low, high in ranges if low <= prompt]
        if not within:
            return None
        prompt = max(within)
    return Usage(input_tokens=prompt, output_tokens=answer)


def _uncertain(configuration: Configuration, rule: Rule, at: DeploymentSettings) -> bool:
    """Return whether one of the numbers is a variable that nobody has set."""
    return (
        guessed(configuration, at.place, "price", "context")
        or guessed(configuration, at.settings, "price", "context", "options", "family", "clamp")
        or guessed(configuration, rule.settings, "options")
        or guessed(configuration, at.at, "timeout")
    )


def _sum(dear: _Dear) -> str:
    tokens, price = dear.tokens, dear.price
    if price.per_hour is not None:
        return (
            f"rule `{dear.rule.name}`: an attempt of {dear.seconds:g} s at {show_money(price.per_hour)} an hour "
            f"makes {show_money(dear.cost)}"
        )
    family = f" (family {dear.family})" if dear.family else ""
    return (
        f"rule `{dear.rule.name}`: {tokens.input_tokens:,} tokens of prompt at {show_money(price.input)} and "
        f"{tokens.output_tokens:,} of answer{family} at {show_money(price.output)} per million make {show_money(dear.cost)}"
    )


CHECK = Check("R705", "call-over-cap", "warning", run)
