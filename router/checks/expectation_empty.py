"""A test that expects nothing.

## Why is this bad?
Whatever the configuration does, there is nothing to compare: it shows nothing. `router test` ends it with ERROR.

## Example
```yaml
# router.test.yaml
config: router.yaml
tests:
  - name: chat
    columns: [task, priority]
    rows: [[chat, speed], [chat, cost]]
```

## Use instead
```yaml
# router.test.yaml
config: router.yaml
tests:
  - name: chat
    columns: [task, priority, "-> model"]
    rows: [[chat, speed, assistant], [chat, cost, assistant]]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.node import Mapping
from router.config.routing_tests import ARROW
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each test with an `expect` that is empty, and each table without a column that is expected."""
    for test in configuration.tests.file.tests if configuration.tests is not None else ():
        expect = test.node.entries.get("expect")
        message = f"test `{printable(test.name)}` expects nothing"
        if isinstance(expect, Mapping) and not expect.entries:
            yield Finding(
                expect.span,
                message,
                label="nothing to compare",
                help="say what is expected: `{model: NAME}`, `{rule: NAME}`",
            )
        elif test.columns and not any(column.startswith(ARROW) or not column for column in test.columns):
            yield Finding(
                test.span("columns"),
                message,
                label="every column is given",
                help='write `-> ` before what is expected: `"-> model"`',
            )


CHECK = Check("R905", "expectation-empty", "warning", run)
