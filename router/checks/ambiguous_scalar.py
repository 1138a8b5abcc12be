"""A word that other YAML readers take for something else.

## Why is this bad?
`no`, `on`, `1:30` and `010` are booleans, numbers of base 60 or octal numbers to YAML 1.1, which most tools
still speak. Here they are what they look like; quotes make that so everywhere.

## Example
```yaml
name: no
```

## Use instead
```yaml
name: "no"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import AmbiguousScalar
from router.diagnostics.diagnostic import Edit, Fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def _fix(problem: AmbiguousScalar) -> tuple[Fix, ...]:
    is_text = problem.value.startswith("the text")
    text = f'"{problem.text}"' if is_text else problem.value.removeprefix("the number ")
    return (Fix(f"write `{text}`", (Edit(problem.span, text),)),)


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each plain word with two readings."""
    for problem in configuration.found(AmbiguousScalar):
        yield Finding(
            problem.span,
            f"`{problem.text}` is {problem.value} here, and {problem.reading} to other YAML readers",
            label="may be read otherwise",
            help="quote it" if problem.value.startswith("the text") else "write it without the zero in front",
            fixes=_fix(problem),
        )


CHECK = Check("R104", "ambiguous-scalar", "warning", run)
