"""What calls can reach: the deployments of rules, and of calls that name their model."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from router.config.conditions import OTHERS, models_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router.config.conditions import Named, UseItem
    from router.config.language import Document, RuleSettings
    from router.config.link import Linked, Rule

    Deployment = tuple[str, str]


def reached(linked: Linked, rule: Rule) -> list[Deployment]:
    """Return each model and endpoint that a rule can reach, once, in order; every side of its splits."""
    found = [
        (model.name, place)
        for use in rule.use
        for model in models_in(use)
        for place in linked.places.get(model.name, ())
    ]
    return list(dict.fromkeys(found))


def offline_models(document: Document) -> list[Named]:
    """Return the models that `offline.use` names, in order; the word `others` stays as it is."""
    uses: tuple[UseItem, ...] = document.offline.use if document.offline is not None else ()
    return [model for use in uses for model in models_in(use)]


def offline_places(document: Document, linked: Linked) -> set[str]:
    """Return the endpoints at which a model of `offline.use` is; "" stands for those of a name that is a mistake."""
    names = {model.name for model in offline_models(document)}
    if OTHERS in names:
        names = {*names - {OTHERS}, *document.models}
    return {place for name in names for place in linked.places.get(name, ("",))}


def any_call_has_two(linked: Linked, part: Callable[[Deployment], str | Deployment]) -> bool:
    """Return whether some call has candidates that differ in a part of their deployment.

    Of a split a call has one side only. Calls that name their model are looked at too, with its own `failover`.
    """
    rules = ([[each.name for each in models_in(use)] for use in rule.use] for rule in linked.rules)
    named = ([[model], *([each] for each in failover)] for model, failover in linked.failover.items())
    return any(_two(linked, walk, part) for walks in (named, rules) for walk in walks)


def written_rules(linked: Linked) -> Iterator[tuple[str, RuleSettings, list[Rule]]]:
    """Yield each rule as it is written, by name, with the rows it stands for: several for a matrix."""
    for _, group in groupby(linked.rules, key=lambda rule: id(rule.settings)):
        rows = list(group)
        settings, name = rows[0].settings, rows[0].name
        yield name.rpartition("[")[0] if settings.matrix else name, settings, rows


def _two(
    linked: Linked, walk: Sequence[Sequence[str]], part: Callable[[Deployment], str | Deployment]
) -> bool:
    """Return whether two candidates of a walk differ; each step of it has one of several models."""
    sides = [
        [{part((model, place)) for place in linked.places.get(model, ())} for model in step] for step in walk
    ]
    if len(sides) == 1:
        return any(len(side) > 1 for side in sides[0])
    return len(set().union(*(side for step in sides for side in step))) > 1
