"""Two programs, and what a call would meet differently."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from router.core.form import FORMAT_VERSION
from router.table.difference import REFUSED, Side, difference
from router.table.graph import GAP
from router.table.regions import condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.compile.program import Program, Route
    from router.table.difference import Change

TASK = "task"
_POLICIES = ("policy", "deadline", "urgency", "inside", "cache")


@dataclass(frozen=True, slots=True)
class Decision:
    """What one side does with a region: its rule, None for none, and its models in order; or that it refuses it."""

    rule: str | None
    models: tuple[str, ...]
    refused: bool = False

    def as_json(self) -> dict[str, object]:
        """Return it as `--format json` prints it."""
        return {"rule": self.rule, "models": list(self.models), "refused": self.refused}


@dataclass(frozen=True, slots=True)
class RegionChange:
    """Calls that are decided otherwise.

    Attributes:
        when: Which calls, as a rule would write it.
        before: What the old side does.
        after: What the new side does.
        options: Whether the models are the same and only their options differ.
        share: The part of the table, from 0 to 1.
    """

    when: Mapping[str, object]
    before: Decision
    after: Decision
    options: bool
    share: float


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two configurations.

    Attributes:
        regions: Calls that other models answer, in another order or with other options.
        endpoints: A line for each endpoint or model that came, went or changed.
        policies: A line for each rule whose retries, failover, deadline or urgency changed.
    """

    regions: tuple[RegionChange, ...]
    endpoints: tuple[str, ...]
    policies: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether every call meets the same models, in the same order, with the same options."""
        return not self.regions

    @property
    def share(self) -> float:
        """The part of the table that changes, from 0 to 1."""
        return min(1.0, sum(each.share for each in self.regions))

    def as_json(self) -> dict[str, object]:
        """Return the object that `--format json` prints."""
        return {
            "format_version": FORMAT_VERSION,
            "same": self.same,
            "share": self.share,
            "regions": [
                {
                    "when": dict(each.when),
                    "before": each.before.as_json(),
                    "after": each.after.as_json(),
                    "options": each.options,
                    "share": each.share,
                }
                for each in self.regions
            ],
            "endpoints": list(self.endpoints),
            "policies": list(self.policies),
        }


def diff(old: Program, new: Program) -> Difference:
    """Return what differs.

    Raises:
        TooComplex: It cannot be told within the node budget.
    """
    comparing = _Comparing(old, new)
    changes = difference(_side(old), _side(new), comparing.same, frozenset({TASK}))
    return Difference(tuple(comparing.joined(changes)), tuple(_places(old, new)), tuple(_policies(old, new)))


def _side(program: Program) -> Side:
    return Side(program.dimensions, [route.accepted for route in program.routes])


class _Comparing:
    """Outcomes of both sides; remembered, for a table asks for the same pair in many regions."""

    def __init__(self, old: Program, new: Program) -> None:
        self._sides = (old, new)
        self._known: dict[tuple[int, int, str | None], tuple[object, ...]] = {}

    def same(self, before: int, after: int, task: str | None) -> bool:
        return self._outcome(0, before, task) == self._outcome(1, after, task)

    def joined(self, changes: Iterator[Change]) -> Iterator[RegionChange]:
        """Yield changes; tasks that change alike in the rest of the box are told together."""
        groups: dict[object, list[Change]] = {}
        for change in changes:
            rest = frozenset((name, cells) for name, cells in change.region.cells.items() if name != TASK)
            groups.setdefault((rest, change.before, change.after), []).append(change)
        dimensions = {**self._sides[0].dimensions, **self._sides[1].dimensions}
        for group in groups.values():
            first = group[0]
            cells = dict(first.region.cells)
            if TASK in cells:
                cells[TASK] = tuple(cell for change in group for cell in change.region.cells[TASK])
            when = {
                name: condition(cells[name], dimension.least)
                for name, dimension in dimensions.items()
                if name in cells and not (name == TASK and self._every_task(len(cells[name])))
            }
            before, after = self._decision(0, first.before), self._decision(1, first.after)
            options = before.models == after.models and before.refused == after.refused
            yield RegionChange(when, before, after, options, sum(change.share for change in group))

    def _every_task(self, count: int) -> bool:
        words = {word for side in self._sides for word in side.dimensions[TASK].values}
        return count == len(words)

    def _decision(self, side: int, rule: int) -> Decision:
        if rule in (GAP, REFUSED):
            return Decision(None, (), refused=rule == REFUSED)
        route = self._sides[side].routes[rule]
        return Decision(
            route.name, tuple(use if isinstance(use, str) else use.in_words for use in route.uses)
        )

    def _outcome(self, side: int, rule: int, task: str | None) -> tuple[object, ...]:
        key = (side, rule, task)
        found = self._known.get(key)
        if found is None:
            program = self._sides[side]
            found = (rule,) if rule < 0 else _routed(program, program.routes[rule], task)
            self._known[key] = found
        return found


def _routed(program: Program, route: Route, task: str | None) -> tuple[object, ...]:
    """Return what a call meets: each model in order, and the options it is sent."""
    names = [
        name
        for use in route.uses
        for name in ([use] if isinstance(use, str) else [each for each, _ in use.shares])
    ]
    sent = []
    for name in dict.fromkeys(names):
        model = program.models[name]
        params = {**model.params.get(task, model.params[None]), **route.params}
        sent.append((name, tuple(sorted(params.items())), repr({**model.extra, **route.extra})))
    return (route.uses, tuple(sent))


def _places(old: Program, new: Program) -> Iterator[str]:
    yield from _came_and_went("endpoint", old.endpoints, new.endpoints)
    for name in sorted(old.endpoints.keys() & new.endpoints.keys()):
        before, after = old.endpoints[name], new.endpoints[name]
        changed = [
            each.name for each in fields(before) if getattr(before, each.name) != getattr(after, each.name)
        ]
        if changed:
            yield f"endpoint `{name}` changed: {', '.join(changed)}"
    yield from _came_and_went("model", old.models, new.models)
    for name in sorted(old.models.keys() & new.models.keys()):
        was, now = _served(old, name), _served(new, name)
        if was != now:
            yield f"model `{name}` is served otherwise: {_shown(was)} -> {_shown(now)}"


def _came_and_went(what: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{what} `{name}` is new" for name in new if name not in old)
    yield from (f"{what} `{name}` is gone" for name in old if name not in new)


def _served(program: Program, model: str) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (each.endpoint.name, each.id, each.context, each.price) for each in program.models[model].deployments
    )


def _shown(places: tuple[tuple[object, ...], ...]) -> str:
    return ", ".join(
        f"{endpoint} as {model}" + (f" ({context} tokens)" if context else "")
        for endpoint, model, context, _ in places
    )


def _policies(old: Program, new: Program) -> Iterator[str]:
    before = {route.name: route for route in old.routes}
    for route in new.routes:
        other = before.get(route.name)
        changed = [
            name for name in _POLICIES if other is not None and getattr(other, name) != getattr(route, name)
        ]
        if changed:
            words = ["retry or failover" if name == "policy" else name for name in changed]
            yield f"rule `{route.name}` changed: {', '.join(words)}"
