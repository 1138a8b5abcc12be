"""Two programs, and what a call would meet differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.compile.collector import collector_paused
from router.compile.extremes import Extremes, calls_of_region, calls_of_rule, told
from router.compile.outcomes import NEW, OLD, Outcomes
from router.compile.places import places, prices
from router.compile.whole import policies, whole
from router.compile.worst import dollars
from router.core.form import FORMAT_VERSION
from router.core.frozen import dataclass
from router.table.difference import Side, difference
from router.table.regions import condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.compile.extremes import Worst
    from router.compile.outcomes import Decision
    from router.compile.places import PriceChange
    from router.compile.program import Program
    from router.table.difference import Change

TASK = "task"


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
        policies: A line for each rule whose calls meet other retries, failover, deadline or urgency.
        settings: A line for each thing of the whole file that came, went or changed.
        prices: Deployments that cost otherwise.
        before: The worst of the old table's calls.
        after: The worst of the new table's.
    """

    regions: tuple[RegionChange, ...]
    endpoints: tuple[str, ...]
    policies: tuple[str, ...]
    settings: tuple[str, ...]
    prices: tuple[PriceChange, ...]
    before: Worst
    after: Worst

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
            "settings": list(self.settings),
            "prices": [each.as_json() for each in self.prices],
            "worst_time": {"before": self.before.seconds, "after": self.after.seconds},
            "worst_cost": {"before": dollars(self.before.usd), "after": dollars(self.after.usd)},
        }


@collector_paused()
def diff(old: Program, new: Program) -> Difference:
    """Return what differs.

    Raises:
        TooComplex: It cannot be told within the node budget.
    """
    comparing = _Comparing(old, new)
    regions = tuple(comparing.regions())
    return Difference(
        regions,
        tuple(places(old, new)),
        tuple(comparing.policies()),
        tuple(whole(old, new)),
        tuple(prices(old, new)),
        *(each.table() for each in comparing.extremes),
    )


class _Comparing:
    """One comparison. `_met` are the pairs of rules that share a call; the walk over the table fills it."""

    def __init__(self, old: Program, new: Program) -> None:
        self._sides = (old, new)
        self._outcomes = Outcomes(old, new)
        self._met: set[tuple[int, int]] = set()
        self.extremes = (Extremes(old), Extremes(new))

    def regions(self) -> Iterator[RegionChange]:
        """Yield changes; tasks that change alike in the rest of the box are told together."""
        old, new = (Side(each.dimensions, [route.accepted for route in each.routes]) for each in self._sides)
        groups: dict[object, list[Change]] = {}
        for change in difference(old, new, self._same, frozenset({TASK})):
            rest = frozenset((name, cells) for name, cells in change.region.cells.items() if name != TASK)
            groups.setdefault((rest, change.before, change.after), []).append(change)
        yield from map(self._region, groups.values())

    def policies(self) -> Iterator[str]:
        """Yield a line for each pair of rules that share calls and give them other policies, if not other models."""
        for new, old in sorted((after, before) for before, after in self._met):
            before, after = self._sides[OLD].routes[old], self._sides[NEW].routes[new]
            changed = policies(before, after)
            if changed:
                worst = told(
                    self.extremes[OLD].of(before, calls_of_rule(before.accepted)),
                    self.extremes[NEW].of(after, calls_of_rule(after.accepted)),
                )
                renamed = f", now `{after.name}`," if before.name != after.name else ""
                at_worst = f" (at worst {worst})" if worst else ""
                yield f"rule `{before.name}`{renamed} changed: {', '.join(changed)}{at_worst}"

    def _same(self, before: int, after: int, task: str | None) -> bool:
        same = self._outcomes.same(before, after, task)
        if before >= 0 and after >= 0 and (same or self._named_alike(before, after)):
            self._met.add((before, after))
        return same

    def _named_alike(self, before: int, after: int) -> bool:
        return self._sides[OLD].routes[before].name == self._sides[NEW].routes[after].name

    def _region(self, group: list[Change]) -> RegionChange:
        first = group[0]
        cells = dict(first.region.cells)
        if TASK in cells:
            cells[TASK] = tuple(cell for change in group for cell in change.region.cells[TASK])
        when = {
            name: condition(cells[name], dimension.least)
            for name, dimension in {**self._sides[OLD].dimensions, **self._sides[NEW].dimensions}.items()
            if name in cells and not (name == TASK and self._every_task(len(cells[name])))
        }
        calls = calls_of_region(cells)
        before, after = (
            self._outcomes.decision(
                side,
                rule,
                self.extremes[side].of(self._sides[side].routes[rule], calls) if rule >= 0 else None,
            )
            for side, rule in ((OLD, first.before), (NEW, first.after))
        )
        options = before.models == after.models and before.refused == after.refused
        return RegionChange(when, before, after, options, sum(change.share for change in group))

    def _every_task(self, count: int) -> bool:
        words = {word for side in self._sides for word in side.dimensions[TASK].values}
        return count == len(words)
