"""All gates of a router: they outlive a reload for whatever stays the same."""

from __future__ import annotations

import hashlib
import sys
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from router.core.observer import Notice
from router.policy.breaker import CLOSED, Breaker, BreakerPolicy
from router.policy.calibration import Calibration
from router.policy.rate import Rate, RetryBudget
from router.runtime.gate import Gate, Guard, Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.compile.program import Deployment, Program
    from router.core.request import Endpoint
    from router.policy.kinds import Scope

_Key = tuple[str, ...]
# Where the file switches breakers off, failures open nothing: only a health check or a refused credential does.
PATIENT = BreakerPolicy(failures=sys.maxsize, minimum=sys.maxsize)


class Gates:
    """Makes each gate once, and remembers it by what it really stands for: address, model, credential.

    Its state is guarded by its lock. What a reload leaves without use is forgotten with it.
    """

    def __init__(self, notify: Callable[[Notice], None]) -> None:
        self.lock = threading.Lock()
        self._notify = notify
        self._gates: dict[_Key, Gate] = {}
        self._around: dict[_Key, Surroundings] = {}
        self._guards: dict[_Key, Guard] = {}
        self._scales: dict[_Key, Calibration] = {}

    def of(self, program: Program) -> dict[Deployment, Gate]:
        """Return the gate of every deployment of a program, and forget all others."""
        with self.lock:
            known = (self._gates, self._around, self._guards)
            self._gates, self._around, self._guards = {}, {}, {}
            scales, self._scales = self._scales, {}
            for model in program.models.values():
                for each in model.deployments:
                    scale = (each.model, each.id)
                    self._scales[scale] = scales.get(scale) or self._scales.get(scale) or Calibration()
            found = {
                deployment: self._gate(deployment, program.breaker, known)
                for model in program.models.values()
                for deployment in model.deployments
            }
            for deployment, gate in found.items():
                gate.expects(program.speeds.get((deployment.model, deployment.endpoint.name)))
            kept = {id(guard) for guard in self._guards.values()}
            gone = {
                guard.name
                for guard in known[2].values()
                if id(guard) not in kept and guard.breaker.state != CLOSED
            }
        for name in sorted(gone):  # whoever counts open breakers is not left with one that nobody closes
            self._notify(Notice("breaker", name, "closed", "no longer in the configuration"))
        return found

    def host(self, endpoint: Endpoint) -> Guard | None:
        """Return the breaker of an endpoint's host."""
        return self._guards.get(("host", host_of(endpoint)))

    def around(self, endpoint: Endpoint) -> Surroundings | None:
        """Return what the deployments at an endpoint share."""
        return self._around.get(_place(endpoint))

    def _gate(
        self,
        deployment: Deployment,
        policy: BreakerPolicy | None,
        known: tuple[dict[_Key, Gate], dict[_Key, Surroundings], dict[_Key, Guard]],
    ) -> Gate:
        endpoint = deployment.endpoint
        place = _place(endpoint)
        around = self._around.get(place) or known[1].get(place) or _surroundings(endpoint)
        self._around[place] = around
        marks = [_fingerprint(secret.reveal()) for secret in endpoint.keys]

        def guard(scope: Scope, name: str, *parts: str) -> Guard:
            key = (scope, *parts, repr(policy))
            found = self._guards.get(key) or known[2].get(key)
            found = found or Guard(scope, name, Breaker(policy or PATIENT))
            self._guards[key] = self._guards[(scope, *parts)] = found
            return found

        guards: list[Guard] = []
        if policy is not None or endpoint.health is not None:
            guards.append(guard("host", f"host {host_of(endpoint)}", host_of(endpoint)))
        if policy is not None:
            guards.append(guard("endpoint", f"endpoint `{endpoint.name}`", *place))
            guards.append(guard("deployment", deployment.name, *place, deployment.id))
        keys: list[tuple[Guard, ...]] = []
        if policy is not None or len(marks) > 1:
            for number, mark in enumerate(marks, start=1):
                name = f"key {number} of `{endpoint.name}`"
                of_model = guard("key_model", f"{name} for `{deployment.id}`", mark, deployment.id)
                keys.append((guard("key", name, mark), of_model))
        key = (*place, deployment.model, deployment.id, *marks, repr(policy), repr(endpoint.limits))
        gate = known[0].get(key) or Gate(
            deployment, around, tuple(guards), tuple(keys), self.lock, self._notify
        )
        gate.scale = self._scales[deployment.model, deployment.id]
        self._gates[key] = gate
        return gate


def _place(endpoint: Endpoint) -> _Key:
    return (endpoint.name, endpoint.kind, endpoint.url, repr(endpoint.limits), str(endpoint.concurrency))


def host_of(endpoint: Endpoint) -> str:
    """Return what several endpoints may share: a machine and its port; an endpoint in this process is its own."""
    if not endpoint.url:
        return endpoint.name
    return endpoint.url if endpoint.url.startswith("unix:") else urlsplit(endpoint.url).netloc


def _fingerprint(secret: str) -> str:
    """Return what tells credentials apart and gives none away."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _surroundings(endpoint: Endpoint) -> Surroundings:
    limits = endpoint.limits
    requests = limits.requests_per_minute if limits is not None else None
    tokens = limits.tokens_per_minute if limits is not None else None
    return Surroundings(Rate(requests) if requests else None, Rate(tokens) if tokens else None, RetryBudget())
