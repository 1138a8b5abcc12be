"""A configuration in force: its program, its providers, and how many calls still run under it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from router.core.errors import NoCandidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.program import Deployment, Program
    from router.core.port import Provider
    from router.core.request import Endpoint
    from router.runtime.gate import Gate
    from router.runtime.processing import Pipeline
    from router.runtime.residency import Residency


class Snapshot:
    """What a call starts with and keeps, whatever is loaded meanwhile.

    Its changing state: `_providers`, made at first use, and `running`, the calls under way; `_lock` guards them.

    Args:
        program: The compiled configuration.
        gates: The gate of each deployment.
        given: Providers to use instead of the file's, by endpoint; never closed with the snapshot alone.
        http: A client to send with, or None.
    """

    def __init__(
        self,
        program: Program,
        gates: Mapping[Deployment, Gate],
        given: Mapping[str, Provider],
        http: object | None = None,
    ) -> None:
        self.program = program
        self.gates = gates
        self.pipelines = _pipelines(program)
        self.running = 0
        self.residency: Residency | None = None  # what is in memory, where the file declares anything of it
        self._given = given
        self._http = http
        self._lock = threading.Lock()
        self._providers: dict[str, Provider] = {}
        self._inherited: set[str] = set()  # what the next snapshot took over

    def provider(self, endpoint: Endpoint) -> Provider:
        """Return what speaks to an endpoint.

        Raises:
            NoCandidate: It is never contacted.
        """
        offline = self.program.offline
        barred = None if offline is None else self.program.barred(endpoint)
        if barred is not None:  # nobody should have asked
            raise NoCandidate(f"endpoint `{endpoint.name}` is not asked ({barred})")
        provider = self._given.get(endpoint.name) or self._providers.get(endpoint.name)
        if provider is None:
            from router.providers.registry import create  # noqa: PLC0415 - adapters load with the first call

            with self._lock:
                provider = self._providers.get(endpoint.name)
                if provider is None:
                    provider = self._providers[endpoint.name] = create(endpoint, self._http)
        return provider

    def successor(self, program: Program, gates: Mapping[Deployment, Gate]) -> Snapshot:
        """Return the next snapshot; it takes over the providers of endpoints that stay as they are."""
        found = Snapshot(program, gates, self._given, self._http)
        with self._lock:
            for name, endpoint in program.endpoints.items():
                if name in self._providers and self.program.endpoints.get(name) == endpoint:
                    found._providers[name] = self._providers[name]
                    self._inherited.add(name)
        return found

    def speaks(self, provider: Provider) -> bool:
        """Whether a provider that was in use before goes on under this configuration."""
        return any(each is provider for each in (*self._given.values(), *self._providers.values()))

    def begin(self) -> None:
        """Count a call in."""
        with self._lock:
            self.running += 1

    def end(self) -> None:
        """Count a call out."""
        with self._lock:
            self.running -= 1

    async def close(self) -> None:
        """Free what its providers hold; they may be opened again."""
        with self._lock:
            providers = [*self._given.values(), *self._providers.values()]
        for provider in providers:
            await provider.close()

    async def retire(self) -> None:
        """Free what no later snapshot took over."""
        with self._lock:
            providers = [each for name, each in self._providers.items() if name not in self._inherited]
        for provider in providers:
            await provider.close()


def _pipelines(program: Program) -> Mapping[str, Pipeline]:
    if not any(model.processed for model in program.models.values()):
        return {}
    from router.runtime.processing import pipelines  # noqa: PLC0415 - what is off is not built

    return pipelines(program)
