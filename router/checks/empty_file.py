"""A file with nothing in it.

## Why is this bad?
A configuration needs a version, endpoints, models and rules.

## Example
```yaml
# nothing yet
```

## Use instead
```yaml
version: 1
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
models: {assistant: {at: here}}
rules: [{use: assistant}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import EmptyFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report that the file is empty."""
    for problem in configuration.found(EmptyFile):
        yield Finding(
            problem.span,
            "the file is empty",
            help="begin with `version: 1`; `router init` writes a file that works",
        )


CHECK = Check("R114", "empty-file", "error", run)
