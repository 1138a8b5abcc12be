"""A share or a balance with nothing to choose from.

## Why is this bad?
Whoever reads it believes that calls are spread. A `weight` counts under `balance: weighted` alone, and to balance or to split takes two.

## Example
```yaml
models: {small: {at: here}, large: {at: here}}
rules: [{when: {task: code}, use: {split: {small: 100}}}, {use: large}]
```

## Use instead
```yaml
models: {small: {at: here}, large: {at: here}}
rules: [{when: {task: code}, use: {split: {small: 90, large: 10}}}, {use: large}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import MOST_RELATED, Check, Finding, blurred
from router.config.conditions import Split
from router.config.known import is_known, is_written
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.language import ModelSettings
    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report weights and balances of models, and splits of rules, that decide nothing."""
    document = configuration.document
    if document is None or blurred(configuration, "models", "rules"):
        return
    for name, model in document.models.items():
        yield from _model(configuration, printable(name), model)
    for rule in configuration.linked.rules:
        for use in rule.use:
            if isinstance(use, Split) and len(use.shares) == 1:
                only = printable(use.shares[0][0].name)
                yield Finding(
                    use.span,
                    f"the split of rule `{printable(rule.name)}` has one model",
                    label=f"every call goes to `{only}`",
                    help=f"write `{only}` alone, or add another model",
                    rules=(rule.name,),
                )


def _model(configuration: Configuration, name: str, model: ModelSettings) -> Iterator[Finding]:
    if not is_known(configuration, model, "balance"):
        return
    balanced = model.has("balance") and model.balance != "ordered"
    if balanced and len(model.at) == 1:
        yield Finding(
            model.span("balance"),
            f"model `{name}` is at one endpoint",
            label="nothing to balance",
            help="remove `balance`, or add an endpoint to `at`",
        )
        return
    weighed = [place for _, place in model.at if is_written(configuration, place, "weight")]
    if weighed and model.balance != "weighted":
        spans = [place.span("weight") for place in weighed]
        yield Finding(
            spans[0],
            f"nothing asks for a weight of model `{name}`: its `balance` is `{model.balance}`",
            label="has no effect",
            related=tuple(Related(span, "nor this one") for span in spans[1 : MOST_RELATED + 1]),
            help="write `balance: weighted`, or remove the weight"
            if len(model.at) > 1
            else "remove it: the model is at one endpoint",
        )


CHECK = Check("R513", "dead-weight", "warning", run)
