"""Models that are to be in memory all at once, and do not fit there together.

## Why is this bad?
A pinned model never makes room again, and a preloaded one is loaded at the start. Together they need more than the endpoint, or this
machine, has: the last of them are not loaded, and where the others are pinned they never will be.

## Example
```yaml
endpoints: {here: {kind: gguf, path: ./models, memory: 8GiB}}
models:
  small: {at: here, id: small.gguf, memory: 3GiB, pin: true}
  large: {at: here, id: large.gguf, memory: 6GiB, pin: true}
rules: [{use: [small, large]}]
```

## Use instead
```yaml
endpoints: {here: {kind: gguf, path: ./models, memory: 8GiB}}
models:
  small: {at: here, id: small.gguf, memory: 3GiB, pin: true}
  large: {at: here, id: large.gguf, memory: 6GiB}
rules: [{use: [small, large]}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_known, is_written, known_locality
from router.config.memory import models_at
from router.core.units import show_size
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from router.config.deployments import DeploymentSettings
    from router.config.language import Document
    from router.config.load import Configuration
    from router.diagnostics.source import Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each limit below the sum of what is to stay under it; a model that is too large alone is R801."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models", "machine"):
        return
    for name, endpoint in document.endpoints.items():
        if is_written(configuration, endpoint, "memory") and endpoint.memory is not None:
            stay = _stay(configuration, models_at(configuration, document, name))
            yield from _over(endpoint.memory, endpoint.span("memory"), f"`{printable(name)}`", stay)
    machine = document.machine
    if machine is not None and is_written(configuration, machine, "memory"):
        stay = _stay(configuration, _local(configuration, document))
        if len({each.endpoint for each in stay}) > 1:
            yield from _over(machine.memory, machine.span("memory"), "this machine", stay)


def _local(configuration: Configuration, document: Document) -> Iterator[DeploymentSettings]:
    for name, endpoint in document.endpoints.items():
        if known_locality(configuration, endpoint) == "local":
            yield from models_at(configuration, document, name)


def _stay(configuration: Configuration, found: Iterable[DeploymentSettings]) -> list[DeploymentSettings]:
    """Return the deployments that stay in memory and of which it is known how large they are, each file once."""
    stay: dict[tuple[str, str], DeploymentSettings] = {}
    for each in found:
        known = is_known(configuration, each.settings, "pin", "preload", "memory", "id") and is_known(
            configuration, each.place, "memory", "id"
        )
        if known and each.memory is not None and (each.settings.pin or each.settings.preload):
            stay.setdefault((each.endpoint, each.place.id or each.settings.id or each.model), each)
    return list(stay.values())


def _over(limit: int, span: Span, where: str, stay: Sequence[DeploymentSettings]) -> Iterator[Finding]:
    sizes = [each.memory or 0 for each in stay]
    if sum(sizes) <= limit or any(size > limit for size in sizes):
        return
    yield Finding(
        span,
        f"what is pinned or preloaded does not fit together into {where}",
        label=f"{show_size(limit)}, and they need {show_size(sum(sizes))}",
        related=tuple(
            Related(
                each.settings.key_span("pin" if each.settings.pin else "preload"),
                f"`{printable(each.model)}` needs {show_size(each.memory or 0)}",
            )
            for each in stay
        ),
        help="raise the limit, or remove `pin` or `preload` from one of them",
    )


CHECK = Check("R812", "memory-overcommitted", "error", run)
