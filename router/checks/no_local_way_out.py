"""Rules that nothing answers without the network.

## Why is this bad?
It need not be: some work is for large models only. But when the network is gone these calls fail, though a local model might have given
some answer.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}, cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {small: {at: here}, large: {at: cloud}}
rules: [{name: code, when: {task: code}, use: large}, {use: [small, large]}]
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}, cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {small: {at: here}, large: {at: cloud}}
rules: [{name: code, when: {task: code}, use: [large, small]}, {use: [small, large]}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import MOST_RELATED, Check, Finding, blurred
from router.config.known import known_locality, names_are_known
from router.config.reach import offline_places, reached
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the rules whose candidates are all remote, in one finding; an offline model answers for all but `no_degrade`."""
    document, linked = configuration.document, configuration.linked
    if document is None or not names_are_known(configuration):
        return
    if blurred(configuration, "endpoints", "models", "rules", "offline"):
        return
    where = {name: known_locality(configuration, each) for name, each in document.endpoints.items()}
    away = {name for name, locality in where.items() if locality == "remote"}
    if document.offline is not None and ("local" not in where.values() or document.offline.mode == "only"):
        return  # all is remote and its author knows; or it is R509's
    rescued = not offline_places(document, linked) <= away
    rules = [
        rule
        for rule in linked.rules
        if (not rescued or rule.settings.no_degrade)
        and (places := {place for _, place in reached(linked, rule)})
        and places <= away
    ]
    if rules:
        names = [f"`{printable(rule.name)}`" for rule in rules]
        many = len(rules) > 1
        yield Finding(
            rules[0].use_span,
            f"without the network nothing answers {'rules' if many else 'rule'} {listed(names)}",
            label="every candidate is remote",
            related=tuple(Related(rule.use_span, "here too") for rule in rules[1 : MOST_RELATED + 1]),
            help=f"add a local model to {'them' if many else 'it'}, or name one in `offline.use`",
            rules=tuple(rule.name for rule in rules),
        )


CHECK = Check("R808", "no-local-way-out", "info", run)
