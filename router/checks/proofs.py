"""Invariants held against every hop of every call: the proof, or a call that breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import blurred
from router.checks.table_facts import table_facts
from router.config.conditions import models_in
from router.config.locality import locality_of
from router.core.frozen import dataclass
from router.table.graph import GAP, TooComplex, lay_out
from router.table.regions import regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.config.language import Document
    from router.config.link import Invariant, Linked, Rule
    from router.config.load import Configuration
    from router.core.dimension import Value
    from router.diagnostics.source import Span

LADDER = "`offline.use`"


@dataclass(frozen=True, slots=True)
class Hop:
    """One deployment that a call may reach, and the property it lacks.

    Attributes:
        rule: The rule that decides the call.
        model: The model.
        endpoint: Its endpoint.
        broken: What it is and must not be, as `locality is remote`.
        via: Who names the model: "" for the rule itself, `offline.use`, or a budget.
        span: Where it is named.
    """

    rule: Rule
    model: str
    endpoint: str
    broken: str
    via: str
    span: Span

    def as_json(self) -> dict[str, str]:
        """Return it as `--format json` prints it."""
        shown = {
            "rule": self.rule.name,
            "model": self.model,
            "endpoint": self.endpoint,
            "broken": self.broken,
        }
        return {**shown, "via": self.via} if self.via else shown


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether an invariant holds.

    Attributes:
        invariant: The invariant.
        holds: Whether it holds for every rule; None when it cannot be told.
        counterexample: A call that breaks it.
        hop: The hop of that call that does.
    """

    invariant: Invariant
    holds: bool | None
    counterexample: Mapping[str, Value] | None = None
    hop: Hop | None = None


def proofs(configuration: Configuration) -> list[Proof]:
    """Return a proof for each invariant; none where something wrong may hide a rule."""
    if Proof not in configuration.worked_out:
        configuration.worked_out[Proof] = list(_prove_all(configuration))
    found = configuration.worked_out[Proof]
    return found if isinstance(found, list) else []


def _prove_all(configuration: Configuration) -> Iterator[Proof]:
    document, linked = configuration.document, configuration.linked
    if document is None or not linked.invariants or table_facts(configuration) is None:
        return
    if blurred(configuration, "invariants", "models", "endpoints", "offline", "costs"):
        return
    for invariant in linked.invariants:
        broken = {
            number: hop
            for number, rule in enumerate(linked.rules)
            if (hop := _broken_hop(document, linked, rule, invariant)) is not None
        }
        if not broken:
            yield Proof(invariant, holds=True)
            continue
        try:
            yield _prove(configuration, invariant, broken)
        except TooComplex:
            yield Proof(invariant, holds=None)


def _prove(configuration: Configuration, invariant: Invariant, broken: Mapping[int, Hop]) -> Proof:
    """Look for a call that the invariant is about and that a rule with a broken hop decides."""
    linked = configuration.linked
    rules = [rule.accepted for rule in linked.rules]
    space = lay_out(linked.dimensions, rules, [invariant.accepted])

    def wanted(leaf: int) -> bool:
        rule, about = space.firsts(leaf)
        return about != GAP and rule in broken

    region = next(regions(space, space.graph(), wanted), None)
    if region is None:
        return Proof(invariant, holds=True)
    asked = {name for rule in rules for name in rule} | invariant.accepted.keys()
    defaults = {
        name: each.default
        for name, each in linked.dimensions.items()
        if name in asked and each.default is not None
    }
    rule, _ = space.firsts(region.leaf)
    return Proof(invariant, holds=False, counterexample=region.witness(defaults), hop=broken[rule])


def _named(document: Document, linked: Linked, rule: Rule) -> Iterator[tuple[str, str, Span]]:
    """Yield every model that may answer a rule's calls, who names it, and where.

    After the rule's own, with failovers and every side of a split: the budgets' and those of the offline ladder.
    """
    for use in rule.use:
        yield from ((named.name, "", rule.use_span) for named in models_in(use))
    for budget in document.costs.budgets if document.costs is not None else ():
        if budget.name in linked.instead:
            yield linked.instead[budget.name], f"budget `{budget.name}`", budget.span("then")
    for use in linked.offline if not rule.settings.no_degrade else ():
        yield from ((named.name, LADDER, named.span) for named in models_in(use))


def _broken_hop(document: Document, linked: Linked, rule: Rule, invariant: Invariant) -> Hop | None:
    """Return the first hop of a rule's calls that lacks a property."""
    for model, via, span in _named(document, linked, rule):
        for endpoint in linked.places.get(model, ()):
            settings = document.endpoints[endpoint]
            found = {
                "locality": locality_of(settings),
                "endpoint": endpoint,
                "model": model,
                "kind": settings.kind,
            }
            wrong = next(
                (name for name, legal in invariant.every_hop.items() if found[name] not in legal), None
            )
            if wrong is not None:
                return Hop(rule, model, endpoint, f"{wrong} is {found[wrong]}", via, span)
    return None
