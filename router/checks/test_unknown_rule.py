"""A test that expects a rule which its configuration does not have.

## Why is this bad?
No call can be decided by it: the test can never pass. Often the rule was renamed, or a row was put in before it.

## Example
```yaml
# router.yaml
rules: [{name: everything, use: assistant}]
```
```yaml
# router.test.yaml
config: router.yaml
tests:
  - {name: chat, given: {task: chat}, expect: {rule: evrything}}
```

## Use instead
```yaml
# router.yaml
rules: [{name: everything, use: assistant}]
```
```yaml
# router.test.yaml
config: router.yaml
tests:
  - {name: chat, given: {task: chat}, expect: {rule: everything}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, defined_here, did_you_mean, replacement
from router.config.problems import UnknownRule
from router.config.ready_test import in_flow
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each expected rule that there is not."""
    for problem in configuration.found(UnknownRule):
        near = problem.suggestion
        yield Finding(
            problem.span,
            f"there is no rule `{problem.name}`",
            label="no call is decided by this",
            related=defined_here(problem.suggestion_span, near),
            notes=() if near else (f"the rules are: {listed(problem.legal)}",),
            help=did_you_mean(near),
            fixes=replacement(problem.span, None if near is None else in_flow(near)),
        )


CHECK = Check("R902", "test-unknown-rule", "error", run)
