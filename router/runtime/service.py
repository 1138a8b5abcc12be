"""Is a local server running? One cheap question before a call to one that nobody has heard of, or that is down."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from router.core.errors import ConnectFailed, ModelLoading
from router.core.port import Probed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from router.core.clock import Clock
    from router.core.events import Event
    from router.core.port import Provider, Vitality
    from router.core.request import Endpoint, Request
    from router.runtime.gate import Gate

LOG = logging.getLogger("router")
PATIENCE = 1.0
POLL = 0.5
# What starts a server, by the word for it in the file, else by the port that it usually has.
STARTS = {
    "ollama": "ollama serve",
    "llama.cpp": "llama-server -m MODEL.gguf --port {port}",
    "vllm": "vllm serve MODEL --port {port}",
    "lmstudio": "lms server start --port {port}",
    "opencode": "opencode serve --port {port}",
}
PORTS = {11434: "ollama", 8080: "llama.cpp", 8000: "vllm", 1234: "lmstudio", 4096: "opencode"}


def checked(provider: Provider, endpoint: Endpoint, gate: Gate, clock: Clock) -> Provider:
    """Return what to send the next request with: the provider, or one that asks first whether the server runs.

    Only local servers with health checks are asked, and only while it is not sure that they run.
    """
    asks = endpoint.locality == "local" and endpoint.url and endpoint.health is not None
    if asks and gate.unsure and isinstance(provider, Probed):
        return Checked(provider, provider, endpoint, clock)
    return provider


class Checked:
    """A provider that asks how its server is before it sends a request.

    Args:
        provider: What sends.
        probed: The same, as what can be asked.
        endpoint: The server.
        clock: Where time comes from.
    """

    def __init__(self, provider: Provider, probed: Probed, endpoint: Endpoint, clock: Clock) -> None:
        self._provider = provider
        self._probed = probed
        self._endpoint = endpoint
        self._clock = clock

    def open(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Ask, then send; see `router.core.port.Provider`."""
        return self._open(request)

    async def close(self) -> None:
        """Free what the provider holds."""
        await self._provider.close()

    @asynccontextmanager
    async def _open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        found = await self._asked()
        if found == "loading":
            raise ModelLoading(f"{_place(self._endpoint)} is loading a model", retry_after=POLL)
        opened = self._provider.open(request)
        try:
            events = await opened.__aenter__()
        except ConnectFailed as error:
            raise _not_running(self._endpoint, error) from error.__cause__
        try:
            yield events
        finally:
            await opened.__aexit__(None, None, None)

    async def _asked(self) -> Vitality | None:
        """Return how the server is; None where it took too long to say so: then the call itself will tell."""
        clock = self._clock
        try:
            async with clock.timeout_at(clock.now() + PATIENCE):
                return await self._probed.probe()
        except TimeoutError:
            return None
        except Exception:  # a fault of the question must not keep the call from being sent
            LOG.exception("the health check of endpoint %s failed", self._endpoint.name)
            return None


def _not_running(endpoint: Endpoint, error: ConnectFailed) -> ConnectFailed:
    """Return the error of a server that cannot be reached, with what would start it."""
    start = start_command(endpoint)
    return ConnectFailed(f"{_place(endpoint)} is not running; start it with: {start}") if start else error


def _place(endpoint: Endpoint) -> str:
    return f"endpoint `{endpoint.name}` ({endpoint.url})"


def start_command(endpoint: Endpoint) -> str | None:
    """Return the command that would start a server, where it is known what it is."""
    if endpoint.url.startswith("unix:"):
        return None
    port = urlsplit(endpoint.url).port
    quirks = endpoint.settings.get("quirks")
    named = next((str(word) for word in (quirks, endpoint.kind) if word in STARTS), None)
    kind = named or (PORTS.get(port) if port is not None else None)
    return STARTS[kind].format(port=port or 80) if kind is not None else None
