"""A condition that every value meets.

## Why is this bad?
It excludes nothing, so it says less than it seems to. Leaving the dimension out says the same.

## Example
```yaml
rules:
  - {when: {tools: [true, false]}, use: assistant}
```

## Use instead
```yaml
rules:
  - {use: assistant}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.table_facts import is_everything, table_facts
from router.config.match import ANY
from router.config.node import Mapping
from router.config.repair import entry_removed, safe_to_delete
from router.diagnostics.diagnostic import Edit, Fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.link import Rule
    from router.config.load import Configuration
    from router.diagnostics.source import Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each condition that lists everything there is."""
    facts = table_facts(configuration)
    for rule in facts.rules if facts is not None else ():
        for name, accepted in rule.accepted.items():
            if is_everything(configuration.linked.dimensions[name], accepted):
                yield Finding(
                    rule.when_spans[name],
                    f"the condition on `{name}` of rule `{rule.name}` is always true",
                    label="every call meets this",
                    help=f"leave `{name}` out, or write `any`",
                    fixes=_fix(configuration, rule, name),
                    rules=(rule.name,),
                )


def _fix(configuration: Configuration, rule: Rule, name: str) -> tuple[Fix, ...]:
    """Return the fix that takes a condition away, or says `any` where it cannot go without its neighbours."""
    span = rule.when_spans[name]
    when = rule.settings.node.entries.get("when")
    if not isinstance(when, Mapping) or name not in when.entries or when.entries[name].span != span:
        return _any(configuration, span)
    holder, key = (when, name) if len(when.entries) > 1 else (rule.settings.node, "when")
    edits = entry_removed(configuration.source_at(span), holder, key)
    return (Fix(f"leave `{name}` out", edits),) if edits else _any(configuration, span)


def _any(configuration: Configuration, span: Span) -> tuple[Fix, ...]:
    if not safe_to_delete(configuration.source_at(span), span):
        return ()
    return (Fix("say `any`", (Edit(span, ANY),)),)


CHECK = Check("R407", "always-true-condition", "info", run)
