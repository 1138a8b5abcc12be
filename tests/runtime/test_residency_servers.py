"""Servers that load and unload when they are told to: Ollama, and llama-server in its router mode."""

from __future__ import annotations

import asyncio
import json

import pytest
from support.fake_ollama import GIB, Pulled, fake_ollama
from support.wall import answer, said, wall

from router import load_router

FILE = """
version: 1
endpoints: {{box: {{kind: ollama, url: "{url}", {memory}}}}}
models:
  small: {{at: box, id: llama3.2, context: 64}}
  large: {{at: box, id: "qwen2.5-coder:7b", context: 64}}
rules: [{{use: small}}]
"""


@pytest.fixture
def ollama():
    with fake_ollama("llama3.2", **{"qwen2.5-coder:7b": Pulled(size=4 * GIB)}) as server:
        yield server


def made(tmp_path, ollama, memory):
    file = tmp_path / "router.yaml"
    file.write_text(FILE.format(url=ollama.url, memory=memory), encoding="utf-8")
    return load_router(file)


def test_models_of_ollama_make_room_for_each_other_by_the_sizes_it_tells(tmp_path, ollama):
    router = made(tmp_path, ollama, "memory: 5GiB")

    async def turns():
        seen = []
        async with router:
            for model in ("small", "large", "small"):
                await router.complete("hi", model=model)
                seen.append(sorted(ollama.memory))
        return seen

    small, large = ["llama3.2:latest"], ["qwen2.5-coder:7b"]
    assert asyncio.run(turns()) == [small, large, small]
    assert ollama.started == [*small, *large, *small]


def test_models_of_ollama_that_fit_together_stay(tmp_path, ollama):
    router = made(tmp_path, ollama, "memory: 8GiB")

    async def turns():
        async with router:
            for model in ("small", "large", "small"):
                await router.complete("hi", model=model)
        return {each.name: each.deployments[0].residence for each in router.models()}

    asyncio.run(turns())
    assert ollama.started == ["llama3.2:latest", "qwen2.5-coder:7b"]


def test_an_unused_model_of_ollama_is_unloaded(tmp_path, ollama):
    router = made(tmp_path, ollama, "idle_unload: 200ms")

    async def idle():
        async with router:
            await router.complete("hi", model="small")
            there = sorted(ollama.memory)
            for _ in range(100):
                if not ollama.memory:
                    break
                await asyncio.sleep(0.05)
            return there, sorted(ollama.memory)

    assert asyncio.run(idle()) == (["llama3.2:latest"], [])


ROUTER = """
version: 1
endpoints:
  box:
    kind: openai
    url: "{url}/v1"
    memory: 8GiB
    health: off
models:
  a: {{at: box, memory: 5GiB}}
  b: {{at: box, memory: 5GiB}}
rules: [{{use: [a, b]}}]
"""


class Llama:
    """A llama-server in router mode, as far as it is used here; it answers 400 to whom it has not loaded."""

    def __init__(self, *, manages=True):
        self.manages = manages
        self.loaded = set()
        self.done = []

    async def __call__(self, asked, writer):
        body = json.loads(asked.body) if asked.body else {}
        if asked.path.endswith("/models"):
            rows = [{"id": name, **self._status(name)} for name in ("a", "b")]
            await answer(200, {"data": rows})(asked, writer)
        elif asked.path in ("/models/load", "/models/unload"):
            verb = asked.path.rsplit("/", 1)[1]
            self.done.append(f"{verb} {body['model']}")
            (self.loaded.add if verb == "load" else self.loaded.discard)(body["model"])
            await answer(200, {"success": True})(asked, writer)
        else:
            self.done.append(f"call {body['model']}")
            known = not self.manages or body["model"] in self.loaded
            await answer(200 if known else 400, said(body["model"]) if known else {})(asked, writer)

    def _status(self, name):
        return {"status": {"value": "loaded" if name in self.loaded else "unloaded"}} if self.manages else {}


@pytest.mark.parametrize(
    ("manages", "done"),
    [
        (True, ["load a", "call a", "unload a", "load b", "call b"]),
        (False, ["call a", "call b"]),
    ],
)
def test_a_llama_server_is_told_to_load_where_it_can_be(tmp_path, manages, done):
    llama = Llama(manages=manages)

    async def ask():
        async with wall(llama) as server:
            file = tmp_path / "router.yaml"
            file.write_text(ROUTER.format(url=server.url), encoding="utf-8")
            async with load_router(file) as router:
                return [(await router.complete("hi", model=model)).text for model in ("a", "b")]

    assert asyncio.run(ask()) == ["a", "b"]
    assert llama.done == done
