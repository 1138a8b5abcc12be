"""Active health checks: asks endpoints how they are while nobody else does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from router.core.observer import Notice
from router.core.port import Probed
from router.policy.breaker import CLOSED
from router.policy.checkup import Checkup

if TYPE_CHECKING:
    import random

    from router.core.port import Vitality
    from router.core.request import Endpoint, HealthPolicy
    from router.runtime.engine import Engine


class Prober:
    """Checks every endpoint that has health checks, each in a task of its own, until it is stopped.

    It belongs to one event loop. A check may close a host's breaker, never that of a deployment: what answers a
    health check may still fail calls.
    """

    def __init__(self, engine: Engine, dice: random.Random) -> None:
        self._engine = engine
        self._dice = dice
        self._tasks: dict[str, tuple[Endpoint, asyncio.Task[None]]] = {}

    async def start(self) -> None:
        """Check the endpoints of the configuration in force, and only those."""
        wanted = {
            name: endpoint
            for name, endpoint in self._engine.program.endpoints.items()
            if endpoint.health is not None and self._used(endpoint)
        }
        gone = [name for name, (endpoint, _) in self._tasks.items() if wanted.get(name) != endpoint]
        await self._end(gone)
        for name, endpoint in wanted.items():
            if name not in self._tasks:
                self._tasks[name] = (endpoint, asyncio.create_task(self._watch(endpoint)))

    async def stop(self) -> None:
        """End all checks."""
        await self._end(list(self._tasks))

    async def check(self, endpoint: Endpoint, checkup: Checkup) -> None:
        """Ask one endpoint once, and act on the answer."""
        policy = endpoint.health
        provider = self._engine.snapshot.provider(endpoint)
        if policy is None or not isinstance(provider, Probed):
            return
        clock = self._engine.clock
        found: Vitality = "down"
        try:
            async with clock.timeout_at(clock.now() + policy.timeout):
                found = await provider.probe()
        except TimeoutError:
            pass
        before = checkup.state
        self._act(endpoint, checkup.took(found), policy)
        if checkup.state != before:
            self._engine.audience.noticed(Notice("health", f"endpoint `{endpoint.name}`", checkup.state))

    def _used(self, endpoint: Endpoint) -> bool:
        return any(
            deployment.endpoint.name == endpoint.name
            for model in self._engine.program.models.values()
            for deployment in model.deployments
        )

    async def _watch(self, endpoint: Endpoint) -> None:
        policy = endpoint.health
        if policy is None or not isinstance(self._engine.snapshot.provider(endpoint), Probed):
            return
        checkup = Checkup(policy)
        clock = self._engine.clock
        while True:
            await clock.sleep(checkup.pause(self._dice.random(), quiet=self._engine.quiet()))
            await self.check(endpoint, checkup)

    def _act(self, endpoint: Endpoint, state: Vitality, policy: HealthPolicy) -> None:
        gates, now = self._engine.gates, self._engine.clock.now()
        around, host = gates.around(endpoint), gates.host(endpoint)
        with gates.lock:
            if around is not None:
                around.loading = state == "loading"
            if host is None:
                return
            if state == "down":
                host.breaker.isolate(now, 2 * policy.every)
            elif host.breaker.state != CLOSED:
                host.breaker.close()

    async def _end(self, names: list[str]) -> None:
        tasks = [self._tasks.pop(name)[1] for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
