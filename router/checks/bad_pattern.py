r"""A pattern that cannot be used.

## Why is this bad?
Patterns are those of RE2, which takes a time that grows with the text alone, whatever the pattern: it knows no look-around and no
back-references. It comes with the extra `regex`; without it no pattern can be used.

## Example
```yaml
models: {assistant: {at: here, after: [{regex: {pattern: 'Answer:(?=\s)'}}]}}
```

## Use instead
```yaml
models: {assistant: {at: here, after: [{regex: {pattern: 'Answer:\s'}}]}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadPattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such pattern, and each that nothing is installed for."""
    for problem in configuration.found(BadPattern):
        if problem.missing:
            yield Finding(
                problem.span,
                f"the pattern `{problem.pattern}` cannot be used: google-re2 is not installed",
                label="not looked at",
                help=f"run `{problem.why}`",
                severity="error" if configuration.for_calls else "warning",
            )
        else:
            yield Finding(
                problem.span,
                f"`{problem.pattern}` cannot be used: {problem.why}",
                label="not of RE2",
                help="see https://github.com/google/re2/wiki/Syntax",
            )


CHECK = Check("R215", "bad-pattern", "error", run)
