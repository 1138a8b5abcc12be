"""The program of a child process that holds one GGUF model; `_gguf_process` is its parent.

It is run by its path and stands alone, so that it starts fast and sees nothing of its parent: it may import the
standard library and the engine, nothing else. Both sides write lines of JSON. The parent writes one order (path,
context, threads, folder, engine, parent), then `{"ask": N, "body": {...}}` and `{"stop": N}`; its end of file ends the
child. The child writes `{"ready": true}` or `{"failed": WHY}`, then for each request `{"of": N, "chunk": {...}}` and at
last `{"of": N, "end": true}`, with `status` and `message` when it was refused.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

QUIET, ERRORS = -1, 1
# Tokens that are computed at once: the engine notices between two of them that a call was left.
BATCH = 512
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux


def open_engine(engine: Any, order: Mapping[str, Any], verbosity: int = QUIET) -> Any:
    """Load a model and return the engine's server.

    Args:
        engine: The module `xllamacpp`.
        order: `path`, `context` (tokens of the window), `threads`, and `folder`, an existing private folder. The
            engine insists on a listener: it gets a socket in there, which nobody can reach once the folder is gone.
        verbosity: How much the engine says on stderr.

    Raises:
        RuntimeError: The model cannot be loaded.
        MemoryError: There is no room for it.
    """
    params = engine.CommonParams()
    params.model.path = order["path"]
    params.model_alias = {os.path.basename(order["path"])}  # noqa: PTH119 - pathlib takes a third of the start
    params.n_ctx = order["context"]
    params.n_parallel = 1
    params.n_batch = BATCH
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    params.warmup = False
    params.cache_ram_mib = 0
    params.verbosity = verbosity
    params.hostnames = [os.path.join(order["folder"], "gguf.sock")]  # noqa: PTH118
    params.port = 0
    params.n_threads_http = 1
    params.endpoint_slots = False
    # Fitting layers to cards reads the model twice; without a card there is nothing to fit.
    params.fit_params = any(device["name"] != "CPU" for device in engine.get_device_info())
    return engine.Server(params)


def is_progress(chunk: Mapping[str, Any]) -> bool:
    """Return whether a chunk only tells how far the prompt is read."""
    return "prompt_progress" in chunk


class Desk:
    """Takes requests in from one side while the engine answers them one after the other.

    Args:
        into: What the parent writes.
        out: What it reads.
        leave: Ends the process.
    """

    # Mutable: `_asked`, a queue; `_stopped`, written by the reading thread, read by the engine's.

    def __init__(self, into: BinaryIO, out: BinaryIO, leave: Callable[[], None]) -> None:
        self._into = into
        self._out = out
        self._leave = leave
        self._asked: queue.SimpleQueue[tuple[int, dict[str, Any]] | None] = queue.SimpleQueue()
        self._stopped = 0

    def read(self) -> None:
        """Take in what the parent writes, until it ends."""
        for line in self._into:
            said = json.loads(line)
            if "ask" in said:
                self._asked.put((said["ask"], said["body"]))
            else:
                self._stopped = said["stop"]
        self._asked.put(None)
        self._leave()

    def say(self, **said: object) -> None:
        """Write one line to the parent."""
        self._out.write(json.dumps(said).encode() + b"\n")
        self._out.flush()

    def serve(self, server: Any) -> None:
        """Answer requests until the parent ends."""
        while (asked := self._asked.get()) is not None:
            self._answer(server, *asked)

    def _answer(self, server: Any, number: int, body: dict[str, Any]) -> None:
        def on_chunk(chunk: Mapping[str, Any]) -> bool:
            if not is_progress(chunk):
                self.say(of=number, chunk=chunk)
            return self._stopped >= number

        try:
            if self._stopped < number:
                server.handle_chat_completions({**body, "return_progress": True}, on_chunk)
        except ValueError as error:
            self.say(of=number, end=True, status=400, message=str(error))
        except (RuntimeError, IndexError, TypeError) as error:
            self.say(of=number, end=True, status=500, message=str(error))
        else:
            self.say(of=number, end=True)


def run(order: Mapping[str, Any], desk: Desk) -> None:
    """Load the model, say how that went, and answer until the parent ends."""
    sys.path.append(order["engine"])
    try:
        server = open_engine(import_module("xllamacpp"), order, ERRORS)
    except (ImportError, RuntimeError, MemoryError, ValueError) as error:
        desk.say(failed=f"{type(error).__name__}: {error}")
        return
    desk.say(ready=True)
    desk.serve(server)


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, where it can: a model that loads reads no pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to end
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only here

        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:  # pragma: no cover - runs in the child alone
    """Be the child."""
    order = json.loads(sys.stdin.buffer.readline())
    die_with(order["parent"])
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the engine prints is no answer
    desk = Desk(sys.stdin.buffer, out, lambda: os._exit(0))
    threading.Thread(target=desk.read, daemon=True).start()
    run(order, desk)
    os._exit(0)  # the engine's own end may wait for what nobody wants


if __name__ == "__main__":  # pragma: no cover
    main()
