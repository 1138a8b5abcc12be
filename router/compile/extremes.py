"""How long the calls of a rule may take at worst, and what they may cost, whatever else they say."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from router.compile.options import file_params
from router.compile.program import in_order
from router.compile.worst import NOTHING, cost_of, dearest, dollars, slowest
from router.core.dimension import MOST, NEEDS, number_ranges
from router.core.frozen import dataclass
from router.core.units import show_duration
from router.policy.split import Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal

    from router.compile.program import Deployment, Program, Route
    from router.core.dimension import Accepted
    from router.table.axis import Cell

TOKENS = "tokens"
FLAGS = (*NEEDS, "stream")
EITHER = (False, True)
MOST_CHAINS = 64


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst of some calls.

    Attributes:
        seconds: When the slowest is over if every attempt times out; None where too many splits hide it.
        usd: Dollars of the dearest, or None when unknown.
    """

    seconds: float | None
    usd: Decimal | None

    def as_json(self) -> dict[str, object]:
        """Return it as `--format json` prints it."""
        return {"worst_time": self.seconds, "worst_cost": dollars(self.usd)}


@dataclass(frozen=True, slots=True)
class Calls:
    """What bounds the calls of a rule or a region.

    Attributes:
        tokens: The most tokens of a prompt, or None when nothing bounds them.
        flags: What each of tools, images, json and stream may be.
    """

    tokens: int | None
    flags: tuple[tuple[bool, ...], ...]


def calls_of_rule(accepted: Mapping[str, Accepted]) -> Calls:
    """Return the bounds of what a rule accepts."""
    ranges = number_ranges(accepted[TOKENS]) if TOKENS in accepted else ()
    flags = tuple(
        tuple(flag for flag in EITHER if flag in accepted[name]) if name in accepted else EITHER
        for name in FLAGS
    )
    return Calls(_bounded(high for _, high in ranges), flags)


def calls_of_region(cells: Mapping[str, tuple[Cell, ...]]) -> Calls:
    """Return the bounds of a region of the table."""
    flags = tuple(
        tuple(flag for flag in EITHER if any(flag in cell.words for cell in cells[name]))
        if name in cells
        else EITHER
        for name in FLAGS
    )
    return Calls(_bounded(cell.high for cell in cells.get(TOKENS, ())), flags)


def _bounded(highs: Iterable[int]) -> int | None:
    most = max(highs, default=MOST)
    return None if most == MOST else most


class Extremes:
    """The worst of a program's calls. `_known` remembers it, for many rules share their chain and policies."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[object, Worst] = {}

    def of(self, route: Route, calls: Calls) -> Worst:
        """Return the worst of the calls that a rule decides."""
        key = (route.uses, route.policy, route.deadline, route.params.get("max_tokens"), calls)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._worst(route, calls)
        return found

    def table(self) -> Worst:
        """Return the worst over every rule."""
        return _worst_of(
            {self.of(route, calls_of_rule(route.accepted)): None for route in self._program.routes}
        )

    def _worst(self, route: Route, calls: Calls) -> Worst:
        sides = [[name for name, _ in use.shares] if isinstance(use, Split) else [use] for use in route.uses]
        if prod(len(side) for side in sides) > MOST_CHAINS:
            return Worst(None, None)
        return _worst_of(
            Worst(
                slowest(able, route.policy, route.deadline, live=live).seconds,
                self._dearest(route, able, calls.tokens),
            )
            for names in product(*sides)
            for able, live in _ways(in_order(self._program.models, list(names)), calls)
        )

    def _dearest(self, route: Route, able: tuple[Deployment, ...], tokens: int | None) -> Decimal | None:
        costs = []
        for each in able:
            params = file_params(self._program.models[each.model], route, None)
            bounds = [bound for bound in (tokens, each.context) if bound is not None]
            costs.append(cost_of(each, min(bounds, default=None), params.get("max_tokens")).worst)
        retry = route.policy.retry
        return dearest(costs, retry.attempts, retry.same)


def _ways(chain: tuple[Deployment, ...], calls: Calls) -> Iterator[tuple[tuple[Deployment, ...], bool]]:
    """Yield what may be left of a chain by what calls need, and whether they are live."""
    seen = set()
    for *needs, live in product(*calls.flags):
        needed = frozenset(name for name, flag in zip(NEEDS, needs, strict=True) if flag)
        able = tuple(each for each in chain if not each.lacks(needed))
        if (able, live) not in seen:
            seen.add((able, live))
            yield able, live


def _worst_of(each: Iterable[Worst]) -> Worst:
    """Return the worst in both respects; what is unknown of one is unknown of all."""
    seconds: float | None = 0.0
    usd: Decimal | None = NOTHING
    for one in each:
        seconds = None if seconds is None or one.seconds is None else max(seconds, one.seconds)
        usd = None if usd is None or one.usd is None else max(usd, one.usd)
    return Worst(seconds, usd)


def told(before: Worst | None, after: Worst | None) -> str:
    """Return how the worst changes: `60s -> 90s, $0.01 -> unknown`; "" where it does not or no model is asked."""
    if before is None or after is None:
        return ""
    pairs = (
        (_seconds(before.seconds), _seconds(after.seconds)),
        (_dollars(before.usd), _dollars(after.usd)),
    )
    return ", ".join(f"{was} -> {now}" for was, now in pairs if was != now)


def _seconds(seconds: float | None) -> str:
    return "unknown time" if seconds is None else show_duration(round(seconds, 3))


def _dollars(usd: Decimal | None) -> str:
    return "unknown cost" if usd is None else f"${dollars(usd)}"
