"""A merge key `<<`.

## Why is this bad?
Merge keys are no part of YAML 1.2; a key that comes from elsewhere cannot be seen where it acts.

## Example
```yaml
endpoints:
  base: &base {kind: openai, url: "http://127.0.0.1:8081/v1"}
  here: {<<: *base, url: "http://127.0.0.1:8080/v1"}
models: {assistant: {at: [here, base]}}
```

## Use instead
```yaml
endpoints:
  base: {kind: openai, url: "http://127.0.0.1:8081/v1"}
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
models: {assistant: {at: [here, base]}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import MergeKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each merge key."""
    for problem in configuration.found(MergeKey):
        yield Finding(
            problem.span,
            "the merge key `<<` is not allowed",
            label="merges another mapping",
            help="write the keys out",
        )


CHECK = Check("R109", "merge-key", "error", run)
