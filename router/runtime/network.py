"""Whether there is a network: what calls learn of it, and which remote candidate may probe it."""

from __future__ import annotations

import threading
from math import inf
from typing import TYPE_CHECKING

from router.core.errors import CallFailed, ConnectFailed, UpstreamRedirect
from router.core.observer import Notice
from router.policy.offline import Network
from router.runtime.gates import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router.compile.program import Deployment, Program
    from router.core.request import Endpoint
    from router.policy.plan import Opening

SUBJECT = "remote endpoints"
GONE = "the network is gone"


class Connectivity:
    """What all calls of a router learn of the network.

    Its state is guarded by its lock, which is held for microseconds, never over an await.

    Args:
        program: The configuration in force.
        notify: Is told when the network goes and comes back.
    """

    def __init__(self, program: Program, notify: Callable[[Notice], None]) -> None:
        self._lock = threading.Lock()
        self._notify = notify
        self._network = Network(remote_hosts(program))

    @property
    def offline(self) -> bool:
        """Whether the network is taken to be gone."""
        return self._network.offline

    def adopt(self, program: Program) -> None:
        """Know of another configuration's hosts; whether there is a network stays known."""
        with self._lock:
            self._network.serve(remote_hosts(program))

    def opening(
        self, candidates: Sequence[Deployment], index: int, gate: Callable[[int], Opening], now: float
    ) -> Opening:
        """Return when a candidate may be tried; while the network is gone, one remote one is let through in turn.

        Args:
            candidates: All of the call.
            index: Which one.
            gate: Returns what the gate of each says.
            now: The time.
        """
        opening = gate(index)
        if not self._network.offline or candidates[index].endpoint.locality == "local":
            return opening
        opens = self._network.opens(now)
        if opens <= now and self._turn(candidates, gate, now) == index:
            return opening
        # Whoever has to wait for another's probe asks again a moment later.
        at = max(opening.at, opens, now + 1.0 if opens <= now else 0.0)
        return opening._replace(at=at, panic=max(opening.panic, at), why=GONE)

    def admit(self, endpoint: Endpoint, now: float) -> bool:
        """Whether an attempt may go out; while the network is gone, one in fifteen seconds."""
        if not self._network.offline or endpoint.locality == "local":
            return True
        with self._lock:
            return self._network.probed(now)

    def learned(self, endpoint: Endpoint, error: BaseException | None, now: float) -> None:
        """Take in how an attempt went; None for a good answer."""
        if endpoint.locality == "local":
            return
        with self._lock:
            turned = self._learned(host_of(endpoint), error, now)
            offline = self._network.offline
        if turned:
            detail = str(error) if offline else ""
            self._notify(Notice("network", SUBJECT, "offline" if offline else "online", detail))

    def _learned(self, host: str, error: BaseException | None, now: float) -> bool:
        if isinstance(error, ConnectFailed):
            return self._network.failed(host, now)
        # A refusal is an answer too; a redirect may be that of a hotel's login page.
        refused = isinstance(error, CallFailed) and error.status is not None
        if error is None or (refused and not isinstance(error, UpstreamRedirect)):
            return self._network.reached()
        return False

    def _turn(
        self, candidates: Sequence[Deployment], gate: Callable[[int], Opening], now: float
    ) -> int | None:
        """Return the remote candidate to probe with: of those that may be tried the one that failed longest ago."""
        waited: dict[int, float] = {}
        for index, candidate in enumerate(candidates):
            if candidate.endpoint.locality == "remote" and min(gate(index).at, gate(index).panic) <= now:
                waited[index] = self._network.waited(host_of(candidate.endpoint))
        return min(waited, key=lambda index: waited.get(index, inf), default=None)


def remote_hosts(program: Program) -> frozenset[str]:
    """Return the hosts of all remote endpoints that a model uses."""
    deployments = (each for model in program.models.values() for each in model.deployments)
    return frozenset(host_of(each.endpoint) for each in deployments if each.endpoint.locality == "remote")


def network_of(
    program: Program, before: Connectivity | None, notify: Callable[[Notice], None]
) -> Connectivity | None:
    """Return what is known of the network under a configuration; None where it does not matter.

    Args:
        program: The configuration.
        before: What was known under the one before.
        notify: Is told when the network goes and comes back.
    """
    if program.offline is None or program.offline.only or not remote_hosts(program):
        return None
    if before is None:
        return Connectivity(program, notify)
    before.adopt(program)
    return before
