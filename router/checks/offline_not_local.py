"""A step without a network that needs the network.

## Why is this bad?
The models of `offline.use` answer when every candidate failed or the network is gone, and `mode: only` never contacts a remote endpoint. A
model that has no local deployment is no help in either.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}, cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {assistant: {at: here}, large: {at: cloud}}
rules: [{use: [large, assistant]}]
offline: {use: [large]}
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}, cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {assistant: {at: here}, large: {at: cloud}}
rules: [{use: [large, assistant]}]
offline: {use: [assistant]}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_written, known_locality
from router.config.reach import offline_models, offline_places, reached
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.link import Linked
    from router.config.load import Configuration
    from router.config.settings import OfflineSettings


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such model of `offline.use`, and with `mode: only` each rule without a local candidate."""
    document = configuration.document
    if document is None or document.offline is None:
        return
    if blurred(configuration, "endpoints", "models", "rules", "offline"):
        return
    away = {
        name
        for name, endpoint in document.endpoints.items()
        if known_locality(configuration, endpoint) == "remote"
    }
    linked = configuration.linked
    for model in offline_models(document):
        places = linked.places.get(model.name)
        if not places or not away.issuperset(places):
            continue
        yield Finding(
            model.span,
            f"`{printable(model.name)}` is to answer without a network, and all its endpoints are remote",
            label="it needs the network",
            related=(Related(document.entry_span("endpoints", places[0]), "remote"),),
            help="name a model at a local endpoint, or write `locality: local` if this one stays on your machines",
        )
    if document.offline.mode == "only" and is_written(configuration, document.offline, "mode"):
        yield from _rules(
            linked, document.offline, away, rescued=not offline_places(document, linked) <= away
        )


def _rules(linked: Linked, offline: OfflineSettings, away: set[str], *, rescued: bool) -> Iterator[Finding]:
    """Yield each rule that no model ever answers, unless a local model of `offline.use` does."""
    for rule in linked.rules:
        if rescued and not rule.settings.no_degrade:
            continue
        places = {place for _, place in reached(linked, rule)}
        if places and places <= away:
            yield Finding(
                rule.use_span,
                f"no model ever answers rule `{printable(rule.name)}`: all its candidates are remote",
                label="never contacted",
                related=(Related(offline.span("mode"), "nothing remote is contacted"),),
                help="add a local model to the rule"
                + ("" if rule.settings.no_degrade else " or to `offline.use`")
                + ", or write `mode: auto`",
                rules=(rule.name,),
            )


CHECK = Check("R509", "offline-not-local", "error", run)
