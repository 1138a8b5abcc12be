"""The real llama.cpp HTTP server over one model, in a process of its own: `engine_server.py MODEL [CONTEXT]`.

Run as a script it prints its address and serves until it is killed or its input ends.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EngineServer:
    """A running server; `url` is its OpenAI-compatible base address."""

    url: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """End it at once; more than once does no harm."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def start(
    model: Path, *, context: int = 4096, parallel: int = 4, key: str = "", alias: str = ""
) -> EngineServer:
    """Start a server over a model and wait until it serves."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(model), str(context), str(parallel), key, alias or model.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    address = process.stdout.readline().strip() if process.stdout else ""
    server = EngineServer(f"{address}/v1", process)
    if not address:
        server.kill()
        raise RuntimeError(f"the engine did not start over {model}")
    return server


def serve(model: str, context: str, parallel: str, key: str, alias: str) -> None:
    """Serve until the input ends."""
    import xllamacpp  # noqa: PLC0415 - only the child needs it

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {alias}
    params.n_ctx = int(context) * int(parallel)
    params.n_parallel = int(parallel)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    params.cache_ram_mib = 0
    params.verbosity = -1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_threads_http = 16
    if key:
        params.api_keys = [key]
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
