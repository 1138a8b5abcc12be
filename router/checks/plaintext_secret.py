"""A key written into the file.

## Why is this bad?
Who can read the file, its history or a copy of it has the key. `allow_literal_secrets: true` makes this a
warning, for experiments.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", key: not-a-real-key}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", key: "${env:LLM_KEY}"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import PlaintextSecret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each literal secret; what it is never appears."""
    document = configuration.document
    allowed = document is not None and document.allow_literal_secrets
    for problem in configuration.found(PlaintextSecret):
        yield Finding(
            problem.span,
            f"{problem.owner} has a secret written into the file",
            label="everyone who reads the file has it",
            help="write a reference: `${env:NAME}` or `${file:/run/secrets/NAME}`",
            severity="warning" if allowed else None,
        )


CHECK = Check("R601", "plaintext-secret", "error", run)
