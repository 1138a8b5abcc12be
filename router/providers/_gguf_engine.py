"""One GGUF model in this process: loaded, used and freed in a thread of its own."""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.core.errors import CallFailed, ModelNotFound, ServerError
from router.providers._errors import error_for_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from router.providers._source import Source

EXTRA = "pip install 'pantheon-router[gguf]'"


class Generation:
    """One answer in the making; `stop` ends it at its next token."""

    # Mutable: `stopped`, set by any thread, read by the engine's; `begun`, of the engine's thread alone.

    def __init__(self, deliver: Callable[[Mapping[str, Any] | None], None]) -> None:
        self._deliver = deliver
        self.stopped = False
        self.begun = False
        self.job: Future[None] | None = None

    def stop(self) -> None:
        """End it at its next token, or before its first if it still waits."""
        self.stopped = True
        if self.job is not None:
            self.job.cancel()

    def end(self) -> None:
        """Tell the caller that nothing more comes."""
        with suppress(RuntimeError):  # its loop may be closed
            self._deliver(None)

    def on_chunk(self, chunk: Mapping[str, Any]) -> bool:
        """Hand a chunk over; tell the engine whether to stop. Never raises: the engine would swallow it."""
        self.begun = self.begun or "choices" in chunk
        if not self.stopped:
            try:
                self._deliver(chunk)
            except RuntimeError:  # the caller's loop is closed
                self.stopped = True
        return self.stopped


class ModelThread:
    """A model and the one thread that touches it; calls are answered one after the other.

    Args:
        source: How messages name the endpoint.
        path: The file.
        context: Tokens of the context window.
        threads: Processor threads to compute with.
    """

    # Mutable: `_server` and `_settled`, touched by the own thread alone; `_running`, guarded by `_lock`.

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

    @property
    def busy(self) -> int:
        """How many answers are in the making or wait to be."""
        return len(self._running)

    def start(self, body: Mapping[str, Any], generation: Generation) -> Future[None]:
        """Queue one answer; the model is loaded first if need be. The future ends when the engine is done."""
        with self._lock:
            self._running.add(generation)
        job = self._executor.submit(self._answer, dict(body), generation)
        generation.job = job
        job.add_done_callback(lambda _: self._forget(generation))
        return job

    def free(self) -> Future[None]:
        """Stop what runs, then free the model; the future ends when its memory is free. For once only."""
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
        if self._server is None:
            self._server = self._load()
        try:
            self._server.handle_chat_completions(body, generation.on_chunk)
        except ValueError as error:
            raise self._refused(400, error) from error
        except (RuntimeError, IndexError, TypeError) as error:
            raise self._refused(500, error) from error
        finally:
            self._settle(generation)

    def _settle(self, generation: Generation) -> None:
        """Let one token through an engine that has made none: freed before its first, it would hang for ever."""
        if not self._settled and not generation.begun:
            with suppress(RuntimeError, ValueError):
                self._server.handle_completions({"prompt": "x", "n_predict": 1})
        self._settled = True

    def _refused(self, status: int, error: Exception) -> CallFailed:
        body = json.dumps({"error": {"message": str(error)}}).encode()
        return error_for_status(self._source, status, body=body, has_image=True)

    def _load(self) -> Any:
        try:
            engine = import_module("xllamacpp")
        except ImportError as error:
            raise ModelNotFound(f"{self._source.where} needs the llama.cpp engine: {EXTRA}") from error
        # The engine insists on a listener; on a socket whose folder is gone, nobody can reach it.
        folder = tempfile.mkdtemp(prefix="router-")
        try:
            return engine.Server(self._params(engine, Path(folder, "gguf.sock")))
        except (RuntimeError, MemoryError) as error:
            raise ServerError(f"{self._source.where}: {self._path} cannot be loaded") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _params(self, engine: Any, socket: Path) -> Any:
        params = engine.CommonParams()
        params.model.path = str(self._path)
        params.model_alias = {self._path.name}
        params.n_ctx = self._context
        params.n_parallel = 1
        params.cpuparams.n_threads = self._threads
        params.cpuparams_batch.n_threads = self._threads
        params.warmup = False
        params.cache_ram_mib = 0
        params.verbosity = -1
        params.hostnames = [str(socket)]
        params.port = 0
        params.n_threads_http = 1
        params.endpoint_slots = False
        return params

    def _unload(self) -> None:
        self._server = None
        self._settled = False
        gc.collect()
