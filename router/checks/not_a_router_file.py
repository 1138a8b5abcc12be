"""A file of another program.

## Why is this bad?
A LiteLLM configuration, a Kubernetes manifest or a file of tests has other keys; every one of them would be
reported.

## Example
```yaml
model_list:
  - model_name: assistant
    litellm_params: {model: gpt-4o}
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
from router.config.problems import NotARouterFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the key that gives the other program away."""
    for problem in configuration.found(NotARouterFile):
        yield Finding(
            problem.span,
            f"this looks like {problem.looks_like}",
            label="no key of a router.yaml",
            help=problem.instead,
        )


CHECK = Check("R107", "not-a-router-file", "error", run)
