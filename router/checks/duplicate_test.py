"""Two tests in one file that expect something of the same call twice.

## Why is this bad?
If they expect the same, one of them is of no use; if they expect different things, one of them always fails. Defaults
count, and each value of a list is a call of its own.

## Example
```yaml
# router.test.yaml
config: router.yaml
defaults: {priority: cost}
tests:
  - {name: cheap chat, given: {task: [chat, code]}, expect: {model: assistant}}
  - {name: cheap code, given: {task: code, priority: cost}, expect: {model: assistant}}
```

## Use instead
```yaml
# router.test.yaml
config: router.yaml
defaults: {priority: cost}
tests:
  - {name: cheap, given: {task: [chat, code]}, expect: {model: assistant}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.cases import Case
    from router.config.load import Configuration
    from router.diagnostics.source import Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each test whose call, or one of them, an earlier test in the same world expects the same thing of."""
    tests = configuration.tests
    wrong = {problem.span for problem in configuration.problems}
    first: dict[str, list[Case]] = {}
    told: set[Span] = set()
    for case in tests.cases if tests is not None else ():
        if not wrong.isdisjoint(case.places()):
            continue
        earlier = first.setdefault(_world(case), [])
        same = next((each for each in earlier if each.expect.keys() & case.expect.keys()), None)
        if same is not None and case.span not in told:
            told.add(case.span)
            yield _finding(same, case)
        earlier.append(case)


def _world(case: Case) -> str:
    """Return what a call is and what happens to it, so that two can be compared: 1, 1.0 and true differ."""
    return repr((sorted((name, repr(value)) for name, value in case.given.items()), case.script))


def _finding(first: Case, second: Case) -> Finding:
    both = [name for name in second.expect if name in first.expect]
    differing = [name for name in both if first.expect[name] != second.expect[name]]
    related = (Related(first.span, "the first one"),) if first.span != second.span else ()
    if differing:
        note = f"they expect another {listed(differing)}: one of them always fails"
    else:
        note = f"both expect the same {listed(both)}"
    return Finding(
        second.span,
        f"`{printable(second.name)}` is tested already"
        if first.test == second.test
        else f"`{printable(second.name)}` makes the call of `{printable(first.name)}` again",
        label="the same call",
        related=related,
        notes=(note,),
        help="keep one of them",
    )


CHECK = Check("R903", "duplicate-test", "warning", run)
