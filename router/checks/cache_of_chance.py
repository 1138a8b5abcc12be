"""Kept answers that were drawn by chance.

## Why is this bad?
At a temperature above 0 an equal call gets another answer each time. `cache: always` keeps the first one, good or bad, and gives it to
everybody. A temperature that nobody writes is the family's, else left to the endpoint, which seldom takes 0. Answers at temperature 0 or with a seed are certain:
a cache keeps them without `always`.

## Example
```yaml
models: {assistant: {at: here, options: {temperature: 0.7}}}
rules: [{use: assistant, cache: always}]
cache: {ttl: 1h}
```

## Use instead
```yaml
models: {assistant: {at: here, options: {temperature: 0.7}}}
rules: [{use: assistant, options: {temperature: 0}}]
cache: {ttl: 1h}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.checks.deciders import deciders
from router.config.conditions import models_in
from router.config.known import is_known
from router.config.sampling import DEFAULT, TEMPERATURE, asked
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.conditions import Named
    from router.config.language import Document
    from router.config.link import Rule
    from router.config.load import Configuration
    from router.config.sampling import Asked


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each `cache: always` whose rule has a candidate that answers by chance."""
    document = configuration.document
    if document is None or blurred(configuration, "models", "rules", "temperatures", "dimensions"):
        return
    known = {*configuration.linked.dimensions["task"].values, DEFAULT}
    if not known.issuperset(document.temperatures or {}):
        return  # that is what is wrong
    told: set[int] = set()
    for number, rule in enumerate(configuration.linked.rules):
        settings = rule.settings
        # The rows of a matrix share one `cache`.
        if settings.cache != "always" or settings.options.seed is not None or id(settings) in told:
            continue
        found = _by_chance(configuration, document, number, rule)
        if found is not None:
            told.add(id(settings))
            yield _finding(rule, *found)


def _by_chance(
    configuration: Configuration, document: Document, number: int, rule: Rule
) -> tuple[Named, Asked | None, str | None] | None:
    """Return the first candidate that answers by chance, its temperature, and the task if that decides it."""
    tasks = [task for task in document.temperatures or {} if task != DEFAULT]
    options = rule.settings.options
    for named in (model for use in rule.use for model in models_in(use)):
        model = document.models[named.name]
        unknown = not is_known(configuration, model, "family", "clamp")
        if unknown or asked(document, options, model, "seed") is not None:
            continue
        fixed = asked(document, options, model, TEMPERATURE)
        open_to = [] if options.temperature is not None else tasks
        drawn = {task: asked(document, options, model, TEMPERATURE, task) for task in open_to}
        others = frozenset(configuration.linked.dimensions["task"].values) - frozenset(open_to)
        if _draws(fixed) and number in deciders(configuration, {"task": others} if open_to else {}):
            return named, fixed, None
        for task, heat in drawn.items():
            if _draws(heat) and number in deciders(configuration, {"task": frozenset({task})}):
                return named, heat, task
    return None


def _draws(temperature: Asked | None) -> bool:
    return temperature is None or temperature.value != 0


def _finding(rule: Rule, named: Named, temperature: Asked | None, task: str | None) -> Finding:
    calls = f" calls whose task is {task}" if task is not None else ""
    if temperature is None:
        how = "at the endpoint's own temperature"
    else:
        family = f" (family {temperature.family})" if temperature.family else ""
        how = f"at temperature {temperature.value:g}{family}"
    return Finding(
        rule.settings.span("cache"),
        f"rule `{rule.name}` keeps answers that were drawn by chance",
        label="kept, whatever they are",
        related=(Related(named.span, f"`{named.name}` answers{calls} {how}"),),
        help="leave out `always`, or set `temperature: 0` or a `seed` for this rule",
        rules=(rule.name,),
    )


CHECK = Check("R805", "cache-of-chance", "warning", run)
