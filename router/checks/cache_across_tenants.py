"""A cache that gives one group's answers to another.

## Why is this bad?
Calls that differ only in this dimension share their kept answers: what was answered for one tenant, or from private data, is given to the
next who asks the same. Without `separate` a cache keeps every dimension of the file's own apart. Dimensions that no rule asks for, and those whose
values never meet at one model, are left out.

## Example
```yaml
dimensions:
  tenant: {values: [red, blue, green], default: red}
  region: {values: [north, south], default: north}
rules:
  - {when: {tenant: red}, use: assistant}
  - {when: {region: north}, use: assistant, deadline: 30s}
  - {use: assistant, deadline: 60s}
cache: {separate: [region]}
```

## Use instead
```yaml
dimensions:
  tenant: {values: [red, blue, green], default: red}
  region: {values: [north, south], default: north}
rules:
  - {when: {tenant: red}, use: assistant}
  - {when: {region: north}, use: assistant, deadline: 30s}
  - {use: assistant, deadline: 60s}
cache: {separate: [tenant, region]}
```
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred, did_you_mean
from router.checks.deciders import deciders
from router.checks.guesses import guessed
from router.checks.table_facts import in_words
from router.config.conditions import models_in
from router.core.dimension import BUILT_IN, MEASURED
from router.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.config.load import Configuration
    from router.core.dimension import Accepted, Dimension, Value

_NOT_ITS_OWN = frozenset(each.name for each in (*BUILT_IN, *MEASURED))
# Values of one dimension that are looked at: two that meet at a model are enough.
_MOST = 64


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each dimension that rules ask for, that `separate` leaves out and whose values meet at a model."""
    document, linked = configuration.document, configuration.linked
    cache = document.cache if document is not None else None
    if cache is None or not cache.has("separate") or guessed(configuration, cache, "separate"):
        return
    if blurred(configuration, "dimensions", "models", "rules", "cache"):
        return
    apart = [each.name for each in cache.separate or ()]
    asked = {name for rule in linked.rules for name in rule.accepted}
    strangers = [name for name in apart if name not in linked.dimensions]
    for name, dimension in linked.dimensions.items():
        if name in _NOT_ITS_OWN or name in apart or name not in asked:
            continue
        meeting = _meeting(configuration, dimension)
        if meeting is not None:
            one, other, model = meeting
            misspelt = next((each for each in strangers if nearest(each, [name])), None)
            yield Finding(
                cache.span("separate"),
                f"the cache gives answers of one `{name}` to another",
                label=f"`{name}` is left out",
                notes=(f"`{model}` answers when {in_words({name: one})} and when {in_words({name: other})}",),
                help=did_you_mean(name) if misspelt else f"add `{name}`, or leave out `separate`",
            )


def _meeting(configuration: Configuration, dimension: Dimension) -> tuple[Value, Value, str] | None:
    """Return two values of a dimension and a model that keeps answers of calls with either; None if there are none."""
    first: dict[str, Value] = {}
    for value, accepted in islice(_values(dimension), _MOST):
        for model in _models(configuration, {dimension.name: accepted}):
            if model in first:
                return first[model], value, model
            first[model] = value
    return None


def _values(dimension: Dimension) -> Iterator[tuple[Value, Accepted]]:
    if dimension.kind == "boolean":
        yield from ((flag, frozenset({flag})) for flag in (False, True))
    elif dimension.kind == "words":
        yield from ((word, frozenset({word})) for word in dimension.values)
    else:
        yield from ((number, ((number, number),)) for number in (0, 1))


def _models(configuration: Configuration, about: Mapping[str, Accepted]) -> list[str]:
    """Return the models that some of these calls reach by a rule that keeps answers."""
    rules = configuration.linked.rules
    kept = [rules[number] for number in sorted(deciders(configuration, about))]
    uses = (use for rule in kept if rule.settings.cache != "off" for use in rule.use)
    return list(dict.fromkeys(named.name for use in uses for named in models_in(use)))


CHECK = Check("R609", "cache-across-tenants", "warning", run)
