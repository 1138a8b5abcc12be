"""A model that cannot take what the rule is for.

## Why is this bad?
The rule asks for calls with tools, images or a wish for JSON, and the model's own `capabilities` say that it cannot take them: it is
skipped every time.

## Example
```yaml
models: {blind: {at: here, capabilities: [tools]}, seeing: {at: here, capabilities: [tools, images]}}
rules: [{when: {images: true}, use: [seeing, blind]}, {use: [blind, seeing]}]
```

## Use instead
```yaml
models: {blind: {at: here, capabilities: [tools]}, seeing: {at: here, capabilities: [tools, images]}}
rules: [{when: {images: true}, use: seeing}, {use: [blind, seeing]}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.conditions import models_in
from router.core.dimension import NEEDS
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each model of a rule whose written capabilities lack what the rule's `when` names."""
    document = configuration.document
    for rule in configuration.linked.rules if document is not None else ():
        needs = [name for name in NEEDS if rule.accepted.get(name) == frozenset({True})]
        for use in rule.use if needs else ():
            for named in models_in(use):
                model = document.models[named.name] if document is not None else None
                missing = (
                    []
                    if model is None or model.capabilities is None
                    else [name for name in needs if name not in model.capabilities]
                )
                if model is not None and missing:
                    yield Finding(
                        named.span,
                        f"`{named.name}` cannot take {', '.join(missing)}, which rule `{rule.name}` is for",
                        label="skipped every time",
                        related=(Related(model.span("capabilities"), "what it can take"),),
                        help=f"take `{named.name}` out of this rule, or add to its capabilities",
                        rules=(rule.name,),
                    )


CHECK = Check("R505", "capability-missing", "error", run)
