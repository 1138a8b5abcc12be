"""A value of a model that each of its endpoints, or its own `clamp`, replaces.

## Why is this bad?
Nothing reads it: whoever changes it changes nothing.

## Example
```yaml
models:
  assistant:
    at: {here: {context: 8192}}
    context: 4096
```

## Use instead
```yaml
models:
  assistant:
    at: {here: {context: 8192}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_known, is_written
from router.config.repair import entry_removed
from router.diagnostics.diagnostic import Fix, Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.language import ModelSettings
    from router.config.load import Configuration

KEYS = ("id", "context", "price")


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each key of a model that every one of its places has itself, in the same file.

    Where files are merged, one may well replace what another says.
    """
    document = configuration.document
    if document is None or blurred(configuration, "models", "endpoints"):
        return
    for name, model in document.models.items():
        for key in KEYS:
            if model.has(key) and _replaced(model, key):
                yield _finding(configuration, name, model, key)
        yield from _clamped(configuration, name, model)


def _clamped(configuration: Configuration, name: str, model: ModelSettings) -> Iterator[Finding]:
    """Report each option of a model that its own bounds never let through."""
    for option, (low, high) in model.clamp.given().items():
        value = getattr(model.options, option)
        outside = value is not None and (
            (low is not None and value < low) or (high is not None and value > high)
        )
        written = is_written(configuration, model.options, option) and is_known(
            configuration, model.clamp, option
        )
        if outside and written:
            yield Finding(
                model.options.key_span(option),
                f"`{option}: {value}` of model `{printable(name)}` is never sent",
                label="outside of the model's own bounds",
                related=(Related(model.clamp.span(option), "bounded here"),),
                help="write a value within the bounds, or change them",
            )


def _replaced(model: ModelSettings, key: str) -> bool:
    file = model.key_span(key).file
    return bool(model.at) and all(
        place.has(key) and place.key_span(key).file == file for _, place in model.at
    )


def _finding(configuration: Configuration, name: str, model: ModelSettings, key: str) -> Finding:
    span = model.key_span(key)
    edits = entry_removed(configuration.source_at(span), model.node, key)
    return Finding(
        span,
        f"`{key}` of model `{printable(name)}` has no effect",
        label="each of its endpoints has its own",
        related=tuple(Related(place.key_span(key), "this one counts") for _, place in model.at[:1]),
        help="remove it, or one of those under `at` that replace it",
        fixes=(Fix(f"remove `{key}`", edits),) if edits else (),
    )


CHECK = Check("R517", "shadowed-value", "warning", run)
