"""The models of an OpenAI-compatible server: which there are and, where it says so, which are in memory.

Loading and unloading is no part of that interface. Two kinds of server have their own: llama-server in router mode
(`--models-dir`), which does it aside and tells the state in its list, and llama-swap, which loads what is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from router.core.errors import (
    CallFailed,
    MalformedResponse,
    ModelNotFound,
    ServerError,
    UnsupportedFeature,
)
from router.core.port import Listed
from router.providers._json_api import positive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from router.core.port import Residence
    from router.providers._json_api import JsonApi

FIRST_LOOK, LONGEST_LOOK = 0.05, 1.0
SWAP = "llama-swap"
ENGINE = "llamacpp"
LATEST = ":latest"
# What servers call the window: llama.cpp's lies in `meta`; vLLM, OpenRouter and llama-swap, Groq, Mistral.
WINDOWS = ("n_ctx", "max_model_len", "context_length", "context_window", "max_context_length")
STATES: Mapping[str, Residence] = {
    "loaded": "loaded",
    "loading": "loading",
    "unloaded": "unloaded",
    "sleeping": "sleeping",
    "failed": "failed",
    "ready": "loaded",
    "starting": "loading",
    "stopping": "loaded",  # as llama-swap says it
}
IN_MEMORY = ("loaded", "sleeping")


class OpenAiModels:
    """What one server says of its models, and does with them.

    Args:
        api: Asks below the endpoint's address.
        root: Asks where the server's own paths begin.
        path: Where its models are listed, below its address.
        where: How messages name it.
    """

    def __init__(self, api: JsonApi, root: JsonApi, path: str, where: str) -> None:
        self._api = api
        self._root = root
        self._path = path
        self._where = where

    async def listed(self) -> tuple[Listed, ...]:
        """Return the models; see `router.core.port.Lister`."""
        rows = await self._rows()
        if rows and all(row.get("owned_by") == SWAP for row in rows):
            running = await self._running()
            return tuple(replace(_listed(row), state=running.get(str(row["id"]), "unloaded")) for row in rows)
        if len(rows) == 1 and rows[0].get("owned_by") == ENGINE and "status" not in rows[0]:
            return (await self._with_slots(_listed(rows[0])),)
        return tuple(map(_listed, rows))

    async def load(self, model: str) -> None:
        """Have a model in memory; see `router.core.port.Resident`. Its window is what the server was started with."""
        if await self._swaps():
            await self._start(model)
            return
        state = await self._state(model)
        if state in IN_MEMORY:
            return
        if state != "loading":
            await self._root.post("/models/load", {"model": model})
        async for state in self._states(model):
            if state in IN_MEMORY:
                return
            if state != "loading":
                error = ServerError(f"{self._where} could not load `{model}`; its own log says why")
                error.retryable = False
                raise error

    async def unload(self, model: str) -> None:
        """Free a model's memory; see `router.core.port.Resident`."""
        if await self._swaps():
            await self._stop(model)
            return
        if await self._state(model) in ("unloaded", "failed"):
            return
        await self._root.post("/models/unload", {"model": model})
        async for state in self._states(model):
            if state in ("unloaded", "failed"):
                return

    async def _rows(self) -> list[Mapping[str, object]]:
        answer = await self._api.get(self._path)
        rows = answer.get("data") if isinstance(answer, Mapping) else answer  # some send the bare list
        if not isinstance(rows, list):
            raise MalformedResponse(f"{self._where} does not list its models as OpenAI does")
        return [row for row in rows if isinstance(row, Mapping) and isinstance(row.get("id"), str)]

    async def _swaps(self) -> bool:
        """Return whether it is a llama-swap; else it is one that tells what is in memory."""
        rows = await self._rows()
        if rows and all(row.get("owned_by") == SWAP for row in rows):
            return True
        if any("status" in row for row in rows):
            return False
        raise UnsupportedFeature(
            f"{self._where} loads and unloads nothing when told to; llama-server with --models-dir, llama-swap "
            "and Ollama do"
        )

    async def _state(self, model: str) -> Residence:
        found = next((each for each in map(_listed, await self._rows()) if each.goes_by(model)), None)
        if found is None:
            raise ModelNotFound(f"{self._where} does not know the model `{model}`")
        return found.state or "unloaded"

    async def _states(self, model: str) -> AsyncIterator[Residence]:
        """Yield a model's state again and again, more and more seldom."""
        pause = FIRST_LOOK
        while True:
            yield await self._state(model)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK)

    async def _running(self) -> dict[str, Residence]:
        answer = await self._root.get("/running")
        rows = answer.get("running") if isinstance(answer, Mapping) else None
        if not isinstance(rows, list):
            raise MalformedResponse(f"{self._where} does not tell what is running as llama-swap does")
        found = {
            str(row.get("model")): STATES.get(str(row.get("state")))
            for row in rows
            if isinstance(row, Mapping)
        }
        return {name: state for name, state in found.items() if state is not None}

    async def _start(self, model: str) -> None:
        """Have llama-swap load a model: it does before it hands a request on, whatever becomes of that."""
        name = await self._name(model)
        refused: CallFailed | None = None
        try:
            await self._root.send("GET", f"/upstream/{quote(name, safe='/:')}/health")
        except CallFailed as error:
            refused = error
        if (await self._running()).get(name) != "loaded":
            raise refused or ServerError(f"{self._where} could not load `{model}`; its own log says why")

    async def _stop(self, model: str) -> None:
        name = await self._name(model)
        running = await self._running()
        if name not in running:
            return
        try:
            await self._root.send("POST", f"/api/models/unload/{quote(name, safe='/:')}")
        except ModelNotFound:  # older versions know but one word for all that is running
            if set(running) != {name}:
                raise
            await self._root.send("GET", "/unload")
        pause = FIRST_LOOK
        while name in await self._running():
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK)

    async def _name(self, model: str) -> str:
        """Return the name under which llama-swap runs a model."""
        found = next((each for each in map(_listed, await self._rows()) if each.goes_by(model)), None)
        if found is None:
            raise ModelNotFound(f"{self._where} does not know the model `{model}`")
        return found.id

    async def _with_slots(self, found: Listed) -> Listed:
        """Return the one model of a llama-server with what its /props say of it, where it tells."""
        try:
            props = await self._root.get("/props")
        except CallFailed:
            return found
        settings = props.get("default_generation_settings") if isinstance(props, Mapping) else None
        window = settings.get("n_ctx") if isinstance(settings, Mapping) else None
        slots = props.get("total_slots") if isinstance(props, Mapping) else None
        return replace(found, context=found.context or positive(window), slots=positive(slots))


def _listed(row: Mapping[str, object]) -> Listed:
    name, own = str(row["id"]), row.get("meta")
    meta = own if isinstance(own, Mapping) else {}
    windows = [positive(meta.get(WINDOWS[0])), *(positive(row.get(key)) for key in WINDOWS[1:])]
    others = row.get("aliases")
    aliases = {each for each in (others if isinstance(others, list) else ()) if isinstance(each, str)} - {
        name
    }
    if name.endswith(LATEST):  # Ollama's own
        aliases.add(name.removesuffix(LATEST))
    return Listed(
        name,
        context=next(filter(None, windows), None),
        size=positive(meta.get("size")),
        state=_state(row.get("status")),
        aliases=tuple(sorted(aliases)),
    )


def _state(status: object) -> Residence | None:
    if not isinstance(status, Mapping):
        return None
    state = STATES.get(str(status.get("value")), "unloaded")
    return "failed" if state == "unloaded" and status.get("failed") is True else state
