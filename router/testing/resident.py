"""A provider whose models have to be loaded before they answer, and which remembers what was done wrong."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from router.core.errors import ModelNotFound, ServerError
from router.core.port import Listed
from router.testing.scripted import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from router.core.events import Event
    from router.core.port import Residence
    from router.core.request import Request


class ScriptedResident(ScriptedProvider):
    """Loads and unloads models, and plays its script with those that are loaded.

    Args:
        models: The bytes that each model occupies, by the name the endpoint knows.
        *script: Outcomes, as for `ScriptedProvider`.
        loading: Seconds that a model loads.
        unloading: Seconds until its memory is free.
        broken: Models that cannot be loaded.
        name: How error messages name it.
        delay: Seconds until the head of an answer.
        pace: Seconds between two pieces.

    Attributes:
        log: What was done, in order: `load small`, `unload small`, `call small`.
        loaded: The models in memory.
        busy: The bytes in memory.
        most: The most bytes that ever were.
        faults: What must never happen: a model was loaded twice at once, unloaded while it answered, or called
            while it was not loaded.
    """

    # Mutable: the attributes above, and who answers; the tasks of one loop write them, between awaits.

    def __init__(  # noqa: PLR0913 - a world has that many parts
        self,
        models: Mapping[str, int],
        *script: object,
        loading: float = 1.0,
        unloading: float = 0.1,
        broken: Collection[str] = (),
        name: str = "resident",
        delay: float = 0.0,
        pace: float = 0.0,
    ) -> None:
        super().__init__(*script, name=name, delay=delay, pace=pace)
        self.models = dict(models)
        self.loading = loading
        self.unloading = unloading
        self.broken = set(broken)
        self.log: list[str] = []
        self.loaded: set[str] = set()
        self.faults: list[str] = []
        self.most = 0
        self._coming: set[str] = set()
        self._answering: Counter[str] = Counter()

    @property
    def busy(self) -> int:
        """The bytes in memory, of models that are being loaded too."""
        return sum(self.models[each] for each in self.loaded | self._coming)

    async def listed(self) -> tuple[Listed, ...]:
        """List all models and what is loaded of them; see `router.core.port.Lister`."""
        return tuple(
            Listed(name, memory=size if name in self.loaded else None, size=size, state=self._state(name))
            for name, size in self.models.items()
        )

    async def load(self, model: str, context: int | None = None) -> None:
        """Load a model; see `router.core.port.Resident`."""
        del context
        if model not in self.models:
            raise ModelNotFound(f"there is no model {model}")
        if model in self._coming:
            self.faults.append(f"{model} was loaded twice at once")
        self.log.append(f"load {model}")
        self._coming.add(model)
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.loading)
            if model in self.broken:
                raise ServerError(f"{model} cannot be loaded")
            self.loaded.add(model)
        finally:
            self._coming.discard(model)

    async def unload(self, model: str) -> None:
        """Free a model's memory; see `router.core.port.Resident`."""
        if self._answering[model]:
            self.faults.append(f"{model} was unloaded while it answered")
        self.log.append(f"unload {model}")
        await asyncio.sleep(self.unloading)
        self.loaded.discard(model)

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Play the next outcome with a model that is loaded; see `router.core.port.Provider`."""
        model = request.model
        if model not in self.loaded:
            self.faults.append(f"{model} was called while it was not loaded")
        self.log.append(f"call {model}")
        self._answering[model] += 1
        try:
            async with super().open(request) as events:
                yield events
        finally:
            self._answering[model] -= 1

    def _state(self, model: str) -> Residence:
        if model in self._coming:
            return "loading"
        return "loaded" if model in self.loaded else "unloaded"
