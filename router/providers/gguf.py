"""Answers with the llama.cpp engine from GGUF files on this machine: no server, no port."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from router.core.errors import CallFailed, ConfigError, ModelLoading, StreamInterrupted
from router.core.port import Listed
from router.providers._gguf_engine import ModelThread
from router.providers._gguf_file import find_model, list_models, trained_context
from router.providers._gguf_generation import Generation
from router.providers._gguf_loop import LoopThread
from router.providers._gguf_memory import memory_of, size_of
from router.providers._gguf_process import ModelProcess
from router.providers._gguf_spawn import can_isolate
from router.providers._openai_answer import AnswerDecoder
from router.providers._openai_wire import render
from router.providers._source import Source

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from router.core.events import Event
    from router.core.port import Residence, Vitality
    from router.core.request import Endpoint, Request
    from router.providers._gguf_generation import Home

CONTEXT = 4096
# Seconds that a call waits for a model that loads, before it hears so and may go elsewhere; half of its time at most.
PATIENCE = 5.0
STATES: tuple[Residence, ...] = ("loaded", "loading", "failed")  # the most telling first

# What a fork must begin anew, and what it inherited and must not touch: the parent goes on with it.
_PROVIDERS: weakref.WeakSet[GgufProvider] = weakref.WeakSet()
_FORSAKEN: list[object] = []


class GgufProvider:
    """Models of one folder, loaded when they are first asked for.

    A model answers one call at a time; further calls wait. A call that is left stops at the next token.

    Args:
        endpoint: `settings["path"]` is a `.gguf` file, a folder, or `package:NAME`; `settings["threads"]` is
            the number of processor threads, by default half of the cores; `settings["isolation"]` is `process` (each
            model in a child process, the default where that can be) or `none` (in this process).
        http: Not used.

    Raises:
        ConfigError: `path` is missing, `threads` is no positive number, or `isolation` cannot be had here.
    """

    # Mutable: `_homes`, one entry per loaded file and window, and `_around`, the thread that cares for child
    # processes while there may be some; both guarded by `_lock`.

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        del http
        settings = endpoint.settings
        path = settings.get("path")
        threads = settings.get("threads") or max(1, (os.cpu_count() or 2) // 2)
        if not isinstance(path, str | os.PathLike) or not str(path):
            raise ConfigError(
                f"endpoint {endpoint.name}: `path` names a .gguf file, a folder or package:NAME"
            )
        if not isinstance(threads, int) or threads < 1:
            raise ConfigError(f"endpoint {endpoint.name}: `threads` is a positive number")
        self._path = str(path)
        self._threads = threads
        self._load_timeout = endpoint.load_timeout
        self._timeouts = endpoint.timeouts
        self._isolated = _isolated(endpoint)
        self._source = Source(endpoint.name)
        self._begin()
        _PROVIDERS.add(self)

    def _begin(self) -> None:
        """Have nothing loaded."""
        self._lock = threading.Lock()
        self._homes: dict[tuple[Path, int], Home] = {}
        self._around: LoopThread | None = None
        self._end: weakref.finalize[..., GgufProvider] | None = None

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Answer one request; see `router.core.port.Provider`."""
        key = self._key(request.model, request.context)
        body = render(request, stream=True)
        limits = (self._timeouts.first, self._timeouts.total)
        await self._load(key, min([PATIENCE, *(each / 2 for each in limits if each is not None)]))
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()

        def deliver(chunk: Mapping[str, Any] | None) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, chunk)

        source = self._source.asked(request.messages)
        generation = Generation(deliver, source)
        with self._lock:
            job = self._home(key).start(body, generation)
        try:
            decoder = AnswerDecoder(self._source, request)
            first = await arrived.get()
            async with aclosing(_events(decoder, first, arrived, job)) as events:
                yield events
        finally:
            if not job.done():
                generation.stop()

    async def probe(self) -> Vitality:
        """Tell whether the models' folder is there; see `router.core.port.Probed`."""
        try:
            states = {each.state for each in await self.listed()}
        except CallFailed:
            return "down"
        return "loading" if "loading" in states and "loaded" not in states else "up"

    async def listed(self) -> tuple[Listed, ...]:
        """List the files and what is loaded of them; see `router.core.port.Lister`."""
        with self._lock:
            homes = dict(self._homes)
        found = await asyncio.to_thread(list_models, self._source.where, self._path)
        return tuple([await asyncio.to_thread(_listed, path, homes) for path in found])

    async def load(self, model: str, context: int | None = None) -> None:
        """Load a model; see `router.core.port.Resident`."""
        await self._load(self._key(model, context), None)

    async def needs(self, model: str, context: int | None = None) -> int | None:
        """Compute what a model would occupy; see `router.core.port.Measured`."""
        return await asyncio.to_thread(lambda: memory_of(*self._key(model, context)))

    async def unload(self, model: str) -> None:
        """Free a model's memory; see `router.core.port.Resident`."""
        path = find_model(self._source.where, self._path, model)
        with self._lock:
            freed = self._take(lambda loaded: loaded == path)
        await _all(freed)

    async def close(self) -> None:
        """Free all models; they are loaded again when they are asked for."""
        with self._lock:
            end, self._end, self._around = self._end, None, None
            freed = self._take(lambda _: True)
        await _all(freed)
        if end is not None:
            end()

    def forsake(self) -> None:
        """Begin anew in a process that was forked: what was loaded is the parent's."""
        if self._end is not None:
            self._end.detach()
        if self._around is not None:
            self._around.forsake()
        _FORSAKEN.append((self._homes, self._around))
        self._begin()

    @property
    def busy(self) -> int:
        """How many answers the engine is making or has waiting; a call that was left counts until it stops."""
        with self._lock:
            return sum(home.busy for home in self._homes.values())

    @property
    def loaded(self) -> tuple[str, ...]:
        """The file names of the models in memory."""
        with self._lock:
            return tuple(
                sorted({path.name for (path, _), home in self._homes.items() if home.state == "loaded"})
            )

    def _key(self, model: str, context: int | None) -> tuple[Path, int]:
        path = find_model(self._source.where, self._path, model)
        return path, context or min(CONTEXT, trained_context(path) or CONTEXT)

    def _home(self, key: tuple[Path, int]) -> Home:
        """Return where a model lives; under the lock."""
        if key not in self._homes:
            self._homes[key] = self._new_home(*key)
        return self._homes[key]

    def _new_home(self, path: Path, context: int) -> Home:
        if not self._isolated:
            return ModelThread(self._source, path, context, self._threads)
        if self._around is None:
            self._around = LoopThread(f"gguf-{self._source.where}")
            self._end = weakref.finalize(self, self._around.stop)  # also when Python ends
        return ModelProcess(
            self._source,
            path,
            context,
            self._threads,
            load_timeout=self._load_timeout,
            around=self._around,
        )

    async def _load(self, key: tuple[Path, int], patience: float | None) -> None:
        """Have a model in memory.

        Raises:
            ModelLoading: It takes longer than `patience`; it goes on loading.
            CallFailed: It cannot be loaded.
        """
        with self._lock:
            home = self._home(key)
            if home.state == "loaded":
                return
            loading = home.load()
        done, _ = await asyncio.wait({asyncio.wrap_future(loading)}, timeout=patience)
        if not done:
            raise ModelLoading(f"{self._source.where} is loading {key[0].name}")
        trouble = loading.result()
        if trouble is not None:
            raise trouble.error()

    def _take(self, chosen: Callable[[Path], bool]) -> list[Future[None]]:
        """Begin to free models; under the lock."""
        return [self._homes.pop(key).free() for key in list(self._homes) if chosen(key[0])]


