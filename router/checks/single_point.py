"""Rules that one endpoint alone can answer.

## Why is this bad?
It need not be: there may be no second place. But while that endpoint is down these calls fail, though the file has others.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}, there: {kind: openai, url: "http://127.0.0.1:8081/v1"}}
models: {small: {at: here}, large: {at: there}}
rules: [{name: code, when: {task: code}, use: large}, {use: [small, large]}]
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}, there: {kind: openai, url: "http://127.0.0.1:8081/v1"}}
models: {small: {at: here}, large: {at: there}}
rules: [{name: code, when: {task: code}, use: [large, small]}, {use: [small, large]}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import MOST_RELATED, Check, Finding, blurred
from router.config.known import names_are_known
from router.config.reach import offline_places, reached
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the rules all of whose candidates, and offline models, are at one of several endpoints, in one finding."""
    document, linked = configuration.document, configuration.linked
    if document is None or not names_are_known(configuration):
        return
    if blurred(configuration, "endpoints", "models", "rules", "offline"):
        return
    used = {place for places in linked.places.values() for place in places}
    if len(used) < 2:  # noqa: PLR2004 - two make a choice
        return
    offline = offline_places(document, linked)
    rules = []
    for rule in linked.rules:
        places = {place for _, place in reached(linked, rule)}
        if len(places) == 1 and (rule.settings.no_degrade or offline <= places):
            rules.append(rule)
    if rules:
        names = [f"`{printable(rule.name)}`" for rule in rules]
        many = len(rules) > 1
        yield Finding(
            rules[0].use_span,
            f"{'rules' if many else 'rule'} {listed(names)} {'have one endpoint each' if many else 'has one endpoint'}",
            label="when it is down, the calls fail",
            related=tuple(Related(rule.use_span, "here too") for rule in rules[1 : MOST_RELATED + 1]),
            help="add a model at another endpoint",
            rules=tuple(rule.name for rule in rules),
        )


CHECK = Check("R809", "single-point", "info", run)
