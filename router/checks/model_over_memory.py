"""A model that does not fit where it is served.

## Why is this bad?
The model alone is larger than what its endpoint, or this machine, has for all models together: it is never loaded, and every call to it
fails. `machine` counts for local endpoints.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", memory: 8GiB}}
models: {assistant: {at: here, memory: 20GiB}}
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", memory: 24GiB}}
models: {assistant: {at: here, memory: 20GiB}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.deployments import deployments
from router.config.known import is_known, is_written, known_locality
from router.core.units import show_size
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.deployments import DeploymentSettings
    from router.config.load import Configuration
    from router.config.settings import MachineSettings
    from router.diagnostics.source import Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each written size of a model that is larger than the memory at an endpoint it holds for."""
    document, places = configuration.document, configuration.linked.places
    if document is None or blurred(configuration, "endpoints", "models", "machine"):
        return
    for name in document.models:
        tight: dict[Span, list[tuple[DeploymentSettings, Related]]] = {}
        for each in deployments(document, places, name):
            budget = _budget(configuration, document.machine, each)
            if budget is not None:
                written = each.place if each.place.has("memory") else each.settings
                tight.setdefault(written.span("memory"), []).append((each, budget))
        for span, found in tight.items():
            where = ", ".join(f"`{printable(each.endpoint)}`" for each, _ in found)
            yield Finding(
                span,
                f"`{printable(name)}` does not fit at {where}",
                label=f"needs {show_size(found[0][0].memory or 0)}",
                related=tuple(dict.fromkeys(budget for _, budget in found)),
                help="raise `memory` there, take a smaller model, or serve it elsewhere",
            )


def _budget(
    configuration: Configuration, machine: MachineSettings | None, found: DeploymentSettings
) -> Related | None:
    """Return the memory around a deployment that its model exceeds; None if it fits, or that is not known."""
    endpoint, memory = found.at, found.memory
    if memory is None or not all(
        is_known(configuration, each, "memory") for each in (found.place, found.settings)
    ):
        return None
    known = is_written(configuration, endpoint, "memory")
    if known and endpoint.memory is not None and memory > endpoint.memory:
        there = f"`{printable(found.endpoint)}` has {show_size(endpoint.memory)} for all its models"
        return Related(endpoint.span("memory"), there)
    if machine is None or not is_written(configuration, machine, "memory"):
        return None
    if known_locality(configuration, endpoint) == "local" and memory > machine.memory:
        there = f"this machine has {show_size(machine.memory)} for all local models"
        return Related(machine.span("memory"), there)
    return None


CHECK = Check("R801", "model-over-memory", "error", run)
