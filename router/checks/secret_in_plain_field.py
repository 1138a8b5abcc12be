"""A variable that names a secret, in a field that is printed.

## Why is this bad?
Names, addresses and prompts stand in logs and outputs; only `key`, `keys` and `headers` are kept from them.

## Example
```yaml
name: "${env:OPENAI_API_KEY}"
```

## Use instead
```yaml
name: "${env:SERVICE_NAME:-router}"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import SecretInPlainField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such variable."""
    for problem in configuration.found(SecretInPlainField):
        yield Finding(
            problem.span,
            f"the secret `{problem.name}` would be printed",
            label="this value is shown",
            help="secrets may stand in `key`, `keys` and `headers`",
        )


CHECK = Check("R610", "secret-in-plain-field", "error", run)
