"""Active health checks: asks endpoints how they are while nobody else does."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from router.core.errors import ConfigError
from router.core.observer import Notice
from router.core.port import Probed
from router.policy.breaker import CLOSED
from router.policy.checkup import Checkup
from router.runtime.engine import QUIET

if TYPE_CHECKING:
    from router.core.port import Vitality
    from router.core.request import Endpoint, HealthPolicy
    from router.runtime.engine import Engine

LOG = logging.getLogger("router")


class Prober:
    """Checks every endpoint that has health checks, each in a task of its own, until it is stopped.

    It belongs to one event loop. A check may close a host's breaker, never that of a deployment: what answers a
    health check may still fail calls.
    """

    # Mutable: the tasks, and those that are ending; the one loop alone touches them.

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._began = engine.now()
        self._tasks: dict[str, tuple[Endpoint, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def update(self) -> None:
        """Check the endpoints of the configuration in force, and only those; what stays the same goes on."""
        wanted = self._wanted()
        for name in [name for name, (endpoint, _) in self._tasks.items() if wanted.get(name) != endpoint]:
            self._end(name)
        for name, endpoint in wanted.items():
            try:
                provider = self._engine.snapshot.provider(endpoint)
            except ConfigError:
                continue  # nothing speaks to it; its calls will tell
            if name not in self._tasks and isinstance(provider, Probed):
                self._tasks[name] = (endpoint, asyncio.create_task(self._watch(endpoint, provider)))

    async def stop(self) -> None:
        """End all checks; what they said is forgotten."""
        for name in list(self._tasks):
            self._end(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _wanted(self) -> dict[str, Endpoint]:
        """Return the endpoints that have checks and that a model uses."""
        deployments = [each for model in self._engine.program.models.values() for each in model.deployments]
        endpoints = {each.endpoint.name: each.endpoint for each in deployments}
        barred = self._engine.program.barred
        return {
            name: endpoint
            for name, endpoint in endpoints.items()
            if endpoint.health is not None and barred(endpoint) is None
        }

    async def _watch(self, endpoint: Endpoint, provider: Probed) -> None:
        policy, clock = endpoint.health, self._engine.clock
        assert policy is not None  # noqa: S101 - only such are wanted
        checkup = Checkup(policy)
        loads_since: float | None = None
        while True:
            quiet = self._engine.quiet() and clock.now() > self._began + QUIET
            await clock.sleep(checkup.pause(self._engine.dice.random(), quiet=quiet))
            found = await self._asked(endpoint, provider, policy)
            if found != "loading":
                loads_since = None
            elif loads_since is None:
                loads_since = clock.now()
            elif clock.now() - loads_since > endpoint.load_timeout:
                found = "down"  # what loads for ever is of no use
            before = checkup.state
            self._act(endpoint, found, checkup.took(found), policy)
            if checkup.state != before:
                self._engine.audience.noticed(Notice("health", f"endpoint `{endpoint.name}`", checkup.state))

    async def _asked(self, endpoint: Endpoint, provider: Probed, policy: HealthPolicy) -> Vitality:
        clock = self._engine.clock
        try:
            async with clock.timeout_at(clock.now() + policy.timeout):
                return await provider.probe()
        except TimeoutError:
            return "down"
        except Exception:  # a provider's fault must not end its checks unseen
            LOG.exception("the health check of endpoint %s failed", endpoint.name)
            return "down"

    def _act(self, endpoint: Endpoint, found: Vitality, verdict: Vitality, policy: HealthPolicy) -> None:
        """Let the gates know: `found` by the last check, `verdict` by all."""
        gates, now = self._engine.gates, self._engine.now()
        with gates.lock:
            around, host = gates.around(endpoint), gates.host(endpoint)
            if around is not None:
                around.health, around.loading = verdict, verdict == "loading"
            if host is None:
                return
            if verdict == "down":
                host.breaker.isolate(now, 2 * policy.every)
            elif found != "down" and host.breaker.state != CLOSED:
                host.breaker.close()

    def _end(self, name: str) -> None:
        endpoint, task = self._tasks.pop(name)
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        with self._engine.gates.lock:
            around = self._engine.gates.around(endpoint)
            if around is not None:
                around.health, around.loading = None, False
