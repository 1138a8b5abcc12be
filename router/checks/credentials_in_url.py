"""A user name or password inside an address.

## Why is this bad?
Addresses stand in logs, findings and error messages.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://me:secret@127.0.0.1:8080/v1"}
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
from router.config.problems import CredentialsInUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each address with credentials; they never appear."""
    for problem in configuration.found(CredentialsInUrl):
        yield Finding(
            problem.span,
            "the address holds a user name or password",
            label="credentials inside",
            help="take them out; write `key`, or a header field that is a reference",
        )


CHECK = Check("R605", "credentials-in-url", "error", run)
