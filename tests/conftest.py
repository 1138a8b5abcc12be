"""Fixtures that several folders of tests share: scripted models, and the real engine over them."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from support import engine_server
from support.scripted_gguf import write_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.engine_server import EngineServer


# A machine that does other things as well must not make a property fail.
settings.register_profile("router", deadline=None)
settings.load_profile("router")


@pytest.fixture(scope="session")
def scripted_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a model that says a reply (see `support.scripted_gguf.write_model`), each one once, and give its path."""
    folder = tmp_path_factory.mktemp("models")

    def write(reply: str = "I am a scripted model.", **options: object) -> Path:
        mark = hashlib.sha256(repr((reply, sorted(options.items()))).encode()).hexdigest()[:12]
        path = folder / f"{mark}.gguf"
        return path if path.exists() else write_model(path, reply, **options)

    return write


@pytest.fixture(scope="session")
def engine(scripted_model: Callable[..., Path]) -> Iterator[Callable[..., EngineServer]]:
    """Start the real llama.cpp server over a scripted model in a process of its own; all end with the session."""
    if find_spec("xllamacpp") is None:
        pytest.skip("the llama.cpp engine is not installed: pip install 'pantheon-router[gguf]'")
    servers: list[EngineServer] = []

    def start(reply: str = "I am a scripted model.", **options: object) -> EngineServer:
        serving = {
            name: options.pop(name) for name in ("context", "parallel", "key", "alias") if name in options
        }
        servers.append(engine_server.start(scripted_model(reply, **options), **serving))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(params=["fast", "httpx"])
def carried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let each of the two transports carry the test's bytes in turn."""
    if request.param == "fast" and find_spec("httptools") is None:
        pytest.skip("the fast transport is not installed: pip install 'pantheon-router[fast]'")
    monkeypatch.setattr("router.core.carrier.fast_installed", lambda: request.param == "fast")
    return request.param
