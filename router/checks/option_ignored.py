"""An option that no endpoint of the model takes.

## Why is this bad?
Its author believes that answers follow it. The kind of endpoint, or the server behind it (`quirks`), has no place for it,
so that it never leaves the file. A model of Anthropic's that is to think (`reasoning_effort`) cannot be given a temperature besides: such a call is refused.

## Example
```yaml
endpoints: {studio: {kind: opencode, url: "http://127.0.0.1:4096"}}
models: {coder: {at: studio, options: {temperature: 0.2}}}
rules: [{use: coder}]
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
models: {coder: {at: here, options: {temperature: 0.2}}}
rules: [{use: coder}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import MOST_RELATED, Check, Finding, blurred
from router.config.deployments import deployments, ignored_at
from router.config.known import is_known
from router.config.reach import reached, written_rules
from router.config.sampling import TEMPERATURE, asked
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.config.deployments import DeploymentSettings
    from router.config.language import Document, ModelSettings
    from router.config.link import Rule
    from router.config.load import Configuration
    from router.config.settings import OptionSettings


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the written options of each model and of each rule that none of its endpoints takes."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models", "rules"):
        return
    yield from _unthinkable(configuration, document)
    places = configuration.linked.places
    met = {name: list(deployments(document, places, name)) for name in document.models}
    if not any(ignored_at(each)[0] for found in met.values() for each in found):
        return
    for name, model in document.models.items():
        yield from _ignored(configuration, model.options, met[name], f"model `{printable(name)}`")
    for name, settings, rows in written_rules(configuration.linked):
        reach = dict.fromkeys(model for row in rows for model, _ in reached(configuration.linked, row))
        found = [each for model in reach for each in met.get(model, ())]
        yield from _ignored(
            configuration,
            settings.options,
            found,
            f"rule `{printable(name)}`",
            tuple(row.name for row in rows),
        )


def _unthinkable(configuration: Configuration, document: Document) -> Iterator[Finding]:
    """Report each model of Anthropic's that is told to think by a rule at no temperature that it thinks at."""
    told: set[str] = set()
    for rule in configuration.linked.rules:
        for name, place in reached(configuration.linked, rule):
            if name in told or document.endpoints[place].kind != "anthropic":
                continue
            asking = next(
                (
                    each
                    for each in (rule.settings.options, document.models[name].options)
                    if each.reasoning_effort
                ),
                None,
            )
            heat = _heat(configuration, document, rule, document.models[name])
            if asking is None or asking.reasoning_effort == "none" or heat is None:
                continue
            told.add(name)
            yield Finding(
                asking.key_span("reasoning_effort"),
                f"`{printable(name)}` is to think in calls of rule `{printable(rule.name)}`, and their temperature is {heat:g}",
                label="Anthropic's models think at temperature 1 alone: these calls are refused",
                help="leave their temperature to the endpoint, or write 1",
                rules=(rule.name,),
                severity="error",
            )


def _heat(configuration: Configuration, document: Document, rule: Rule, model: ModelSettings) -> float | None:
    """Return a temperature other than 1 that calls of a rule have; None where some may have 1, or none of their own."""
    accepted = rule.accepted.get("task")
    tasks = accepted if isinstance(accepted, frozenset) else configuration.linked.dimensions["task"].values
    found = [asked(document, rule.settings.options, model, TEMPERATURE, str(task)) for task in tasks]
    known = is_known(configuration, document, "temperatures") and is_known(
        configuration, model, "family", "clamp"
    )
    written = (rule.settings.options, model.options)
    if not known or not all(is_known(configuration, each, "temperature") for each in written):
        return None
    heats = [each.value for each in found if each is not None and each.value != 1]
    return heats[0] if heats and len(heats) == len(found) else None


def _ignored(
    configuration: Configuration,
    options: OptionSettings,
    places: Sequence[DeploymentSettings],
    owner: str,
    rules: tuple[str, ...] = (),
) -> Iterator[Finding]:
    # An address that is not known yet may turn out to be a server that takes them.
    if not places or not all(is_known(configuration, each.at, "quirks", "url") for each in places):
        return
    left_out = [ignored_at(each) for each in places]
    names = [name for name in options.given() if all(name in ignored for ignored, _ in left_out)]
    if names:
        spans = [options.key_span(name) for name in names]
        who = "its endpoint" if len({each.endpoint for each in places}) == 1 else "any of its endpoints"
        yield Finding(
            spans[0],
            f"{listed(f'`{name}`' for name in names)} of {owner} cannot be sent to {who}",
            label=f"not for {' or '.join(dict.fromkeys(kind for _, kind in left_out))}",
            related=tuple(Related(span, "nor this one") for span in spans[1 : MOST_RELATED + 1]),
            help="remove it" if len(names) == 1 else "remove them",
            rules=rules,
        )


CHECK = Check("R516", "option-ignored", "warning", run)
