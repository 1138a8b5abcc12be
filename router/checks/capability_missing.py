"""A model that cannot take what the rule is for, or not what its own `capabilities` say.

## Why is this bad?
The rule asks for calls with tools, images or a wish for JSON, and the model's own `capabilities`, or the kind of its
endpoint, say that it cannot take them: it is skipped every time. An endpoint of kind `opencode` is sent text only, whatever
the model behind it could take.

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
from router.config.deployments import deployments
from router.config.kinds import UNABLE, able
from router.core.dimension import NEEDS
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.deployments import DeploymentSettings
    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report what a model is said to take and no endpoint of it can, and each model of a rule that lacks what its `when` names."""
    document = configuration.document
    if document is None:
        return
    places = {
        name: tuple(deployments(document, configuration.linked.places, name)) for name in document.models
    }
    for found in places.values():
        yield from _claimed(found)
    for rule in configuration.linked.rules:
        needs = [name for name in NEEDS if rule.accepted.get(name) == frozenset({True})]
        for use in rule.use if needs else ():
            for named in models_in(use):
                missing, told = _missing(places.get(named.name, ()), needs)
                if missing:
                    yield Finding(
                        named.span,
                        f"`{named.name}` cannot take {', '.join(missing)}, which rule `{rule.name}` is for",
                        label="skipped every time",
                        related=told,
                        help=f"take `{named.name}` out of this rule, or add to its capabilities"
                        if told and told[0].label == WRITTEN
                        else f"take `{named.name}` out of this rule",
                        rules=(rule.name,),
                    )


WRITTEN = "what it can take"


def _missing(
    places: tuple[DeploymentSettings, ...], needs: list[str]
) -> tuple[list[str], tuple[Related, ...]]:
    """Return what no place of a model can take of what is needed, and where that is said."""
    can = [able(each.at.kind, each.settings.capabilities, each.settings.spared) for each in places]
    missing = [name for name in needs if can and all(each is not None and name not in each for each in can)]
    if not missing:
        return [], ()
    model = places[0].settings
    if model.capabilities is not None and not set(missing) <= set(model.capabilities):
        return missing, (Related(model.span("capabilities"), WRITTEN),)
    return missing, (Related(places[0].at.span("kind"), "is sent text only"),)


def _claimed(places: tuple[DeploymentSettings, ...]) -> Iterator[Finding]:
    written = places[0].settings.capabilities if places else None
    claimed = [name for name in written or () if all(name in UNABLE.get(each.at.kind, ()) for each in places)]
    if claimed:
        first = places[0]
        yield Finding(
            first.settings.span("capabilities"),
            f"model `{printable(first.model)}` cannot be sent {', '.join(claimed)} by kind {first.at.kind}",
            label="never used",
            related=(Related(first.at.span("kind"), "is sent text only"),),
            help="write `capabilities: []`" if len(claimed) == len(written or ()) else "leave them out",
        )


CHECK = Check("R505", "capability-missing", "error", run)
