"""A header field that cannot or must not be sent.

## Why is this bad?
A line end in a value would begin another field; `Host` and `Authorization` are set by the router itself.

## Example
```yaml
endpoints:
  here:
    kind: openai
    url: http://127.0.0.1:8080/v1
    headers: {Host: "${env:HOST_NAME}"}
```

## Use instead
```yaml
endpoints:
  here:
    kind: openai
    url: http://127.0.0.1:8080/v1
    headers: {X-Title: "${env:HOST_NAME}"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadHeader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each field."""
    for problem in configuration.found(BadHeader):
        yield Finding(
            problem.span,
            f"{problem.name} {problem.why}",
            label="cannot be sent",
            help="for a credential write `key`; else choose another name or value",
        )


CHECK = Check("R213", "bad-header", "error", run)
