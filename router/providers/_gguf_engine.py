"""One GGUF model in this process: loaded, used and freed in a thread of its own (`isolation: none`)."""

from __future__ import annotations

import gc
import shutil
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from router.core.errors import ModelNotFound, ServerError
from router.providers._gguf_child import is_progress, open_engine
from router.providers._gguf_generation import EXTRA, Trouble, refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router.core.errors import CallFailed
    from router.core.port import Residence
    from router.providers._gguf_generation import Generation
    from router.providers._source import Source


class ModelThread:
    """A model and the one thread that touches it; calls are answered one after the other.

    Loading it holds up all of Python: the engine does not let go of the interpreter meanwhile.

    Args:
        source: How messages name the endpoint.
        path: The file.
        context: Tokens of the context window.
        threads: Processor threads to compute with.
    """

    # Mutable: `_server` and `_settled`, touched by the own thread alone; `state`, written by it; `_running`,
    # guarded by `_lock`.

    def __init__(self, source: Source, path: Path, context: int, threads: int) -> None:
        self._source = source
        self._path = path
        self._context = context
        self._threads = threads
        self._server: Any = None
        self._settled = False
        self._lock = threading.Lock()
        self._running: set[Generation] = set()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"gguf-{path.stem}")
        self.state: Residence = "unloaded"

    @property
    def busy(self) -> int:
        """How many answers are in the making or wait to be."""
        return len(self._running)

    @property
    def memory(self) -> None:
        """Bytes it occupies: nobody can tell them from the rest of this process."""
        return

    def load(self) -> Future[Trouble | None]:
        """Have the model in memory; see `router.providers._gguf_generation.Home`."""
        return self._executor.submit(self._ensure)

    def start(self, body: Mapping[str, Any], generation: Generation) -> Future[None]:
        """Queue one answer; see `router.providers._gguf_generation.Home`."""
        with self._lock:
            self._running.add(generation)
        job = self._executor.submit(self._answer, {**body, "return_progress": True}, generation)
        generation.halt = job.cancel
        job.add_done_callback(lambda _: self._forget(generation))
        return job

    def free(self) -> Future[None]:
        """Stop what runs, then free the model; see `router.providers._gguf_generation.Home`."""
        with self._lock:
            running = tuple(self._running)
        for generation in running:
            generation.stop()
        freed = self._executor.submit(self._unload)
        self._executor.shutdown(wait=False)
        return freed

    def _forget(self, generation: Generation) -> None:
        with self._lock:
            self._running.discard(generation)
        generation.end()

    def _answer(self, body: dict[str, Any], generation: Generation) -> None:
        if generation.stopped:
            return
        trouble = self._ensure()
        if trouble is not None:
            raise trouble.error()

        def on_chunk(chunk: Mapping[str, Any]) -> bool:
            return generation.stopped if is_progress(chunk) else generation.on_chunk(chunk)

        source = generation.source or self._source
        failure: CallFailed | None = None
        try:
            self._server.handle_chat_completions(body, on_chunk)
        except ValueError as error:
            failure = refused(source, 400, str(error))
        except (RuntimeError, IndexError, TypeError) as error:
            failure = refused(source, 500, str(error))
        finally:
            self._settle(begun=generation.begun)
        # Raised from here, it does not hold the engine's own words, which may be the prompt.
        if failure is not None:
            raise failure

    def _settle(self, *, begun: bool) -> None:
        """Let one token through an engine that has made none: freed before its first, it would hang for ever."""
        if not self._settled and not begun:
            with suppress(RuntimeError, ValueError):
                self._server.handle_completions({"prompt": "x", "n_predict": 1})
        self._settled = True

    def _ensure(self) -> Trouble | None:
        if self._server is not None:
            return None
        self.state = "loading"
        trouble = self._load()
        self.state = "failed" if trouble is not None else "loaded"
        return trouble

    def _load(self) -> Trouble | None:
        try:
            engine = import_module("xllamacpp")
        except ImportError:
            return Trouble(ModelNotFound, f"{self._source.where} needs the llama.cpp engine: {EXTRA}")
        folder = tempfile.mkdtemp(prefix="router-")
        order = {
            "path": str(self._path),
            "context": self._context,
            "threads": self._threads,
            "folder": folder,
        }
        try:
            self._server = open_engine(engine, order)
        except (RuntimeError, MemoryError):
            return Trouble(ServerError, f"{self._source.where}: {self._path} cannot be loaded")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return None

    def _unload(self) -> None:
        self._server = None
        self._settled = False
        self.state = "unloaded"
        gc.collect()
