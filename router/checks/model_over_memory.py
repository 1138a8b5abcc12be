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
from router.checks.guesses import guessed
from router.config.deployments import deployments
from router.core.units import show_size
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.deployments import DeploymentSettings
    from router.config.load import Configuration
    from router.config.settings import MachineSettings


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each model that is larger than the memory at one of its endpoints."""
    document, places = configuration.document, configuration.linked.places
    if document is None or blurred(configuration, "endpoints", "models", "machine"):
        return
    for name, model in document.models.items():
        if model.memory is None or guessed(configuration, model, "memory"):
            continue
        found = [
            (each, _budget(configuration, document.machine, each, model.memory))
            for each in deployments(document, places, name)
        ]
        tight = [(each, budget) for each, budget in found if budget is not None]
        if tight:
            where = ", ".join(f"`{printable(each.endpoint)}`" for each, _ in tight)
            yield Finding(
                model.span("memory"),
                f"`{printable(name)}` does not fit at {where}",
                label=f"needs {show_size(model.memory)}",
                related=tuple(dict.fromkeys(budget for _, budget in tight)),
                help="raise `memory` there, take a smaller model, or serve it elsewhere",
            )


def _budget(
    configuration: Configuration, machine: MachineSettings | None, found: DeploymentSettings, memory: int
) -> Related | None:
    """Return the memory around a deployment that its model exceeds; None if it fits."""
    endpoint = found.at
    known = endpoint.memory is not None and not guessed(configuration, endpoint, "memory")
    if known and endpoint.memory is not None and memory > endpoint.memory:
        there = f"`{printable(found.endpoint)}` has {show_size(endpoint.memory)} for all its models"
        return Related(endpoint.span("memory"), there)
    if machine is None or found.locality != "local" or guessed(configuration, machine, "memory"):
        return None
    if machine.has("memory") and memory > machine.memory:
        there = f"this machine has {show_size(machine.memory)} for all local models"
        return Related(machine.span("memory"), there)
    return None


CHECK = Check("R801", "model-over-memory", "error", run)
