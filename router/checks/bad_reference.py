"""A `${...}` that is of no legal form, or that stands for nothing usable.

## Why is this bad?
It would be taken as it is written, `${` and all, or leave open what the table depends on.

## Example
```yaml
name: "${HOME}"
```

## Use instead
```yaml
name: "${env:HOME:-home}"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadReference, BadResult, NeedsDefault
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each reference that cannot be used."""
    for problem in configuration.found(BadReference):
        yield Finding(
            problem.span,
            f"`{printable(problem.text)}` cannot be used here",
            label="no legal reference",
            help=problem.why,
        )
    for result in configuration.found(BadResult):
        yield Finding(
            result.span,
            f"what `{result.text}` stands for is not {result.wanted}",
            label="resolves to something else",
            help="mend the variable or the default",
        )
    for needs in configuration.found(NeedsDefault):
        yield Finding(
            needs.span,
            f"`{needs.text}` needs a default here",
            label="the table depends on it",
            help="write `${env:NAME:-default}`: the table is checked before the environment is known",
        )


CHECK = Check("R214", "bad-reference", "error", run)
