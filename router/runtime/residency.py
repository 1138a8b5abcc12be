"""Local models in memory: lets each call wait for its model's turn, loads it, and unloads others to make room."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from router.core.errors import (
    CallFailed,
    DeadlineExceeded,
    FirstTokenTimeout,
    ModelLoading,
    ServerError,
)
from router.core.observer import Notice
from router.core.port import Resident
from router.core.units import show_duration
from router.policy.residency import Admit
from router.runtime.freememory import free_memory
from router.runtime.limiter import RANKS
from router.runtime.residency_orders import load, needs_of, unload
from router.runtime.residency_state import IN_MEMORY, Home, Occupant, Signal
from router.runtime.residency_turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from router.compile.program import Deployment
    from router.core.clock import Clock
    from router.core.port import Provider, Residence
    from router.core.request import Endpoint
    from router.policy.plan import Opening
    from router.policy.residency import ResidencyPolicy

LOG = logging.getLogger("router")
ASKING = 2.0  # seconds that an endpoint has to say what is loaded
FRESH = 5.0  # seconds for which that is believed
COLD = 1.0  # seconds after which a call asks again whether its model is loaded


class Stay:
    """A call's claim on a model: as long as it holds, the model is not evicted. It ends with `end`."""

    __slots__ = ("_occupant", "_residency", "_turns")

    def __init__(self, residency: Residency, turns: Turns, occupant: Occupant) -> None:
        self._residency = residency
        self._turns = turns
        self._occupant = occupant

    async def ready(self, deadline: float) -> bool:
        """Return when the model is in memory, and whether that took any time.

        Raises:
            CallFailed: It cannot be loaded.
            DeadlineExceeded: The deadline passed.
        """
        if self._occupant.phase == "loaded":
            return False
        await self._residency.loaded(self._occupant, deadline)
        return True

    def end(self) -> None:
        """Give the claim back."""
        self._turns.left(self._occupant)


