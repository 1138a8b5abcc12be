"""Two programs, and what differs in what holds for the whole file, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.compile.altered import altered, fields_of
from router.compile.places import came_and_went
from router.core.frozen import dataclass
from router.core.units import show_duration
from router.core.usage import from_nano

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from _typeshed import DataclassInstance

    from router.compile.altered import Parts
    from router.compile.program import Program, Route
    from router.core.dimension import Dimension
    from router.policy.offline import OfflinePolicy

# What a route may have that differs, and how a line names it.
POLICIES = {
    "policy": "retry or failover",
    "deadline": "deadline",
    "urgency": "urgency",
    "inside": "streaming inside",
    "buffered": "delivery",
    "restart": "interruptions",
    "cache": "cache",
    "no_degrade": "no_degrade",
}


@dataclass(frozen=True, slots=True)
class _Machine:
    """The machine under local endpoints: bytes that their models may occupy together."""

    memory: int


def policies(before: Route, after: Route) -> list[str]:
    """Return the policies that two rules do not share, in words."""
    return [word for name, word in POLICIES.items() if getattr(before, name) != getattr(after, name)]


def whole(old: Program, new: Program) -> Iterator[str]:
    """Yield a line for each thing of the whole file that came, went or changed."""
    yield from _dimensions(old.dimensions, new.dimensions)
    yield from _one("temperatures", altered(_temperatures(old, new)))
    direct = policies(old.direct, new.direct)
    if direct:
        yield f"calls that name their model changed: {', '.join(direct)}"
    if (old.breaker is None) != (new.breaker is None):
        yield f"breaker is {'on' if old.breaker is None else 'off'}"
    else:
        yield from _block("breaker", old.breaker, new.breaker)
    yield from _block("hedge", old.hedge, new.hedge)
    yield from _cache(old, new)
    yield from _costs(old, new)
    yield from _offline(old, new)
    yield from _invariants(old, new)
    yield from _block("machine", _machine(old), _machine(new))
    yield from _block("log", old.log, new.log)
    yield from _one("speeds", altered(_speeds(old, new)))


def _one(what: str, changed: Iterable[str]) -> Iterator[str]:
    found = ", ".join(changed)
    if found:
        yield f"{what} changed: {found}"


def _block(
    what: str, before: DataclassInstance | None, after: DataclassInstance | None, *without: str
) -> Iterator[str]:
    """Yield a line for a block that came, went or changed; None is one that the file does not have."""
    if before is not None and after is not None:
        yield from _one(what, altered(fields_of(before, after, *without)))
    elif before is not after:
        yield f"{what} is {'new' if before is None else 'gone'}"


def _dimensions(old: Mapping[str, Dimension], new: Mapping[str, Dimension]) -> Iterator[str]:
    yield from came_and_went("dimension", old, new)
    for name in sorted(old.keys() & new.keys()):
        was, now = old[name], new[name]
        parts = [
            ("type", was.kind, now.kind),
            ("values", frozenset(was.values), frozenset(now.values)),
            ("default", was.default, now.default),
        ]
        yield from _one(f"dimension `{name}`", altered(parts))


def _temperatures(old: Program, new: Program) -> Parts:
    for task in {**old.temperatures, **new.temperatures}:
        was, now = (each.temperatures.get(task) for each in (old, new))
        yield task, was.value if was is not None else None, now.value if now is not None else None


def _cache(old: Program, new: Program) -> Iterator[str]:
    """Yield what differs in answers that stand for new ones; those for when nobody answers are `offline`'s."""
    before, after = (
        each.cache if each.cache is not None and each.cache.fresh else None for each in (old, new)
    )
    yield from _block("cache", before, after, "fresh", "stale")


def _costs(old: Program, new: Program) -> Iterator[str]:
    if old.costs is not None and new.costs is not None:
        words = {True: "allow", False: "deny"}
        allowed = ("on_ledger_error", words[old.costs.allow], words[new.costs.allow])
        rest = fields_of(old.costs, new.costs, "budgets", "allow")
        yield from _one("costs", altered([allowed, *rest]))
    else:
        yield from _block("costs", old.costs, new.costs)
    was, now = ({each.name: each for each in side.costs.budgets} if side.costs else {} for side in (old, new))
    yield from came_and_went("budget", was, now)
    for name in sorted(was.keys() & now.keys()):
        before, after = was[name], now[name]
        limits = ("limit", from_nano(before.limit), from_nano(after.limit))
        yield from _one(f"budget `{name}`", altered([limits, *fields_of(before, after, "limit", "zone")]))
    order = [[name for name in side if name in was and name in now] for side in (was, now)]
    if order[0] != order[1]:
        yield "budgets stand in another order"


def _offline(old: Program, new: Program) -> Iterator[str]:
    """Yield what differs where every candidate failed or there is no network."""
    before, after = old.offline, new.offline
    if before is None or after is None:
        yield from _block("offline", before, after)
        return
    parts = [("mode", _mode(before), _mode(after)), ("use", _uses(before), _uses(after))]
    rest = [("stale_cache", before.stale, after.stale), ("replies", before.replies, after.replies)]
    yield from _one("offline", altered([*parts, *rest]))


def _mode(policy: OfflinePolicy) -> str:
    return "only" if policy.only else "auto"


def _uses(policy: OfflinePolicy) -> str:
    return ", ".join(use if isinstance(use, str) else use.in_words for use in policy.uses) or "none"


def _invariants(old: Program, new: Program) -> Iterator[str]:
    was, now = ({each.name: each for each in side.invariants} for side in (old, new))
    yield from came_and_went("invariant", was, now)
    for name in sorted(was.keys() & now.keys()):
        yield from _one(f"invariant `{name}`", altered(fields_of(was[name], now[name], "span")))


def _machine(program: Program) -> _Machine | None:
    memory = program.residency.machine if program.residency is not None else None
    return _Machine(memory) if memory is not None else None


def _speeds(old: Program, new: Program) -> Parts:
    for place in {**old.speeds, **new.speeds}:
        was, now = (each.speeds.get(place) for each in (old, new))
        before, after = (None if each is None else show_duration(each) for each in (was, now))
        yield f"`{place[0]}` at `{place[1]}`", before, after
