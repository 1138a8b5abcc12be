"""Prompts around the context window of the real llama.cpp engine, whose scripted model makes a token of each character."""

from __future__ import annotations

import asyncio

import pytest

from router import ContextLength, load_router

FILE = """\
version: 1
endpoints:
  one: {{kind: openai, url: "{url}"}}
models:
  plain: {{at: one, context: 512, options: {{max_tokens: 20}}}}
  cut: {{at: one, context: 512, truncate: oldest, options: {{max_tokens: 20}}}}
retry: {{same: 0}}
rules: [{{when: {{task: chat}}, use: plain}}, {{use: cut}}]
"""
TEACHING = "word " * 60  # 79 tokens by our estimate, and about 300 as the engine counts
NEAR = "word " * 160  # 204 by our estimate, surely 133: more than 800 for the engine


@pytest.fixture
def path(tmp_path, engine):
    file = tmp_path / "router.yaml"
    url = engine("I am small.", context=512, parallel=1).url
    file.write_text(FILE.format(url=url), encoding="utf-8")
    return file


def test_what_surely_does_not_fit_is_not_sent_and_what_may_fit_is_until_the_model_is_known(path):
    async def main():
        async with load_router(path, env={}) as router:
            with pytest.raises(ContextLength, match="not sent"):
                await router.complete("word " * 900)
            with pytest.raises(ContextLength, match="exceeds the available context size") as caught:
                await router.complete(NEAR)
            assert caught.value.attempts[0].sent
            for _ in range(8):
                await router.complete(TEACHING)
            with pytest.raises(ContextLength, match="not sent") as caught:
                await router.complete(NEAR)
            assert not caught.value.attempts[0].sent

    asyncio.run(main())


def test_turns_are_left_out_until_the_engine_takes_the_rest(path):
    talk = [
        {"role": role, "content": f"{role} {n} " + "word " * 8}
        for n in range(12)
        for role in ("user", "assistant")
    ]

    async def main():
        async with load_router(path, env={}) as router:
            await router.complete(TEACHING, model="cut")
            return await router.complete([*talk, {"role": "user", "content": "and now?"}], model="cut")

    answer = asyncio.run(main())
    assert answer.content == "I am small."
    assert "left out (truncate: oldest)" in answer.notes[0]
    assert 200 < answer.usage.input_tokens < 512
    assert len(answer.attempts) == 1
