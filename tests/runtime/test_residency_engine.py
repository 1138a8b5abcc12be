"""Real models of the llama.cpp engine under a memory budget that holds one of two."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.scripted_gguf import write_model

from router import load_router
from router.core.errors import Shed
from router.providers._gguf_memory import memory_of

pytestmark = pytest.mark.skipif(
    find_spec("xllamacpp") is None, reason="the llama.cpp engine is not installed"
)
TIGHT = Path(__file__).parents[1] / "support" / "tight.py"
FILE = """
version: 1
endpoints:
  files: {{kind: gguf, path: ./models, threads: 1SETTINGS}}
models:
  one: {{at: files, id: one.gguf, context: 512{one}}}
  two: {{at: files, id: two.gguf, context: 512{two}}}
{rest}
rules: [{{use: one}}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("resident")
    (found / "models").mkdir()
    write_model(found / "models" / "one.gguf", "I am the first.")
    write_model(found / "models" / "two.gguf", "I am the second.")
    return found


def write(folder, settings="", *, one="", two="", rest="", memory=True):
    needed = max(memory_of(folder / "models" / f"{name}.gguf", 512) for name in ("one", "two"))
    limit = f", memory: {int(needed * 1.5)}B" if memory else ""
    text = FILE.format(one=one, two=two, rest=rest).replace("SETTINGS", f"{limit}{settings}")
    file = folder / "router.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def loaded(router):
    return sorted(
        each.name for each in router.models() if any(at.residence == "loaded" for at in each.deployments)
    )


def test_two_models_take_turns_in_memory_that_holds_one(folder):
    router = load_router(write(folder))

    async def thrash():
        async with router:
            seen = []
            for model in ("one", "two", "one"):
                seen.append(((await router.complete("hi", model=model)).text, loaded(router)))
            provider = router._engine.snapshot.provider(router._engine.program.endpoints["files"])
            return seen, provider.loaded

    assert asyncio.run(thrash()) == (
        [("I am the first.", ["one"]), ("I am the second.", ["two"]), ("I am the first.", ["one"])],
        ("one.gguf",),
    )


def test_what_is_computed_of_a_file_is_what_counts(folder):
    router = load_router(write(folder))

    async def ask():
        async with router:
            await router.complete("hi", model="one")
            return [each.deployments[0].memory for each in router.models()]

    assert asyncio.run(ask()) == [
        memory_of(folder / "models" / f"{name}.gguf", 512) for name in ("one", "two")
    ]


def test_calls_at_once_for_both_are_all_answered(folder):
    router = load_router(write(folder, ", queue: {timeout: 60s}"))

    async def many():
        async with router:
            return await asyncio.gather(
                *(router.complete("hi", model=model, deadline=90) for model in ("one", "two") * 4)
            )

    assert sorted({each.text for each in asyncio.run(many())}) == ["I am the first.", "I am the second."]


def test_an_unused_model_gives_its_memory_back(folder):
    router = load_router(write(folder, ", when_full: wait, idle_unload: 300ms"))

    async def idle():
        async with router:
            first = await router.complete("hi", model="one")
            second = await router.complete("hi", model="two")  # waits until the first is gone
            provider = router._engine.snapshot.provider(router._engine.program.endpoints["files"])
            for _ in range(100):
                if not provider.loaded:
                    break
                await asyncio.sleep(0.05)
            return first.text, second.text, provider.loaded

    assert asyncio.run(idle()) == ("I am the first.", "I am the second.", ())


def test_what_does_not_fit_now_is_answered_elsewhere(folder):
    file = write(folder, ", when_full: next", rest="  spare: {at: [files, other], id: two.gguf}")
    text = file.read_text(encoding="utf-8").replace("models:\n", "  other: {kind: mock}\nmodels:\n", 1)
    file.write_text(text, encoding="utf-8")
    router = load_router(file)

    async def ask():
        async with router:
            await router.complete("hi", model="one")
            return (await router.complete("hi", model="spare")).endpoint, loaded(router)

    assert asyncio.run(ask()) == ("other", ["one"])


def test_a_model_that_can_never_fit_is_refused_before_it_is_loaded(folder):
    file = write(folder, memory=False)
    text = file.read_text(encoding="utf-8").replace("threads: 1", "threads: 1, memory: 1MiB")
    file.write_text(text, encoding="utf-8")
    router = load_router(file)

    async def ask():
        async with router:
            await router.complete("hi", model="one")

    with pytest.raises(Shed, match="`files` has 1MiB"):
        asyncio.run(ask())
    assert loaded(router) == []


def tight(file, more, *models):
    found = subprocess.run(
        [sys.executable, TIGHT, file, str(more), *models],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return json.loads(found.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process's memory are Linux's")
def test_a_process_with_little_memory_refuses_before_it_is_ended(folder):
    file = write(folder, ", memory: 64GiB, isolation: none", one=", memory: 20GiB", memory=False)
    found = tight(file, 3 * 2**30, "one", "two")
    assert (
        "shed: `one` at `files` is not loaded: it needs 20GiB, and this machine really has"
        in found["said"][0]
    )
    assert found["said"][1] == "I am the second."


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process's memory are Linux's")
def test_a_process_with_little_memory_unloads_one_for_another(folder):
    file = write(
        folder,
        ", memory: 64GiB, isolation: none",
        one=", memory: 2800MiB",
        two=", memory: 4GiB",
        memory=False,
    )
    found = tight(file, 4 * 2**30, "one", "two")
    assert found["said"] == ["I am the first.", "I am the second."]
    assert [state for _, state in found["told"]] == ["loaded", "unloaded", "loaded"]
