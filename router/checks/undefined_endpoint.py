"""A model at an endpoint that the file does not have.

## Why is this bad?
There is no place to send its calls to.

## Example
```yaml
models: {assistant: {at: hear}}
```

## Use instead
```yaml
models: {assistant: {at: here}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, by_root, undefined
from router.config.problems import UndefinedEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.checks.base import Finding
    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each endpoint that is used and not declared."""
    for problem, *others in by_root(configuration.found(UndefinedEndpoint)):
        message = f"model `{problem.model}` is at the undefined endpoint `{problem.name}`"
        yield undefined(configuration, problem, others, message, "endpoint")


CHECK = Check("R301", "undefined-endpoint", "error", run)
