"""An answer that may be as long as the whole context window.

## Why is this bad?
Prompt and answer share the window: with `max_tokens` as large as it, no prompt is short enough. Some servers refuse every such call, others
cut the answer without a word.

## Example
```yaml
models: {small: {at: here, context: 4096, options: {max_tokens: 4096}}}
rules: [{use: small}]
```

## Use instead
```yaml
models: {small: {at: here, context: 4096, options: {max_tokens: 1024}}}
rules: [{use: small}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import MOST_RELATED, Check, Finding, blurred
from router.config.conditions import models_in
from router.config.deployments import deployments
from router.config.families import FAMILIES
from router.config.known import is_known, is_written
from router.config.reach import written_rules
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from router.config.language import ModelSettings
    from router.config.load import Configuration
    from router.config.settings import OptionSettings
    from router.diagnostics.source import Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each `max_tokens` that leaves a model no room for the prompt."""
    document = configuration.document
    if document is None or blurred(configuration, "models", "rules"):
        return
    for name, model in document.models.items():
        yield from _of(configuration, model.options, [name], f"model `{printable(name)}`", model=name)
        yield from _of_family(configuration, name, model)
    for name, settings, rows in written_rules(configuration.linked):
        models = dict.fromkeys(each.name for row in rows for use in row.use for each in models_in(use))
        names = tuple(row.name for row in rows)
        yield from _of(configuration, settings.options, models, f"rule `{printable(name)}`", rules=names)


def _of(
    configuration: Configuration,
    options: OptionSettings,
    models: Iterable[str],
    owner: str,
    *,
    model: str = "",
    rules: tuple[str, ...] = (),
) -> Iterator[Finding]:
    asked = options.max_tokens
    if asked is None or not is_written(configuration, options, "max_tokens"):
        return
    known = configuration.document.models if configuration.document is not None else {}
    small = [
        each
        for name in models
        for each in _windows(configuration, name)
        if each[1] <= known[name].clamp.longest(asked)
    ]
    if small:
        name, least, _ = min(small, key=lambda each: each[1])
        whose = "its context window" if name == model else f"the context window of `{printable(name)}`"
        yield Finding(
            options.span("max_tokens"),
            f"{owner} allows answers of {asked:,} tokens, and {whose} holds {least:,} with the prompt",
            label="no room for a prompt",
            related=tuple(
                Related(span, f"the window of `{printable(each)}`") for each, _, span in small[:MOST_RELATED]
            ),
            help="lower `max_tokens`, so that the window holds the prompts too",
            rules=rules,
        )


def _of_family(configuration: Configuration, name: str, model: ModelSettings) -> Iterator[Finding]:
    """Report a family whose usual answers leave its model no room, where the model says nothing of its own."""
    family = FAMILIES.get(model.family or "")
    usual = family.options.get("max_tokens") if family is not None else None
    own = model.options.has("max_tokens") or not is_known(configuration, model, "family", "clamp")
    if not isinstance(usual, int) or own:
        return
    asked = model.clamp.longest(usual)
    small = [each for each in _windows(configuration, name) if each[1] <= asked]
    if small:
        _, least, span = min(small, key=lambda each: each[1])
        yield Finding(
            model.span("family"),
            f"answers of family {model.family} have up to {asked:,} tokens,"
            f" and the context window of `{printable(name)}` holds {least:,} with the prompt",
            label="no room for a prompt",
            related=(Related(span, f"the window of `{printable(name)}`"),),
            help="write `options: {max_tokens: ...}`, so that the window holds the prompts too",
        )


def _windows(configuration: Configuration, name: str) -> Iterator[tuple[str, int, Span]]:
    """Yield each window that a model is known to have, and where it is written."""
    document, places = configuration.document, configuration.linked.places
    for each in deployments(document, places, name) if document is not None else ():
        record = each.place if each.place.has("context") else each.settings
        if each.context is not None and is_known(configuration, record, "context"):
            yield name, each.context, record.span("context")


CHECK = Check("R510", "output-over-context", "error", run)
