"""Invariants held against every hop of every call: the proof, or a call that breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.checks.base import blurred
from router.checks.table_facts import table_facts
from router.config.conditions import models_in
from router.config.locality import locality_of
from router.table.graph import GAP, TooComplex, lay_out
from router.table.regions import regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.config.language import Document
    from router.config.link import Invariant, Linked, Rule
    from router.config.load import Configuration
    from router.core.dimension import Value


@dataclass(frozen=True, slots=True)
class Hop:
    """One deployment that a call may reach, and the property it lacks."""

    rule: Rule
    model: str
    endpoint: str
    broken: str

    def as_json(self) -> dict[str, str]:
        """Return it as `--format json` prints it."""
        return {"rule": self.rule.name, "model": self.model, "endpoint": self.endpoint, "broken": self.broken}


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
    if blurred(configuration, "invariants", "models", "endpoints"):
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


def _broken_hop(document: Document, linked: Linked, rule: Rule, invariant: Invariant) -> Hop | None:
    """Return the first hop of a rule that lacks a property; failovers, every side of a split and what budgets use too."""
    models = [named.name for use in rule.use for named in models_in(use)]
    models += linked.instead.values()
    for model in models:
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
                return Hop(rule, model, endpoint, f"{wrong} is {found[wrong]}")
    return None