async def _all(freed: list[Future[None]]) -> None:
    for future in freed:
        await asyncio.shield(asyncio.wrap_future(future))


def _isolated(endpoint: Endpoint) -> bool:
    """Return whether models live in child processes."""
    written = endpoint.settings.get("isolation")
    if written not in (None, "process", "none"):
        raise ConfigError(f"endpoint {endpoint.name}: `isolation` is process or none")
    if written == "process" and not can_isolate():
        raise ConfigError(
            f"endpoint {endpoint.name}: `isolation: process` needs a Python that can be started as a process; "
            "write `isolation: none`"
        )
    return written != "none" and can_isolate()


def _listed(path: Path, homes: Mapping[tuple[Path, int], Home]) -> Listed:
    """Return how a file is listed; several windows of it may be loaded."""
    own = {context: home for (each, context), home in homes.items() if each == path}
    states = {home.state for home in own.values()}
    memory = sum(
        home.memory or memory_of(path, context) or 0
        for context, home in own.items()
        if home.state in ("loaded", "loading")
    )
    try:
        size = size_of(path)
    except OSError:
        size = None
    state: Residence = next((each for each in STATES if each in states), "unloaded")
    return Listed(
        path.name, trained_context(path), size, memory or None, state, aliases=(path.stem,), slots=1
    )


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


def _forget_parent() -> None:
    for provider in tuple(_PROVIDERS):
        provider.forsake()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
