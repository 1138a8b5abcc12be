"""Whose turn it is: calls wait here until their model may be in memory, and others are given up for it."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from router.core.errors import Shed
from router.core.units import show_duration
from router.policy.residency import Admit, Evict, Never, Next, Wait, decide, overtakes
from router.runtime.residency_state import Home, Occupant, Signal, Waiter, rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from router.core.clock import Clock
    from router.policy.residency import Decision, ResidencyPolicy

LOOK = 1.0  # seconds between two looks at what the machine really has left


class Turns:
    """Everybody's turn, on all loops and threads of a router.

    Its changing state (`homes`, `waiting` and what is in them) is guarded by `lock`, which is held for microseconds,
    never over an await.

    Args:
        policy: The limits.
        clock: Where time comes from.
        free: Returns bytes that the machine really has left, or None.
    """

    def __init__(self, policy: ResidencyPolicy, clock: Clock, free: Callable[[], int | None]) -> None:
        self.lock = threading.Lock()
        self.policy = policy
        self.homes: dict[int, Home] = {}
        self.waiting: list[Waiter] = []
        self._clock = clock
        self._read = free
        self._ages = itertools.count()

    def claim(self, occupant: Occupant) -> bool:
        """Claim a model that is in memory, if nobody waits for any."""
        with self.lock:
            there = occupant.phase == "loaded" and not self.waiting
            occupant.claims += there
        return there

    async def wait(self, occupant: Occupant, urgency: int, deadline: float) -> None:
        """Wait for a model's turn; when this returns, it is claimed.

        Raises:
            Shed: It does not fit, or not in time.
            TimeoutError: The deadline passed.
        """
        now = self._clock.now()
        waiter = Waiter(occupant, urgency, next(self._ages), now, Signal())
        sent_away = None
        with self.lock:
            sent_away = self._crowded(waiter)
            if sent_away is not waiter:
                self.waiting.append(waiter)
        if sent_away is not None:
            sent_away.signal.give()
        self.settle()
        limit = now + occupant.home.policy.queue_timeout
        try:
            while not waiter.granted and waiter.error is None:
                await self._next_look(waiter, min(limit, deadline))
        except BaseException as error:
            self._forget(waiter)
            if isinstance(error, TimeoutError) and limit < deadline:
                raise _shed(
                    waiter, f"waited {show_duration(occupant.home.policy.queue_timeout)}: {waiter.why}"
                ) from error
            raise
        if waiter.error is not None:
            raise waiter.error

    async def _next_look(self, waiter: Waiter, limit: float) -> None:
        """Wait until something has changed, at most until a time."""
        again = self._clock.now() + LOOK
        soon = waiter.real and again < limit
        try:
            async with self._clock.timeout_at(again if soon else limit):
                await waiter.signal.wait()
        except TimeoutError:
            if not soon:
                raise
            waiter.signal = Signal()
            self.settle()

    def _crowded(self, waiter: Waiter) -> Waiter | None:
        """Return who has to go because too many wait at an endpoint: the least urgent, the youngest of those."""
        policy = waiter.occupant.home.policy
        others = [each for each in self.waiting if each.occupant.home is waiter.occupant.home]
        if len(others) < policy.queue_max or waiter.occupant.phase in ("promised", "loading", "loaded"):
            return None
        worst = max([*others, waiter], key=lambda each: (each.urgency, each.age))
        worst.error = _shed(worst, f"too many calls wait for memory at `{policy.endpoint}` ({len(others)})")
        if worst is not waiter:
            self.waiting.remove(worst)
        return worst

    def _forget(self, waiter: Waiter) -> None:
        """Forget a call that no longer waits; the claim it was given in the same moment goes back."""
        with self.lock:
            granted = waiter.granted
            if waiter in self.waiting:
                self.waiting.remove(waiter)
        if granted:
            self.left(waiter.occupant)
        else:
            self.settle()

    def left(self, occupant: Occupant) -> None:
        """Take back one claim on a model."""
        with self.lock:
            occupant.claims -= 1
            occupant.used = self._clock.now()
            if not occupant.claims and occupant.phase == "promised":  # nobody wants it any more
                self.break_promise(occupant)
            if occupant.home.old:
                self.drop(occupant.home)
        self.settle()

    def settle(self) -> None:
        """Let everybody go on whose turn it is; the time is read where somebody waits."""
        if not self.waiting:
            return
        free, now = self.free(), self._clock.now()
        with self.lock:
            done = list(self._granted(free, now))
            self.waiting = [each for each in self.waiting if each not in done]
        for waiter in done:
            waiter.signal.give()

    def free(self) -> int | None:
        """Return what the machine really has left, where that is of any matter."""
        return self._read() if any(each.here for each in self.policy.homes.values()) else None

    def _granted(self, free: int | None, now: float) -> Iterator[Waiter]:
        """Yield who no longer waits, the most urgent and oldest first: granted, or sent away."""
        ahead: list[Waiter] = []
        for waiter in sorted(self.waiting, key=lambda each: (each.urgency, each.age)):
            if self._may_go(waiter, ahead, free, now):
                waiter.granted = True
                waiter.occupant.claims += 1
            if waiter.granted or waiter.error is not None:
                yield waiter
            else:
                ahead.append(waiter)

    def _may_go(self, waiter: Waiter, ahead: Iterable[Waiter], free: int | None, now: float) -> bool:
        """Whether a call's turn has come; its model is promised its memory then."""
        occupant = waiter.occupant
        before = [each for each in ahead if self._compete(each, waiter)]
        in_memory = occupant.phase in ("promised", "loading", "loaded")
        policy = occupant.home.policy
        if not all(
            overtakes(
                policy.strategy,
                urgency=waiter.urgency,
                other=each.urgency,
                waited=now - each.since,
                max_wait=policy.max_wait,
            )
            for each in before
        ):
            waiter.why = waiter.why or "calls that came first wait for room"
            return False
        if in_memory:
            return True
        if occupant.phase == "leaving":
            waiter.why = f"{occupant.model.name} is being unloaded"
            return False
        return self._promise(waiter, alone=not before, free=free, now=now)

    def _promise(self, waiter: Waiter, *, alone: bool, free: int | None, now: float) -> bool:
        """Promise a model its memory if it fits, or others can go."""
        occupant = waiter.occupant
        decision = self.decided(occupant, free, now)
        waiter.real = False
        if isinstance(decision, Admit):
            occupant.phase, occupant.victims = "promised", []
            return True
        if isinstance(decision, Evict):
            waiter.why = waiter.why or "others have to be unloaded first"
            if alone:
                self._give_up(occupant, decision)
            return alone
        waiter.why = decision.why
        if isinstance(decision, Never):
            waiter.error = _shed(waiter, decision.why)
            waiter.error.retryable = False
        elif isinstance(decision, Next):
            waiter.error = _shed(waiter, decision.why)
        waiter.real = isinstance(decision, Wait) and free is not None
        return False

    def decided(self, occupant: Occupant, free: int | None, now: float) -> Decision:
        """Return what to do about a model that is to be loaded; under the lock."""
        found = rooms(occupant, self.homes.values(), self.policy, free, now)
        return decide(found, occupant.home.policy.when_full)

    def _give_up(self, occupant: Occupant, decision: Evict) -> None:
        by_key = {each.key: each for home in self.homes.values() for each in home.occupants.values()}
        occupant.victims = [by_key[key] for key in decision.keys]
        for victim in occupant.victims:
            victim.phase, victim.taker, victim.evicted = "leaving", occupant, True
        occupant.phase = "promised"

    def break_promise(self, occupant: Occupant) -> None:
        """Take note that a model is not loaded after all; what is still there of its victims stays; under the lock."""
        occupant.phase = "unloaded"
        for victim in occupant.victims:
            if victim.phase == "leaving":
                victim.phase, victim.taker, victim.evicted = "loaded", None, False
        occupant.victims = []

    def drop(self, home: Home) -> None:
        """Forget an endpoint that the file no longer has, once nobody uses it: its provider is closed then."""
        if not any(each.claims for each in home.occupants.values()):
            self.homes.pop(id(home.provider), None)

    def _compete(self, one: Waiter, other: Waiter) -> bool:
        """Whether two calls wait for the same memory."""
        here, there = one.occupant.home, other.occupant.home
        if one.occupant is other.occupant:
            return True
        shared = (self.policy.machine is not None and here.policy.local and there.policy.local) or (
            here.policy.here and there.policy.here
        )
        return here is there or shared


def _shed(waiter: Waiter, why: str) -> Shed:
    return Shed(f"{waiter.occupant.model.name} is not loaded: {why}")
