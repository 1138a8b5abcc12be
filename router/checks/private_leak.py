"""Private calls that may leave this machine.

## Why is this bad?
The rule asks for calls that a dimension of the file's own calls private, and one of the places that may answer them is remote: the prompt
leaves this machine, if only when the first choice is down. What counts is every candidate, every side of a split, the models of `offline`
and those that take over when a budget is spent. A server of your own on another machine is declared with `locality: local`; an invariant
over these calls says where they may go, and is then what is checked.

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

from router.checks.base import Check, Finding, blurred
from router.checks.deciders import deciders
from router.checks.guesses import guessed
from router.checks.table_facts import in_words, in_yaml, is_everything
from router.config.conditions import OTHERS, Named, models_in
from router.config.deployments import deployments
from router.config.privacy import private_values
from router.config.reach import offline_models
from router.core.frozen import dataclass
from router.diagnostics.diagnostic import Related
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from router.config.deployments import DeploymentSettings
    from router.config.language import Document
    from router.config.link import Linked, Rule
    from router.config.load import Configuration
    from router.core.dimension import Accepted, Value
    from router.diagnostics.source import Span

# What says where a call may go; an invariant about kinds alone does not.
_PLACES = frozenset({"locality", "endpoint", "model"})


@dataclass(frozen=True, slots=True)
class _Private:
    """A rule that decides private calls; `words` says which, as a condition."""

    rule: Rule
    words: dict[str, object]


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each rule for private calls with a remote candidate, and each remote hop behind such rules."""
    document, linked = configuration.document, configuration.linked
    if document is None or _alone(configuration, document):
        return
    blocks = ("dimensions", "endpoints", "models", "rules", "offline", "costs", "invariants")
    if blurred(configuration, *blocks):
        return
    private = list(_private_rules(configuration))
    for each in private:
        named = [model for use in each.rule.use for model in models_in(use)]
        span, hop = _remote(document, linked, named)
        if span is not None and hop is not None:
            yield _of_rule(each, span, hop)
    for what, named, rules in _blocks(document, private):
        span, hop = _remote(document, linked, named)
        if span is not None and hop is not None and rules:
            yield _of_block(rules, what, span, hop)


def _alone(configuration: Configuration, document: Document) -> bool:
    """Return whether no remote endpoint is ever asked, or that cannot be told."""
    offline = document.offline
    return offline is not None and (offline.mode == "only" or guessed(configuration, offline, "mode"))


def _private_rules(configuration: Configuration) -> Iterator[_Private]:
    """Yield the rules that ask for private calls and decide some that no invariant is about."""
    linked = configuration.linked
    promised = [each.accepted for each in linked.invariants if _PLACES & each.every_hop.keys()]
    told: set[int] = set()
    for name, values in private_values(linked.dimensions).items():
        dimension = linked.dimensions[name]
        asking = {
            number: asked
            for number, rule in enumerate(linked.rules)
            if number not in told
            and name in rule.accepted
            and not is_everything(dimension, rule.accepted[name])
            and (asked := _both(rule.accepted[name], values))
        }
        deciding = deciders(configuration, {name: _accepted(values)}, promised) if asking else frozenset()
        for number, asked in asking.items():
            if number in deciding:
                told.add(number)
                words = sorted(asked, key=[*dimension.values, True].index)
                yield _Private(linked.rules[number], {name: words[0] if len(words) == 1 else words})


def _both(accepted: Accepted, values: frozenset[Value]) -> frozenset[Value]:
    return values.intersection(accepted) if isinstance(accepted, frozenset) else frozenset()


def _accepted(values: frozenset[Value]) -> Accepted:
    return frozenset(values)  # type: ignore[return-value]  # words alone, or booleans alone


def _remote(
    document: Document, linked: Linked, named: Iterable[Named]
) -> tuple[Span | None, DeploymentSettings | None]:
    """Return the first remote deployment of some models, and where its model is named."""
    for model in named:
        for found in deployments(document, linked.places, model.name):
            if found.remote:
                return model.span, found
    return None, None


def _blocks(document: Document, private: list[_Private]) -> Iterator[tuple[str, list[Named], list[_Private]]]:
    """Yield what comes behind a rule's own candidates: what it is called, its models, and the rules it serves."""
    if document.offline is not None:
        degrading = [each for each in private if not each.rule.settings.no_degrade]
        yield "`offline`", _offline(document), degrading
    for budget in document.costs.budgets if document.costs is not None else ():
        use = getattr(budget.then, "use", None)
        if use is not None:
            yield f"budget `{budget.name}`", [use], private


def _offline(document: Document) -> list[Named]:
    named = offline_models(document)
    if named and named[-1].name == OTHERS:
        named += [Named(name, named[-1].span) for name in document.models]
    return named


def _of_rule(private: _Private, span: Span, hop: DeploymentSettings) -> Finding:
    rule = private.rule.name
    return Finding(
        span,
        f"rule `{rule}` lets private calls leave this machine",
        label=f"`{hop.model}` is at `{hop.endpoint}`, which is remote",
        notes=(f"it is for calls whose {in_words(private.words)}",),
        help=f"take `{hop.model}` out of rule `{rule}`{_promise(private.words)}",
        rules=(rule,),
    )


def _of_block(rules: list[_Private], what: str, span: Span, hop: DeploymentSettings) -> Finding:
    names = tuple(each.rule.name for each in rules)
    return Finding(
        span,
        f"{what} lets private calls leave this machine",
        label=f"`{hop.model}` is at `{hop.endpoint}`, which is remote",
        related=tuple(
            Related(each.rule.use_span, f"calls whose {in_words(each.words)}") for each in rules[:1]
        ),
        notes=(f"rules for private calls: {listed(names)}",),
        help=f"name a local model there{_promise(rules[0].words)}",
        rules=names,
    )


def _promise(words: Mapping[str, object]) -> str:
    promise = f"{{name: private data stays here, for_all: {in_yaml(words)}, every_hop: {{locality: local}}}}"
    return f"; to have it proven, add to `invariants`: {promise}"


CHECK = Check("R606", "private-leak", "error", run)
