"""Answers in this process with the llama.cpp engine, from GGUF files on this machine."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from router.core.errors import ConfigError, StreamInterrupted
from router.providers._gguf_engine import Generation, ModelThread
from router.providers._gguf_file import find_model, trained_context
from router.providers._openai_answer import AnswerDecoder
from router.providers._openai_wire import has_image, render
from router.providers._source import Source

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from router.core.events import Event
    from router.core.request import Endpoint, Request

CONTEXT = 4096


class GgufProvider:
    """Models of one folder, loaded when they are first asked for.

    A model answers one call at a time; further calls wait. A call that is left stops at the next token.

    Args:
        endpoint: `settings["path"]` is a `.gguf` file, a folder, or `package:NAME`; `settings["threads"]` is
            the number of processor threads, by default half of the cores.
        http: Not used.

    Raises:
        ConfigError: `path` is missing, or `threads` is no positive number.
    """

    # Mutable: `_models`, one entry per loaded file and window, guarded by `_lock`.

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        del http
        path = endpoint.settings.get("path")
        threads = endpoint.settings.get("threads") or max(1, (os.cpu_count() or 2) // 2)
        if not isinstance(path, str | os.PathLike) or not str(path):
            raise ConfigError(
                f"endpoint {endpoint.name}: `path` names a .gguf file, a folder or package:NAME"
            )
        if not isinstance(threads, int) or threads < 1:
            raise ConfigError(f"endpoint {endpoint.name}: `threads` is a positive number")
        self._path = str(path)
        self._threads = threads
        self._source = Source(endpoint.name)
        self._lock = threading.Lock()
        self._models: dict[tuple[Path, int], ModelThread] = {}

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Answer one request; see `router.core.port.Provider`."""
        path = find_model(self._source.where, self._path, request.model)
        context = request.context or min(CONTEXT, trained_context(path) or CONTEXT)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()

        def deliver(chunk: Mapping[str, Any] | None) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, chunk)

        generation = Generation(deliver)
        job = self._start((path, context), request, generation)
        try:
            decoder = AnswerDecoder(self._source, image=has_image(request))
            first = await arrived.get()
            async with aclosing(_events(decoder, first, arrived, job)) as events:
                yield events
        finally:
            generation.stop()

    async def unload(self, model: str) -> None:
        """Free a model's memory; calls it is answering end with StreamInterrupted.

        Raises:
            ModelNotFound: There is no such model.
        """
        path = find_model(self._source.where, self._path, model)
        await self._free(lambda loaded: loaded == path)

    async def close(self) -> None:
        """Free all models; they are loaded again when they are asked for."""
        await self._free(lambda _: True)

    @property
    def busy(self) -> int:
        """How many answers the engine is making or has waiting; a call that was left counts until it stops."""
        with self._lock:
            return sum(model.busy for model in self._models.values())

    @property
    def loaded(self) -> tuple[str, ...]:
        """The file names of the models in memory."""
        with self._lock:
            return tuple(sorted({path.name for path, _ in self._models}))

    def _start(self, key: tuple[Path, int], request: Request, generation: Generation) -> Future[None]:
        body = render(request, stream=True)
        with self._lock:
            if key not in self._models:
                self._models[key] = ModelThread(self._source, *key, self._threads)
            return self._models[key].start(body, generation)

    async def _free(self, chosen: Callable[[Path], bool]) -> None:
        with self._lock:
            freed = [self._models.pop(key).free() for key in list(self._models) if chosen(key[0])]
        for future in freed:
            await asyncio.shield(asyncio.wrap_future(future))


async def _events(
    decoder: AnswerDecoder,
    first: Mapping[str, Any] | None,
    arrived: asyncio.Queue[Mapping[str, Any] | None],
    job: Future[None],
) -> AsyncGenerator[Event, None]:
    chunk = first
    while chunk is not None:
        for delta in decoder.feed(chunk):
            yield delta
        chunk = await arrived.get()
    if job.cancelled():
        raise StreamInterrupted("the model was unloaded before it answered")
    error = job.exception()
    if error is not None:
        raise error
    yield decoder.end()
