"""A variable that has no default and whose being set nothing promises.

## Why is this bad?
Where it is not set, no call can be made. An `.env.example` beside the file names what must be set; where
calls are to be made, an unset variable is an error.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://${env:LLM_HOST}:8080/v1", locality: local}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://${env:LLM_HOST:-127.0.0.1}:8080/v1", locality: local}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import SecretInPlainField, UndefinedVariable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each variable once: that it is not set, or that it may not be."""
    unset = {problem.name: problem for problem in reversed(list(configuration.found(UndefinedVariable)))}
    for name, problem in unset.items():
        yield Finding(
            problem.span,
            f"the variable `{name}` is not set",
            label="no value and no default",
            help=f"set `{name}`" + ("" if problem.secret else f", or write `${{env:{name}:-default}}`"),
            severity="error",
        )
    if configuration.for_calls:
        return
    seen = {*configuration.promised, *(each.name for each in configuration.found(SecretInPlainField))}
    for variable in configuration.variables:
        if variable.default is None and variable.name not in seen:
            seen.add(variable.name)
            yield Finding(
                variable.span,
                f"the variable `{variable.name}` must be set where calls are made",
                label="no default",
                help=f"name `{variable.name}` in an `.env.example` beside the file, or give a default",
            )


CHECK = Check("R305", "undefined-variable", "info", run)