class Residency:
    """What is in memory, for all loops and threads of a router.

    Its changing state is that of `Turns`, under the same lock, and `_tasks`. A model is loaded in a task of its own:
    the call that began it may leave.

    Args:
        policy: The limits.
        clock: Where time comes from.
        notify: Is told what is loaded and unloaded.
        free: Returns bytes that the machine really has left, or None; by default it is looked at.
    """

    def __init__(
        self,
        policy: ResidencyPolicy,
        clock: Clock,
        notify: Callable[[Notice], None],
        free: Callable[[], int | None] | None = None,
    ) -> None:
        self._turns = Turns(policy, clock, free or free_memory)
        self._clock = clock
        self._notify = notify
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def policy(self) -> ResidencyPolicy:
        """The limits in force."""
        return self._turns.policy

    @property
    def homes(self) -> tuple[Home, ...]:
        """Every endpoint that was asked for so far."""
        return tuple(self._turns.homes.values())

    def adopt(self, policy: ResidencyPolicy, speaks: Callable[[Provider], bool]) -> None:
        """Put other limits in force; what is in memory stays there.

        Args:
            policy: The limits.
            speaks: Tells of a provider whether it goes on; what the others have in memory is freed with them.
        """
        with self._turns.lock:
            self._turns.policy = policy
            for home in list(self._turns.homes.values()):
                name = home.policy.endpoint
                home.old = not speaks(home.provider) or name not in policy.homes
                if home.old:
                    self._turns.drop(home)
                else:
                    home.adopt(policy.homes[name], tuple(policy.models[name].values()))

    def closed(self) -> None:
        """Take note that all providers were closed: what they had in memory is to be asked for anew."""
        with self._turns.lock:
            for key, home in list(self._turns.homes.items()):
                if all(
                    not each.claims and each.phase in ("unloaded", "loaded")
                    for each in home.occupants.values()
                ):
                    del self._turns.homes[key]

    def home(self, endpoint: str, provider: Provider) -> Home | None:
        """Return an endpoint's home, or None where nothing is declared of its memory."""
        found = self._turns.homes.get(id(provider))
        if found is not None:
            return found
        with self._turns.lock:
            policy = self._turns.policy.homes.get(endpoint)
            if policy is None:
                return None
            home = Home(provider, policy, self._turns.policy.models[endpoint].values())
            # A call of the configuration before may be late: its endpoint's memory is another's by now.
            home.old = any(
                each.policy.endpoint == endpoint and not each.old for each in self._turns.homes.values()
            )
            return self._turns.homes.setdefault(id(provider), home)

    def state(self, deployment: Deployment) -> tuple[Residence | None, int | None]:
        """Return whether a model is in memory, and the bytes it takes; None for what is not known."""
        name = deployment.endpoint.name
        home = next((each for each in self.homes if each.policy.endpoint == name and not each.old), None)
        occupant = home.occupants.get(deployment.id) if home is not None else None
        if occupant is None:
            return None, deployment.memory
        return IN_MEMORY[occupant.phase], occupant.memory

    def opening(
        self, deployment: Deployment, provider: Callable[[Endpoint], Provider], opening: Opening, now: float
    ) -> Opening:
        """Return when a candidate may be tried: under `spillover` one that is not loaded comes after all that are."""
        policy = self._turns.policy.homes.get(deployment.endpoint.name)
        if policy is None or policy.strategy != "spillover":
            return opening
        home = self.home(deployment.endpoint.name, provider(deployment.endpoint))
        occupant = home.occupants.get(deployment.id) if home is not None else None
        if occupant is None or occupant.phase == "loaded":
            return opening
        if (
            occupant.phase == "unloaded" and now >= occupant.again
        ):  # meanwhile it is loaded where there is room
            occupant.again = now + FRESH
            self._spawn(self.bring(occupant))
        return opening._replace(at=max(opening.at, now + COLD), why=f"{deployment.name} is not loaded")

    async def turn(
        self,
        deployment: Deployment,
        provider: Callable[[Endpoint], Provider],
        urgency: str,
        latest: float,
    ) -> Stay | None:
        """Wait until a call's model may be in memory, and claim it; None where nothing is declared of it.

        Args:
            deployment: The model, and where.
            provider: Returns what speaks to an endpoint.
            urgency: The call's.
            latest: When it would be too late: what comes then is left to others.

        Raises:
            Shed: It does not fit, or not in time.
            DeadlineExceeded: The deadline passed.
        """
        endpoint = deployment.endpoint
        home = self.home(endpoint.name, provider(endpoint))
        occupant = home.occupants.get(deployment.id) if home is not None else None
        if home is None or occupant is None:
            return None
        if self._turns.claim(occupant):
            return Stay(self, self._turns, occupant)
        if occupant.phase != "loaded":
            await self.ask(home, latest)
        try:
            await self._turns.wait(occupant, RANKS[urgency], latest)
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"the deadline passed while {deployment.name} waited for memory"
            ) from error
        return Stay(self, self._turns, occupant)

    async def ask(self, home: Home, deadline: float | None = None) -> None:
        """Have an endpoint say what is in its memory, unless it said so a moment ago."""
        now = self._clock.now()
        if not isinstance(home.provider, Resident):
            home.manages = False
            return
        fresh = home.asked_at is not None and now - home.asked_at < FRESH
        if home.asking or fresh:
            return
        home.asking = True
        until = now + ASKING if deadline is None else min(now + ASKING, deadline)
        try:
            async with self._clock.timeout_at(until):
                found = await home.provider.listed()
                needs = await needs_of(home)
        except (CallFailed, TimeoutError):
            return  # whether it is there, its calls will tell
        finally:
            home.asking = False
        with self._turns.lock:
            home.learn(found, needs, self._clock.now())

    async def bring(self, occupant: Occupant) -> bool:
        """Load a model that nobody has called, if that takes nobody's place; return whether it was loaded.

        Raises:
            CallFailed: It cannot be loaded.
        """
        await self.ask(occupant.home)
        free, now = self._turns.free(), self._clock.now()
        with self._turns.lock:
            if occupant.phase != "unloaded" or self._turns.waiting:
                return False
            if not isinstance(self._turns.decided(occupant, free, now), Admit):
                return False
            occupant.phase, occupant.victims = "promised", []
            occupant.claims += 1
        try:
            await self.loaded(occupant, None)
        finally:
            self._turns.left(occupant)
        return True

    async def loaded(self, occupant: Occupant, deadline: float | None) -> None:
        """Return when a claimed model is in memory.

        Raises:
            CallFailed: It cannot be loaded.
            DeadlineExceeded: The deadline passed.
        """
        signal = Signal()
        with self._turns.lock:
            if occupant.phase == "loaded":
                return
            begins = occupant.phase == "promised"
            if begins:
                occupant.phase = "loading"
            occupant.watchers.append(signal)
        if begins:
            self._spawn(self._load(occupant))
        try:
            async with self._clock.timeout_at(deadline):
                await signal.wait()
        except TimeoutError as error:
            raise DeadlineExceeded(f"the deadline passed while {occupant.model.name} was loaded") from error
        if signal.error is not None:
            raise signal.error

    def _spawn(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, CallFailed):  # observers know of those
            LOG.error("loading a model failed", exc_info=error)

    async def _load(self, occupant: Occupant) -> None:
        """Make room and load a model; whoever watches is told how it went."""
        home, began = occupant.home, self._clock.now()
        error: CallFailed | None = ServerError(f"{occupant.model.name} could not be loaded")
        try:
            async with self._clock.timeout_at(began + home.policy.load_timeout):
                for victim in occupant.victims:
                    await self.unload(victim, f"{occupant.model.name} needs its memory")
                await load(occupant)
            error = None
        except TimeoutError:
            most = show_duration(home.policy.load_timeout)
            error = FirstTokenTimeout(f"{occupant.model.name} was not loaded in {most} (`load_timeout`)")
            await self._undo(occupant)
        except CallFailed as failure:
            error = failure
        except asyncio.CancelledError:
            error = ModelLoading(f"{occupant.model.name}: the event loop that loaded it has ended")
            raise
        finally:
            self._ended(occupant, error)
        seconds = self._clock.now() - began
        if error is not None:
            self.tell(occupant, "failed", str(error))
            return
        self.tell(occupant, "loaded", f"in {seconds:.1f} s")
        if occupant.model.memory is None and occupant.computed is None:
            home.asked_at = None
            await self.ask(home)

    async def _undo(self, occupant: Occupant) -> None:
        """Have an endpoint forget a model that it may still be loading."""
        try:
            async with self._clock.timeout_at(self._clock.now() + ASKING):
                await unload(occupant)
        except (CallFailed, TimeoutError):
            LOG.debug("%s may still be loading", occupant.model.name)

    def _ended(self, occupant: Occupant, error: CallFailed | None) -> None:
        with self._turns.lock:
            if error is None:
                occupant.phase, occupant.victims, occupant.evicted = "loaded", [], False
                occupant.used = self._clock.now()
            else:
                self._turns.break_promise(occupant)
            watchers, occupant.watchers = occupant.watchers, []
        for each in watchers:
            each.error = error
            each.give()
        self._turns.settle()

    async def unload(self, occupant: Occupant, why: str) -> None:
        """Free the memory of a model that is `leaving`.

        Raises:
            CallFailed: It cannot be unloaded; it is still there.
        """
        if occupant.phase != "leaving":
            return
        done = False
        try:
            await unload(occupant)
            done = True
        finally:
            with self._turns.lock:
                occupant.phase, occupant.taker = ("unloaded" if done else "loaded"), None
                occupant.used = self._clock.now()  # what will not go is not asked again at once
            self._turns.settle()
        self.tell(occupant, "unloaded", why)

    def unused(self) -> tuple[Occupant, ...]:
        """Return what nobody has asked for so long that it is unloaded; it is `leaving` from now on."""
        now = self._clock.now()
        with self._turns.lock:
            found = [each for each, due in self._dues() if due <= now]
            for each in found:
                each.phase = "leaving"
        return tuple(found)

    def due(self) -> float | None:
        """Return when the next model is unused for too long, as things are."""
        with self._turns.lock:
            return min((due for _, due in self._dues()), default=None)

    def _dues(self) -> Iterator[tuple[Occupant, float]]:
        for home in self._turns.homes.values():
            if home.policy.idle_unload is not None and home.manages:
                for each in home.occupants.values():
                    if each.idle and not each.model.stays:
                        yield each, each.used + home.policy.idle_unload

    def tell(self, occupant: Occupant, state: str, why: str) -> None:
        """Let the observers know, where it is the router that loads and unloads."""
        if occupant.home.manages:
            self._notify(Notice("residency", occupant.model.name, state, why))
