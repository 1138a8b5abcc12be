"""The real llama-server in router mode, where LLAMA_SERVER names the program."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time

import pytest

from router.core.errors import CallFailed, ServerError
from router.core.request import Endpoint
from router.providers import create

PROGRAM = os.environ.get("LLAMA_SERVER", "")

pytestmark = pytest.mark.skipif(
    not PROGRAM or shutil.which(PROGRAM) is None,
    reason="the variable LLAMA_SERVER names no llama-server",
)


@pytest.fixture
def server(tmp_path, scripted_model):
    """Start it over a good model and a broken file; it ends with the test."""
    (tmp_path / "good.gguf").symlink_to(scripted_model("I am loaded."))
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and nothing more")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--models-dir", str(tmp_path), "--models-max", "1", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait()


async def until_up(provider):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            return await provider.listed()
        except CallFailed:
            await asyncio.sleep(0.2)
    raise AssertionError("llama-server did not come up")


def test_models_are_loaded_and_unloaded_and_a_broken_file_is_told(server):
    async def go():
        provider = create(Endpoint("box", "openai", "local", server))
        try:
            assert {each.state for each in await until_up(provider)} == {"unloaded"}
            await provider.load("good")
            states = {each.id: each.state for each in await provider.listed()}
            await provider.unload("good")
            after = {each.id: each.state for each in await provider.listed()}
            with pytest.raises(ServerError, match="could not load `broken`"):
                await provider.load("broken")
            return states["good"], after["good"]
        finally:
            await provider.close()

    assert asyncio.run(go()) == ("loaded", "unloaded")
