"""A second document in one file.

## Why is this bad?
A configuration is one document. What stands after `---` would be ignored.

## Example
```yaml
version: 1
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
---
models: {assistant: {at: here}}
rules: [{use: assistant}]
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
from router.config.problems import ManyDocuments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report where the second document begins."""
    for problem in configuration.found(ManyDocuments):
        yield Finding(
            problem.span,
            "a second document begins here",
            label="only the first is read",
            help="remove the `---`, or move what follows to a file of its own",
        )


CHECK = Check("R106", "multi-document", "error", run)
