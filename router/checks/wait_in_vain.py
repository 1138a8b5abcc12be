"""Calls that wait for memory which nobody ever gives back.

## Why is this bad?
Under `when_full: wait` no model is unloaded to make room: a call waits until a loaded one is gone. Models go when nobody asked for them for
`idle_unload`; without that, the first ones that are loaded stay, and calls for the others wait until they are sent away.

## Example
```yaml
endpoints: {here: {kind: gguf, path: ./models, memory: 8GiB, when_full: wait}}
models:
  one: {at: here, id: one.gguf, memory: 5GiB}
  two: {at: here, id: two.gguf, memory: 5GiB}
rules: [{use: [one, two]}]
```

## Use instead
```yaml
endpoints: {here: {kind: gguf, path: ./models, memory: 8GiB, when_full: wait, idle_unload: 2m}}
models:
  one: {at: here, id: one.gguf, memory: 5GiB}
  two: {at: here, id: two.gguf, memory: 5GiB}
rules: [{use: [one, two]}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_known, is_written
from router.config.memory import models_at
from router.core.units import show_size
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each `when_full: wait` where not all models fit and none is ever unloaded."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models"):
        return
    for name, endpoint in document.endpoints.items():
        if endpoint.when_full != "wait" or endpoint.has("idle_unload") or endpoint.memory is None:
            continue
        if not is_written(configuration, endpoint, "when_full", "memory"):
            continue
        sizes: dict[str, int] = {}
        for each in models_at(configuration, document, name):
            records = (each.settings, each.place)
            if all(is_known(configuration, record, "memory", "id") for record in records):
                sizes[each.place.id or each.settings.id or each.model] = each.memory or 0
        if sum(sizes.values()) > endpoint.memory and max(sizes.values()) <= endpoint.memory:
            yield Finding(
                endpoint.span("when_full"),
                f"calls at `{printable(name)}` wait for memory that nobody gives back",
                label="nothing is unloaded here, neither for others nor when it is unused",
                related=(
                    Related(
                        endpoint.span("memory"),
                        f"{show_size(endpoint.memory)}, and its models need {show_size(sum(sizes.values()))}",
                    ),
                ),
                help="write `idle_unload` beside it, or `when_full: evict`",
            )


CHECK = Check("R815", "wait-in-vain", "warning", run)
