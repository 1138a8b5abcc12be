"""An invariant that some call would break.

## Why is this bad?
The file promises something of every hop of these calls (the first choice, every failover, every side of a split, the models of budgets and
of `offline.use`), and a rule, a budget or the offline ladder does otherwise.

## Example
```yaml
dimensions: {data: {values: [public, private], default: public}}
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
  cloud: {kind: openai, url: "https://api.example.com/v1", key: "${env:CLOUD_KEY:-}"}
models: {small: {at: here}, large: {at: cloud}}
rules:
  - {name: private, when: {data: private}, use: [small, large]}
  - {name: otherwise, use: large}
invariants:
  - {name: private data stays here, for_all: {data: private}, every_hop: {locality: local}}
```

## Use instead
```yaml
dimensions: {data: {values: [public, private], default: public}}
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
  cloud: {kind: openai, url: "https://api.example.com/v1", key: "${env:CLOUD_KEY:-}"}
models: {small: {at: here}, large: {at: cloud}}
rules:
  - {name: private, when: {data: private}, use: small}
  - {name: otherwise, use: large}
invariants:
  - {name: private data stays here, for_all: {data: private}, every_hop: {locality: local}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.proofs import LADDER, proofs
from router.checks.table_facts import in_words
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.checks.proofs import Hop
    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each invariant that does not hold, with a call that breaks it and the hop that does."""
    for proof in proofs(configuration):
        invariant, hop = proof.invariant, proof.hop
        span = invariant.settings.span("every_hop")
        if proof.holds is None:
            yield Finding(
                span, f"whether `{invariant.name}` holds cannot be told", label="the rules are too complex"
            )
        elif hop is not None and proof.counterexample is not None:
            yield Finding(
                span,
                f"`{invariant.name}` does not hold",
                label="this is promised of every hop",
                related=(Related(hop.span, f"`{hop.model}` is at `{hop.endpoint}`: {hop.broken}"),),
                notes=(f"{_who(hop)} breaks it when {in_words(proof.counterexample)}",),
                help=_help(hop),
                rules=(hop.rule.name,),
            )


def _who(hop: Hop) -> str:
    return f"{hop.via}, after rule `{hop.rule.name}`," if hop.via else f"rule `{hop.rule.name}`"


def _help(hop: Hop) -> str:
    if hop.via == LADDER:
        return (
            f"take `{hop.model}` out of `offline.use`, or write `no_degrade: true` in rule `{hop.rule.name}`"
        )
    if hop.via:
        return f"let another model than `{hop.model}` answer under {hop.via}"
    return f"take `{hop.model}` out of rule `{hop.rule.name}`, or narrow the rule"


CHECK = Check("R414", "invariant-broken", "error", run)
