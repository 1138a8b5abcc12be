"""One simulation: a storm, then fair weather, then judgement."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from router.core.clock import LoopClock
from router.core.frozen import dataclass
from router.testing.simulate.adorning import adorned
from router.testing.simulate.callers import Ask, Seen, crowd, make, startle
from router.testing.simulate.history import BOOKED, History, Notes
from router.testing.simulate.invariants import INVARIANTS
from router.testing.simulate.regulars import named
from router.testing.simulate.setting import invent
from router.testing.simulate.weather import cut_off, forecast
from router.testing.simulate.world import World
from router.testing.virtual import LostWakeup, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router.core.clock import Clock
    from router.core.observer import Observer
    from router.core.port import Provider
    from router.testing.simulate.callers import Phase, Routed

TRIPPED = 3700.0  # no breaker stays open longer
COOLED = 125.0
EPOCH = 1_800_000_000  # seconds since 1970
MONTH = 31 * 86400
OUTAGES = 0.7  # of worlds that declare what happens without a network
TRIPS = frozenset({"authentication", "quota_exhausted", "model_not_found"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What a router is to be made from.

    Attributes:
        text: The configuration, a `router.yaml`.
        env: The variables that it refers to.
        providers: The doubles of its endpoints, by name.
        dice: Where its chance comes from.
        observers: Who is told.
        clock: Where time comes from.
    """

    text: str
    env: Mapping[str, str]
    providers: Mapping[str, Provider]
    dice: random.Random
    observers: Sequence[Observer]
    clock: Clock


class WorldClock(LoopClock):
    """The loop's clock, with a date that goes on with it.

    Args:
        start: Seconds since 1970 at which the loop begins.
    """

    def __init__(self, start: float) -> None:
        self._start = start

    def wall(self) -> float:
        """Return seconds since 1970."""
        return self._start + self.now()


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and how it shows."""

    invariant: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a simulation.

    Attributes:
        seed: What it was made from: the same seed gives the same simulation.
        violations: Every invariant that did not hold.
        history: What happened, or None when the loop itself gave up.
    """

    seed: int
    violations: tuple[Violation, ...]
    history: History | None

    def __str__(self) -> str:
        found = [f"seed {self.seed}: {len(self.violations)} violations"]
        return "\n".join(found + [f"  {each.invariant}: {each.detail}" for each in self.violations])


def simulate(load: Callable[[Parts], Routed], seed: int, calls: int = 60) -> Report:
    """Put a router through a storm and judge it by what the world saw.

    Args:
        load: Makes the router.
        seed: Decides everything that is random.
        calls: About how many calls the storm has.
    """
    history: list[History] = []
    try:
        run_virtual(_Simulation(load, seed, calls).run(history))
    except LostWakeup as error:
        return Report(seed, (Violation("no wake-up is lost", str(error)),), None)
    found = [
        Violation(check.__name__.replace("_", " "), detail)
        for check in INVARIANTS
        for detail in check(history[0])
    ]
    return Report(seed, tuple(found), history[0])


class _Simulation:
    """One run. Mutable: `seen`, every call so far; the task of one loop appends to it."""

    def __init__(self, load: Callable[[Parts], Routed], seed: int, calls: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - a seed is the point
        self.seed = seed
        self.dice = dice
        other = random.Random(seed + 2)  # noqa: S311 - so that storms are the same with and without
        self.start = EPOCH + round(other.uniform(0, MONTH))
        self.setting = adorned(invent(dice), other)
        self.horizon = dice.choice((40.0, 60.0, 90.0))
        weather = {name: forecast(each, self.horizon, dice) for name, each in self.setting.upstreams.items()}
        if self.setting.ladder is not None and other.random() < OUTAGES:
            since = other.uniform(0, self.horizon)
            until = min(self.horizon, since + other.choice((15.0, 30.0, 45.0)))
            for name, each in self.setting.upstreams.items():
                if not each.local:
                    weather[name] = cut_off(weather[name], since, until)
        self.asks = named(self.setting, crowd(self.setting, self.horizon, dice, calls), other)
        self.startled: dict[int, asyncio.Task[None]] = {}
        self.world = World(self.setting, weather, dice, lambda: startle(self.startled, dice))
        self.notes = Notes()
        chance = random.Random(seed + 1)  # noqa: S311 - a seed is the point
        self.parts = Parts(
            self.setting.text,
            self.setting.env,
            dict(self.world.providers),
            chance,
            (self.notes,),
            WorldClock(self.start),
        )
        self.load = load
        self.seen: list[Seen] = []

    async def run(self, into: list[History]) -> None:
        loop = asyncio.get_running_loop()
        async with self.load(self.parts) as router:
            await asyncio.gather(*(self._come(router, ask) for ask in self.asks))
            await asyncio.sleep(max(0.0, self.horizon - loop.time()))
            healed = loop.time()
            await self._tail(router)
            books = router.usage(by=BOOKED)
        mine = asyncio.current_task()
        left = [str(task.get_coro()) for task in asyncio.all_tasks() if task is not mine]
        history = History(
            self.seed, self.setting, self.seen, self.world.hits, self.notes, self.start, books.rows
        )
        history.healed, history.left_over = healed, left
        into.append(history)

    async def _tail(self, router: Routed) -> None:
        """Call now and then until everything must be well; then all at once."""
        await self._rounds(router, 10, 4.0)
        until = [hit.told_at + TRIPPED for hit in self.world.hits if hit.told in TRIPS]
        until += [hit.told_at + COOLED for hit in self.world.hits if (hit.retry_after or 0.0) > 60]  # noqa: PLR2004
        now = asyncio.get_running_loop().time()
        if self.setting.money is not None and self.setting.money.bounds:
            until.append(now + TRIPPED)  # until budgets begin anew
        if max(until, default=0.0) > now:
            await asyncio.sleep(max(until) - now)
            await self._rounds(router, 4, 4.0)
        await asyncio.sleep(70)
        for name in self.setting.models:
            await self._all(router, [name], "final")
        await asyncio.sleep(70)
        self.world.hold = 1.0
        for name, upstream in self.setting.upstreams.items():
            lone = next(
                model
                for model, places in self.setting.models.items()
                if [place.endpoint for place in places] == [name]
            )
            await self._all(router, [lone] * upstream.concurrency, "wave")

    async def _rounds(self, router: Routed, count: int, pause: float) -> None:
        for _ in range(count):
            await self._all(router, list(self.setting.models), "round")
            await asyncio.sleep(pause)

    async def _all(self, router: Routed, models: list[str], phase: Phase) -> None:
        first = len(self.seen)
        asks = [self._last(first + more, name, phase) for more, name in enumerate(models)]
        await asyncio.gather(*(self._come(router, ask) for ask in asks))

    def _last(self, number: int, model: str, phase: Phase) -> Ask:
        if self.setting.money is None:
            return Ask(number, model=model, phase=phase)
        return Ask(number, model=model, phase=phase, user=f"guest {number}", most=20)

    async def _come(self, router: Routed, ask: Ask) -> None:
        seen = Seen(ask)
        self.seen.append(seen)
        await asyncio.sleep(max(0.0, ask.at - asyncio.get_running_loop().time()))
        await make(router, seen, self.startled)
