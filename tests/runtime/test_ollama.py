"""A router over Ollama: the window of the file, long prompts refused, models that make room for each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.fake_ollama import fake_ollama

from router import load_router
from router.core.errors import ContextLength, Overloaded

EXAMPLE = Path(__file__).parents[2] / "examples" / "configs" / "ollama.yaml"
ONE = """\
version: 1
endpoints: {box: {kind: ollama, url: "%s"}}
models: {m: {at: box, id: llama3.2, context: 64}}
rules: [{use: m}]
retry: {attempts: 1}
"""


@pytest.fixture
def ollama():
    with fake_ollama("llama3.2", "qwen2.5-coder:7b") as server:
        yield server


def ask(path, *calls):
    async def go():
        async with load_router(path) as router:
            return [await router.complete(text, **options) for text, options in calls]

    return asyncio.run(go())


def written(tmp_path, text):
    path = tmp_path / "router.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_call_is_answered_and_counted(tmp_path, ollama):
    (answer,) = ask(written(tmp_path, ONE % ollama.url), ("hello", {}))
    assert (answer.text, answer.model, answer.endpoint) == ("Hello from llama3.2: hello", "m", "box")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.estimated) == (1, 4, False)
    assert ollama.memory["llama3.2:latest"].context == 64


@pytest.mark.parametrize("stream", [False, True])
def test_a_long_prompt_is_an_error_and_not_an_answer_to_half_of_it(tmp_path, ollama, stream):
    async def go():
        async with load_router(written(tmp_path, ONE % ollama.url)) as router:
            if not stream:
                await router.complete("a b " * 100)
            async with router.stream("a b " * 100) as reply:
                async for _ in reply:
                    pass

    with pytest.raises(ContextLength):
        asyncio.run(go())


def test_a_full_queue_is_overload(tmp_path, ollama):
    ollama.busy = True
    with pytest.raises(Overloaded):
        ask(written(tmp_path, ONE % ollama.url), ("hello", {}))


def test_models_that_do_not_fit_together_make_room_for_each_other(tmp_path, ollama):
    path = written(
        tmp_path, EXAMPLE.read_text(encoding="utf-8").replace("http://127.0.0.1:11434", ollama.url)
    )
    answers = ask(path, ("one", {}), ("two", {"task": "code"}), ("three", {}))
    assert [answer.model for answer in answers] == ["small", "coder", "small"]
    assert ollama.started == ["llama3.2:latest", "qwen2.5-coder:7b", "llama3.2:latest"]
    assert [(name, each.context, each.keep) for name, each in ollama.memory.items()] == [
        ("llama3.2:latest", 16384, -1)
    ]
