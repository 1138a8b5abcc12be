"""A key that the language does not know.

## Why is this bad?
A key that nothing reads has no effect: the setting its author believes in is not there.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", tmeout: 30s}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: 30s}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, did_you_mean, replacement
from router.config.problems import UnknownKey
from router.diagnostics.source import printable
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each key that its record does not have."""
    for problem in configuration.found(UnknownKey):
        yield Finding(
            problem.span,
            f"unknown key `{printable(problem.key)}` in {problem.owner}",
            label="nothing reads this",
            notes=(f"legal keys here: {listed(problem.legal, 40)}",) if problem.suggestion is None else (),
            help=did_you_mean(problem.suggestion),
            fixes=replacement(problem.span, problem.suggestion if problem.fits else None),
        )


CHECK = Check("R201", "unknown-key", "error", run)
