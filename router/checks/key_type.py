"""A key that is not text.

## Why is this bad?
Names are text. `1`, `true` and `null` as keys are a number, a boolean and nothing.

## Example
```yaml
models:
  1: {at: here}
rules: [{use: "1"}]
```

## Use instead
```yaml
models:
  "1": {at: here}
rules: [{use: "1"}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import KeyType
from router.diagnostics.diagnostic import Edit, Fix
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each key that is no text."""
    for problem in configuration.found(KeyType):
        yield Finding(
            problem.span,
            f"the key `{printable(problem.text, 40)}` is not text"
            if problem.quotable
            else f"{problem.text} cannot be a key",
            label="not text",
            help="quote it" if problem.quotable else "give it a name",
            fixes=(Fix("quote the key", (Edit(problem.span, f'"{problem.text}"'),)),)
            if problem.quotable and problem.text
            else (),
        )


CHECK = Check("R111", "key-type", "error", run)
