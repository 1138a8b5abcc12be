"""The care for local models beside the calls: loads the first ones, unloads unused ones, brings back the usual ones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from router.core.errors import CallFailed, ConfigError
from router.runtime.residency import Residency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.core.clock import Clock
    from router.core.observer import Notice
    from router.runtime.residency_state import Occupant
    from router.runtime.snapshot import Snapshot

LOG = logging.getLogger("router")
LEAST = 0.01  # seconds between two looks
AGAIN = 60.0  # seconds until a model that could not be loaded is tried again


class Care:
    """One task's work, from the start of a router to its end.

    Its changing state, its one task's alone: when each model that could not be loaded was last tried.

    Args:
        residency: What is in memory.
        snapshot: The configuration in force, and what speaks to its endpoints.
        clock: Where time comes from.
    """

    def __init__(self, residency: Residency, snapshot: Snapshot, clock: Clock) -> None:
        self._residency = residency
        self._snapshot = snapshot
        self._clock = clock
        self._failed: dict[str, float] = {}

    async def run(self) -> None:
        """Ask every endpoint what is loaded, load what is to be, and look after all of it for ever."""
        await self._ask()
        for occupant in self._usual():
            if not await self._bring(occupant) and occupant.phase == "unloaded":
                self._residency.tell(occupant, "failed", "it does not fit beside what is in memory")
        while (pause := self._pause()) is not None:
            await self._clock.sleep(pause)
            try:
                await self.sweep()
            except Exception:  # a provider's fault must not end the care unseen
                LOG.exception("local models could not be looked after")

    async def sweep(self) -> None:
        """Unload what nobody has asked for so long; what went to make room for it comes back."""
        for occupant in self._residency.unused():
            try:
                await self._residency.unload(occupant, "nobody asked for it")
            except CallFailed as error:
                self._residency.tell(occupant, "failed", f"it cannot be unloaded: {error}")
        for occupant in self._usual():
            if occupant.evicted and self._clock.now() >= self._failed.get(occupant.model.name, 0.0):
                await self._bring(occupant)

    async def _ask(self) -> None:
        snapshot = self._snapshot
        for name in self._residency.policy.homes:
            try:
                provider = snapshot.provider(snapshot.program.endpoints[name])
                home = self._residency.home(name, provider)
            except (CallFailed, ConfigError):  # its calls will tell
                continue
            if home is not None:
                await self._residency.ask(home)

    def _usual(self) -> Iterator[Occupant]:
        """Yield the models that are to be in memory whenever there is room, in the file's order."""
        for home in self._residency.homes:
            if not home.old:
                yield from (each for each in list(home.occupants.values()) if each.model.preload)

    async def _bring(self, occupant: Occupant) -> bool:
        try:
            return await self._residency.bring(occupant)
        except CallFailed:  # observers know of it already
            self._failed[occupant.model.name] = self._clock.now() + AGAIN
            return True

    def _pause(self) -> float | None:
        """Return seconds until something may be unused for too long; None where nothing ever is."""
        limits = [
            each.idle_unload for each in self._residency.policy.homes.values() if each.idle_unload is not None
        ]
        if not limits:
            return None
        due = self._residency.due()
        return max(LEAST, min([*limits, *([due - self._clock.now()] if due is not None else [])]))


def residency_of(
    snapshot: Snapshot, before: Residency | None, clock: Clock, notify: Callable[[Notice], None]
) -> Residency | None:
    """Return what is known of local models under a configuration; None where it declares nothing of them.

    Args:
        snapshot: The configuration, and what speaks to its endpoints.
        before: What was known under the one before.
        clock: Where time comes from.
        notify: Is told what is loaded and unloaded.
    """
    policy = snapshot.program.residency
    if policy is None:
        return None
    if before is None:
        return Residency(policy, clock, notify)
    before.adopt(policy, snapshot.speaks)
    return before
