"""Text that is not YAML.

## Why is this bad?
The file cannot be read beyond this place, so nothing else in it is checked.

## Example
```yaml
name: "local first
version: 1
```

## Use instead
```yaml
name: "local first"
version: 1
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import Syntax
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report where the text stops being YAML."""
    for problem in configuration.found(Syntax):
        yield Finding(
            problem.span,
            f"the text is no YAML: {problem.what}",
            label="here the reader gave up",
            related=(Related(problem.began, "what it read begins here"),) if problem.began else (),
            help="look at this line and the one above it for a missing quote, bracket or colon",
        )


CHECK = Check("R101", "yaml-syntax", "error", run)
