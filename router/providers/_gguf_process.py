"""One GGUF model in a child process (`isolation: process`): it can crash and be killed alone, and leaves no memory behind."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from router.core.errors import (
    ConnectionLost,
    InvalidRequest,
    ModelNotFound,
    ServerError,
    StreamInterrupted,
)
from router.providers._gguf_generation import EXTRA, Trouble, refused
from router.providers._gguf_spawn import Child, spawn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from router.core.port import Residence
    from router.providers._gguf_generation import Generation
    from router.providers._gguf_loop import LoopThread
    from router.providers._source import Source


class ModelProcess:
    """A model and the child that holds it; calls are answered one after the other.

    A child that dies is replaced when the model is next asked for.

    Args:
        source: How messages name the endpoint.
        path: The file.
        context: Tokens of the context window.
        threads: Processor threads to compute with.
        load_timeout: Seconds that the model may load.
        around: Where the child is cared for.
    """

    # Mutable: of the loop thread alone, except `_jobs`, to which `start` adds.

    def __init__(
        self,
        source: Source,
        path: Path,
        context: int,
        threads: int,
        *,
        load_timeout: float,
        around: LoopThread,
    ) -> None:
        self._source = source
        self._path = path
        self._order = {"path": str(path.absolute()), "context": context, "threads": threads}
        self._load_timeout = load_timeout
        self._around = around
        self._jobs: dict[Generation, asyncio.Task[None] | None] = {}
        self._running: tuple[Generation, Child] | None = None
        self._turn = asyncio.Lock()
        self._loading: asyncio.Task[Trouble | None] | None = None
        self._child: Child | None = None
        self._failed = False
        self._freed = False

    @property
    def busy(self) -> int:
        """How many answers are in the making or wait to be; one that was left counts until it stops."""
        return len(self._jobs)

    @property
    def state(self) -> Residence:
        """Whether the model is in memory."""
        if self._loading is not None:
            return "loading"
        if self._child is not None and self._child.ready:
            return "loaded"
        return "failed" if self._failed else "unloaded"

    @property
    def memory(self) -> int | None:
        """Bytes that the child occupies now, or None when that cannot be measured."""
        return self._child.memory if self._child is not None and self._child.ready else None

    def load(self) -> Future[Trouble | None]:
        """Have the model in memory; see `router.providers._gguf_generation.Home`."""
        return self._around.submit(self._ensure())

    def start(self, body: Mapping[str, object], generation: Generation) -> Future[None]:
        """Queue one answer; see `router.providers._gguf_generation.Home`.

        Raises:
            InvalidRequest: The body cannot be written as JSON.
        """
        try:
            written = json.dumps(body)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest(f"{self._source.where}: the request cannot be written as JSON") from error
        self._jobs[generation] = None
        generation.halt = lambda: self._around.call(self._halt, generation)
        job = self._around.submit(self._answer(written, generation))
        job.add_done_callback(lambda _: generation.end())
        return job

    def free(self) -> Future[None]:
        """Stop what runs, then end the child; see `router.providers._gguf_generation.Home`."""
        return self._around.submit(self._free())

    def _halt(self, generation: Generation) -> None:
        task = self._jobs.get(generation)
        if self._running is not None and generation is self._running[0]:
            self._running[1].halt()
        elif task is not None:
            task.cancel()

    async def _answer(self, body: str, generation: Generation) -> None:
        self._jobs[generation] = asyncio.current_task()
        try:
            if not generation.stopped:
                async with self._turn:
                    await self._exchange(body, generation)
        finally:
            del self._jobs[generation]

    async def _exchange(self, body: str, generation: Generation) -> None:
        trouble = await self._ensure()
        if trouble is not None:
            raise trouble.error()
        child = self._child
        if child is None or generation.stopped:
            return
        self._running = generation, child
        try:
            said = await child.answer(body, generation)
        finally:
            self._running = None
        if said is None:
            if not generation.stopped:
                await child.ended()
                raise self._lost(child, generation)
        elif "status" in said:
            raise refused(generation.source or self._source, said["status"], said["message"])

    def _lost(self, child: Child, generation: Generation) -> StreamInterrupted | ConnectionLost:
        where = self._source.where
        if self._freed:
            return StreamInterrupted(f"{where}: the model was unloaded before it had answered")
        why = f"{where}: the engine ended before it had answered: {self._end_of(child, source=generation.source)}"
        return StreamInterrupted(why) if generation.begun else ConnectionLost(why)

    async def _ensure(self) -> Trouble | None:
        if self._freed:
            return Trouble(
                StreamInterrupted, f"{self._source.where}: the model was unloaded before it had answered"
            )
        if self._child is not None and self._child.ready:
            return None
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> Trouble | None:
        """Load the model into a new child; whoever waits may leave, and the load goes on."""
        folder = tempfile.mkdtemp(prefix="router-")
        trouble: Trouble | None = None
        try:
            trouble = await self._begin(folder)
        except OSError as error:
            trouble = self._trouble(f"no process can be started: {error.strerror}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self._failed = trouble is not None and not self._freed
            self._loading = None
        return trouble

    async def _begin(self, folder: str) -> Trouble | None:
        engine = _engine_folder()
        if engine is None:
            return Trouble(ModelNotFound, f"{self._source.where} needs the llama.cpp engine: {EXTRA}")
        child = self._child = await spawn({**self._order, "folder": folder, "engine": engine}, self._around)
        if self._freed:
            child.kill()
        try:
            async with asyncio.timeout(self._load_timeout):
                said = await child.heard()
        except TimeoutError:
            child.kill()
            await child.ended()
            return self._trouble(f"it was not loaded within its load_timeout of {self._load_timeout:g} s")
        if said is not None and "ready" in said:
            child.ready = True
            return None
        await child.ended()
        if self._freed:
            return Trouble(StreamInterrupted, f"{self._source.where}: the model was unloaded while it loaded")
        return self._trouble(self._end_of(child, str(said["failed"]) if said is not None else ""))

    def _trouble(self, why: str) -> Trouble:
        return Trouble(ServerError, f"{self._source.where}: {self._path} cannot be loaded: {why}")

    def _end_of(self, child: Child, said: str = "", source: Source | None = None) -> str:
        """Return how a child ended, and the engine's last useful words."""
        code = child.code
        how = said
        if code is not None and code < 0:
            with suppress(ValueError):
                how = f"killed by {signal.Signals(-code).name}"
        words = child.words
        telling = words if words and not how.startswith("killed") else how or f"exit {code}"
        return (source or self._source).quote(telling)

    async def _free(self) -> None:
        self._freed = True
        running = self._running[0] if self._running is not None else None
        for generation, task in tuple(self._jobs.items()):
            if task is not None and generation is not running:
                task.cancel()
        if self._child is not None:
            self._child.kill()
        if self._loading is not None:
            await asyncio.wait({self._loading})
        if self._child is not None:
            await self._child.ended()


def _engine_folder() -> str | None:
    """Return the folder from which the engine can be imported, or None when it is not installed."""
    spec = find_spec("xllamacpp")
    return None if spec is None or spec.origin is None else str(Path(spec.origin).parents[1])
