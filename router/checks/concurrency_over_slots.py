"""More attempts at once than the endpoint can work on.

## Why is this bad?
A model file answers one call at a time. What is let in beyond that waits inside the engine, where its time limit runs and urgent
calls cannot overtake it, instead of in the queue.

## Example
```yaml
endpoints: {embedded: {kind: gguf, path: ./models, concurrency: 4}}
models: {tiny: {at: embedded, id: tiny.gguf}}
rules: [{use: tiny}]
```

## Use instead
```yaml
endpoints: {embedded: {kind: gguf, path: ./models, concurrency: 1}}
models: {tiny: {at: embedded, id: tiny.gguf}}
rules: [{use: tiny}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.deployments import slots
from router.config.known import is_known, is_written
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each written `concurrency` above the number of models that answer one call at a time."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models"):
        return
    if not all(is_known(configuration, model, "at", "id", "context") for model in document.models.values()):
        return
    for name, answered in slots(document, configuration.linked.places).items():
        endpoint = document.endpoints[name]
        if not is_written(configuration, endpoint, "concurrency"):
            continue
        if endpoint.concurrency is not None and 0 < answered < endpoint.concurrency:
            yield Finding(
                endpoint.span("concurrency"),
                f"endpoint `{printable(name)}` cannot work on {endpoint.concurrency} calls at once",
                label=("its model answers" if answered == 1 else f"each of its {answered} models answers")
                + " one call at a time",
                help=f"write `concurrency: {answered}`: the rest queues, by urgency",
            )


CHECK = Check("R802", "concurrency-over-slots", "warning", run)
