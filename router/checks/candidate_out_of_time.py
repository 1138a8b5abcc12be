"""A candidate that is never tried when the ones before it are slow.

## Why is this bad?
Its author believes that it answers when the others do not. But the time limits of the others add up to the deadline, or the attempts are
used up, before its turn comes.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: 60s}
  there: {kind: openai, url: "http://127.0.0.1:8081/v1"}
models: {small: {at: here}, spare: {at: there}}
rules: [{use: [small, spare], deadline: 60s}]
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: 30s}
  there: {kind: openai, url: "http://127.0.0.1:8081/v1"}
models: {small: {at: here}, spare: {at: there}}
rules: [{use: [small, spare], deadline: 60s}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.conditions import models_in
from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.config.language import Document
    from router.config.link import Rule
    from router.config.load import Configuration
    from router.diagnostics.source import Span


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the first such candidate of each rule, with the sum."""
    document = configuration.document
    if document is None or blurred(
        configuration, "endpoints", "models", "rules", "retry", "deadline", "min_left"
    ):
        return
    for rule in configuration.linked.rules:
        finding = _of_rule(document, configuration.linked.places, rule)
        if finding is not None:
            yield finding


def _of_rule(document: Document, places: Mapping[str, list[str]], rule: Rule) -> Finding | None:
    deadline = rule.settings.deadline or document.deadline
    attempts = (rule.settings.retry or document.retry).attempts
    spent: list[float] = []
    seen: set[tuple[str, str]] = set()
    for use in rule.use:
        # Of a split the first side stands for all: one of them is tried.
        model = models_in(use)[0].name
        for endpoint in places.get(model, ()):
            if (model, endpoint) in seen:  # a deployment has one turn
                continue
            seen.add((model, endpoint))
            if len(spent) >= attempts:
                why = f"{attempts} attempts are over before its turn"
                return _finding(rule, use.span, model, endpoint, (why,), "raise `retry: {attempts: N}`")
            if sum(spent) + document.min_left > deadline:
                total = " + ".join(show_duration(each) for each in spent)
                why = f"the ones before it may take {total} of {show_duration(deadline)}"
                return _finding(
                    rule,
                    use.span,
                    model,
                    endpoint,
                    (why,),
                    "shorten their timeouts, or lengthen the deadline",
                )
            spent.append(document.endpoints[endpoint].timeout.total or deadline)
    return None


def _finding(rule: Rule, span: Span, model: str, endpoint: str, notes: tuple[str, ...], what: str) -> Finding:
    return Finding(
        span,
        f"`{model}` at `{endpoint}` is never tried by rule `{rule.name}` when the ones before it time out",
        label="too late",
        notes=notes,
        help=what,
        rules=(rule.name,),
    )


CHECK = Check("R503", "candidate-out-of-time", "warning", run)
