"""A `${file:...}` that cannot be used.

## Why is this bad?
Secrets are read from files in the configuration's own folder or under `/run/secrets`, of at most 64 KiB.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", key: "${file:/etc/shadow}"}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", key: "${file:/run/secrets/llm}"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadSecretFile
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each file that cannot or must not be read."""
    for problem in configuration.found(BadSecretFile):
        yield Finding(
            problem.span,
            f"the secret file `{printable(problem.path)}` cannot be used",
            label=problem.why,
            help="put it beside the configuration or under /run/secrets",
        )


CHECK = Check("R612", "secret-file", "error", run)
