"""An option that no endpoint of the model takes.

## Why is this bad?
Its author believes that answers follow it. The kind of endpoint has no place for it, so that it never leaves the file.

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
from router.config.kinds import IGNORED
from router.config.reach import reached, written_rules
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from router.config.load import Configuration
    from router.config.settings import OptionSettings


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the written options of each model and of each rule that none of its endpoints takes."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models", "rules"):
        return
    kinds = {name: endpoint.kind for name, endpoint in document.endpoints.items()}
    if not IGNORED.keys() & kinds.values():
        return
    for name, model in document.models.items():
        met = [kinds[place] for place in configuration.linked.places[name]]
        yield from _ignored(model.options, met, f"model `{printable(name)}`")
    for name, settings, rows in written_rules(configuration.linked):
        met = [kinds[place] for row in rows for _, place in reached(configuration.linked, row)]
        yield from _ignored(
            settings.options, met, f"rule `{printable(name)}`", tuple(row.name for row in rows)
        )


def _ignored(
    options: OptionSettings, kinds: Iterable[str], owner: str, rules: tuple[str, ...] = ()
) -> Iterator[Finding]:
    met = dict.fromkeys(kinds)
    names = [name for name in options.given() if met and all(name in IGNORED.get(kind, ()) for kind in met)]
    if names:
        spans = [options.key_span(name) for name in names]
        who = "its endpoint" if len(met) == 1 else "any of its endpoints"
        yield Finding(
            spans[0],
            f"{listed(f'`{name}`' for name in names)} of {owner} cannot be sent to {who}",
            label=f"not for kind {' or '.join(met)}",
            related=tuple(Related(span, "nor this one") for span in spans[1 : MOST_RELATED + 1]),
            help="remove it" if len(names) == 1 else "remove them",
            rules=rules,
        )


CHECK = Check("R516", "option-ignored", "warning", run)
