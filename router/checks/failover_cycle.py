"""Models whose own `failover` leads back to themselves.

## Why is this bad?
A model's `failover` names what answers in its place. In a circle each model is the way out of the other, so that none is: nobody has
said which one is the last resort. The router tries each deployment once and stops, and the step back never happens.

## Example
```yaml
models: {small: {at: here, failover: [large]}, large: {at: here, failover: [small]}}
rules: [{use: [small, large]}]
```

## Use instead
```yaml
models: {small: {at: here, failover: [large]}, large: {at: here}}
rules: [{use: [small, large]}]
```
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from router.checks.base import MOST_RELATED, Check, Finding, blurred
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.config.load import Configuration
    from router.diagnostics.source import Span

SHOWN = 8
MOST = 20  # of a file made of circles, the first ones say enough


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each cycle at the entry of its first model; of each model's list the first entry that closes one."""
    document = configuration.document
    if document is None or blurred(configuration, "models"):
        return
    steps = {
        name: {
            follower: entry.span
            for follower, entry in zip(configuration.linked.failover[name], model.failover, strict=False)
        }
        for name, model in document.models.items()
    }
    order = {name: index for index, name in enumerate(steps)}
    for cycle in islice(_cycles(steps), MOST):
        start = cycle.index(min(cycle, key=order.__getitem__))
        yield _finding([*cycle[start:], *cycle[:start]], steps)


def _finding(cycle: list[str], steps: Mapping[str, Mapping[str, Span]]) -> Finding:
    entries = [steps[name][follower] for name, follower in zip(cycle, [*cycle[1:], cycle[0]], strict=True)]
    shown = [printable(name) for name in cycle]
    if len(shown) > SHOWN:
        shown[SHOWN - 1 :] = [f"... {len(shown) - SHOWN + 1} more ..."]
    path = " -> ".join([*shown, shown[0]])
    return Finding(
        entries[0],
        f"failover goes in a circle: {path}",
        label="fails over to itself" if len(cycle) == 1 else "leads back to where it began",
        related=tuple(Related(span, "and from here") for span in entries[1 : MOST_RELATED + 1]),
        help="remove this entry" if len(cycle) == 1 else "remove one of these entries",
    )


def _cycles(steps: Mapping[str, Mapping[str, Span]]) -> Iterator[list[str]]:
    """Yield a cycle for each model whose list closes one, depth first in the file's order."""
    done: set[str] = set()
    for root in steps:
        if root in done:
            continue
        # `path` is the walk from the root; `depth` tells where on it a model stands.
        path, depth, todo = [root], {root: 0}, [iter(steps[root])]
        closed: set[str] = set()
        while path:
            here = path[-1]
            follower = next(todo[-1], None)
            if follower is None:
                todo.pop()
                done.add(path.pop())
                del depth[here]
            elif follower in depth:
                if here not in closed:
                    yield path[depth[follower] :]
                closed.add(here)
            elif follower not in done:
                depth[follower] = len(path)
                path.append(follower)
                todo.append(iter(steps[follower]))


CHECK = Check("R501", "failover-cycle", "error", run)
