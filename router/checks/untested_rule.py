"""A rule that no routing test looks at, where others are tested.

## Why is this bad?
Nothing tells when a change sends its calls elsewhere. A rule is tested by a test whose call it decides, in a `*.test.yaml`
beside the configuration; a rule that no call reaches cannot be tested.

## Example
```yaml
# router.yaml
rules:
  - {name: code, when: {task: code}, use: assistant, options: {temperature: 0}}
  - {name: otherwise, use: assistant}
```
```yaml
# router.test.yaml
config: router.yaml
tests:
  - {name: the rest, given: {task: chat}, expect: {rule: otherwise}}
```

## Use instead
```yaml
# router.yaml
rules:
  - {name: code, when: {task: code}, use: assistant, options: {temperature: 0}}
  - {name: otherwise, use: assistant}
```
```yaml
# router.test.yaml
config: router.yaml
tests:
  - {name: the rest, given: {task: chat}, expect: {rule: otherwise}}
  - {name: code, given: {task: code}, expect: {rule: code}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import table_facts, where
from router.config import problems
from router.config.ready_test import ready_test
from router.diagnostics.source import printable
from router.table.index import build
from router.table.witness import witnesses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.checks.table_facts import TableFacts
    from router.config.cases import Case
    from router.config.load import Configuration
    from router.core.dimension import Dimension, Value

# Problems of a tests file beside which each of its tests is still read as it is meant.
_HARMLESS = (problems.AmbiguousScalar, problems.UnknownRule)


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule that decides no test's call, with a test for it."""
    cases = _cases(configuration)
    facts = table_facts(configuration) if cases else None
    if facts is None or facts.graph is None:
        return
    tested = _tested(facts, cases)
    rules = [rule.accepted for rule in facts.rules]
    untested = {number for number in range(len(rules)) if number not in tested}
    found = witnesses(facts.space, facts.graph, facts.dimensions, rules, untested)
    file = printable(configuration.beside[0].source.name)
    for number, call in found.items():
        rule = facts.rules[number]
        yield Finding(
            where(rule),
            f"no test looks at rule `{printable(rule.name)}`",
            label="no test's call comes here",
            help=f"add to {file}: `{ready_test(rule.name, call)}`",
            rules=(rule.name,),
        )


def _cases(configuration: Configuration) -> list[Case]:
    """Return every test of the file; none where one may be hidden."""
    files = configuration.beside
    if any(not isinstance(each, _HARMLESS) for file in files for each in file.problems):
        return []
    return [case for file in files if file.tests is not None for case in file.tests.cases]


def _tested(facts: TableFacts, cases: list[Case]) -> set[int]:
    table = build(facts.dimensions, [rule.accepted for rule in facts.rules])
    asked = [column.name for column in table.columns]
    found = set()
    for case in cases:
        # A call that names its model asks no rule, and a test that expects nothing tests none.
        if case.expect and case.given.get("model") is None:
            values = {name: _value(facts.dimensions[name], case.given) for name in asked}
            if None not in values.values():
                found.add(table.match(values))  # type: ignore[arg-type]  # no None in it, just looked at
    return found


def _value(dimension: Dimension, given: Mapping[str, object]) -> Value | None:
    value = given.get(dimension.name)
    return value if value is not None else dimension.default  # type: ignore[return-value]  # linked: it is legal


CHECK = Check("R901", "untested-rule", "info", run)
