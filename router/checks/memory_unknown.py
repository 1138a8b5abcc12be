"""A model of which nobody knows how large it is, where memory is limited.

## Why is this bad?
The size of a GGUF file's model is computed, and Ollama tells its own. What an OpenAI-compatible server loads is unknown: such a model has
the whole limit to itself, so that every other model is unloaded for it.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", memory: 8GiB}}
models:
  small: {at: here}
  large: {at: here, memory: 6GiB}
rules: [{use: [small, large]}]
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", memory: 8GiB}}
models:
  small: {at: here, memory: 2GiB}
  large: {at: here, memory: 6GiB}
rules: [{use: [small, large]}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.memory import models_at
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each model without `memory` that shares a limited OpenAI-compatible endpoint with another."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models"):
        return
    for name, endpoint in document.endpoints.items():
        if endpoint.kind != "openai" or not endpoint.has("memory"):
            continue
        models = models_at(configuration, document, name)
        for each in models:
            if len(models) > 1 and not (each.settings.has("memory") or each.place.has("memory")):
                yield Finding(
                    each.span,
                    f"how large `{printable(each.model)}` is at `{printable(name)}` is not known",
                    label="it has all of the memory there to itself",
                    related=(Related(endpoint.span("memory"), "what all its models have together"),),
                    help="write what it occupies as its `memory`",
                )


CHECK = Check("R814", "memory-unknown", "warning", run)
