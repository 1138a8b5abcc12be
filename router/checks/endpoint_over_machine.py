"""An endpoint that may hold more than the machine.

## Why is this bad?
The models of local endpoints share what `machine` allows. An endpoint whose own `memory` is larger never gets so much: its limit never
acts, and models that would fit by it wait for the machine instead.

## Example
```yaml
machine: {memory: 8GiB}
endpoints: {here: {kind: gguf, path: ./models, memory: 12GiB}}
```

## Use instead
```yaml
machine: {memory: 8GiB}
endpoints: {here: {kind: gguf, path: ./models, memory: 6GiB}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_written, known_locality
from router.core.units import show_size
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each local endpoint whose limit is above the machine's."""
    document = configuration.document
    if document is None or document.machine is None or blurred(configuration, "endpoints", "machine"):
        return
    machine = document.machine
    if not is_written(configuration, machine, "memory"):
        return
    for name, endpoint in document.endpoints.items():
        if not is_written(configuration, endpoint, "memory") or endpoint.memory is None:
            continue
        if endpoint.memory > machine.memory and known_locality(configuration, endpoint) == "local":
            yield Finding(
                endpoint.span("memory"),
                f"endpoint `{printable(name)}` may hold more than the machine",
                label=f"{show_size(endpoint.memory)}, and all local models together have {show_size(machine.memory)}",
                related=(Related(machine.span("memory"), "the machine's limit"),),
                help="lower it, or raise `machine.memory`",
            )


CHECK = Check("R813", "endpoint-over-machine", "warning", run)
