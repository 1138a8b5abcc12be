"""The real llama.cpp engine behind a whole router: the text of an answer proves which rule sent the call where."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from support import wall as walls

from router import (
    Authentication,
    ConnectFailed,
    ContextLength,
    MalformedResponse,
    ModelLoading,
    ModelNotFound,
    TextDelta,
    load_router,
)

CODER, TALKER, SMALL = "I am the coder.", "I am the talker.", "I am the small one."

FILE = """\
version: 1
endpoints:
  one: {{kind: openai, url: "{one}", key: "${{env:ONE_KEY}}"}}
  two: {{kind: openai, url: "{two}"}}
  here: {{kind: gguf, path: "{folder}", threads: 1}}
models:
  coder: {{at: one}}
  talker: {{at: two}}
  small: {{at: here, id: {small}, context: 2048}}
retry: {{same: 0}}
rules:
  - {{when: {{task: code}}, use: [coder, talker]}}
  - {{when: {{task: analysis}}, use: small}}
  - {{when: {{task: creative}}, use: [talker, small]}}
  - {{use: talker}}
"""


def write(tmp_path, one, two, small, text=FILE):
    file = tmp_path / "router.yaml"
    file.write_text(text.format(one=one, two=two, folder=small.parent, small=small.name), encoding="utf-8")
    return file


@pytest.fixture
def servers(engine, scripted_model):
    return engine(CODER, key="sk-right"), engine(TALKER), scripted_model(SMALL)


def test_rules_reach_the_server_they_name(tmp_path, servers):
    one, two, small = servers

    async def main():
        async with load_router(
            write(tmp_path, one.url, two.url, small), env={"ONE_KEY": "sk-right"}
        ) as router:
            return [await router.complete("hi", task=task) for task in ("code", "chat", "analysis")]

    code, chat, analysis = asyncio.run(main())
    assert (code.content, code.endpoint) == (CODER, "one")
    assert (chat.content, chat.endpoint) == (TALKER, "two")
    assert (analysis.content, analysis.endpoint) == (SMALL, "here")
    for answer in (code, chat, analysis):
        assert answer.usage.output_tokens > 0
        assert not answer.usage.estimated
        assert answer.cost == 0
        assert answer.finish_reason == "stop"


def test_streams_reach_the_server_they_name_in_pieces(tmp_path, servers):
    one, two, small = servers

    async def main():
        found = {}
        async with load_router(
            write(tmp_path, one.url, two.url, small), env={"ONE_KEY": "sk-right"}
        ) as router:
            for task in ("code", "analysis"):
                async with router.stream("hi", task=task) as reply:
                    pieces = [delta.text async for delta in reply if isinstance(delta, TextDelta)]
                found[task] = (pieces, reply.completion)
        return found

    found = asyncio.run(main())
    assert "".join(found["code"][0]) == found["code"][1].content == CODER
    assert "".join(found["analysis"][0]) == SMALL
    assert len(found["code"][0]) > 1
    assert not found["code"][1].usage.estimated


def test_a_killed_server_is_followed_by_the_next(tmp_path, engine, scripted_model):
    one, two, small = engine("I am soon gone.", parallel=2), engine(TALKER), scripted_model(SMALL)

    async def main():
        async with load_router(write(tmp_path, one.url, two.url, small), env={"ONE_KEY": "x"}) as router:
            before = await router.complete("hi", task="code")
            one.kill()
            return before, await router.complete("hi", task="code")

    before, after = asyncio.run(main())
    assert before.content == "I am soon gone."
    assert after.content == TALKER
    assert [each.outcome for each in after.attempts][-1] == "ok"
    assert after.attempts[0].outcome in ("connect_failed", "connection_lost")


def test_a_refused_connection_is_told_when_nothing_else_is_left(tmp_path, servers):
    _, two, small = servers

    async def main():
        async with load_router(
            write(tmp_path, "http://127.0.0.1:1/v1", two.url, small), env={"ONE_KEY": "x"}
        ) as router:
            with pytest.raises(ConnectFailed) as caught:
                await router.complete("hi", model="coder")
            assert "127.0.0.1:1" in str(caught.value)
            return await router.complete("hi", task="code")

    assert asyncio.run(main()).content == TALKER


def test_a_bad_key_is_told_without_the_key(tmp_path, servers):
    one, two, small = servers

    async def main():
        async with load_router(
            write(tmp_path, one.url, two.url, small), env={"ONE_KEY": "sk-wrong-0123456789"}
        ) as router:
            with pytest.raises(Authentication) as caught:
                await router.complete("hi", model="coder")
            return caught.value, await router.complete("hi", task="code")

    error, answer = asyncio.run(main())
    assert "sk-wrong" not in str(error) + repr(error.__cause__)
    assert error.status == 401
    assert [each.outcome for each in answer.attempts] == ["ok"]  # the key is left alone for a while


def test_a_prompt_over_the_context_is_told_with_its_numbers(tmp_path, servers):
    one, two, small = servers

    async def main():
        async with load_router(
            write(tmp_path, one.url, two.url, small), env={"ONE_KEY": "sk-right"}
        ) as router:
            told = {"small": "2,048 tokens.*not sent", "talker": "exceeds the available context size"}
            for model, words in told.items():
                with pytest.raises(ContextLength, match=words):
                    await router.complete("hi " * 9000, model=model)
                with pytest.raises(ContextLength):
                    async with router.stream("hi " * 9000, model=model):
                        pass

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="the children of a process are read from /proc")
@pytest.mark.parametrize(
    ("written", "children"), [("", 1), ("isolation: process", 1), ("isolation: none", 0)]
)
def test_isolation_says_whether_a_model_has_a_process_of_its_own(tmp_path, scripted_model, written, children):
    pytest.importorskip("xllamacpp")
    file = tmp_path / "router.yaml"
    file.write_text(
        "version: 1\n"
        f"endpoints: {{here: {{kind: gguf, path: '{scripted_model(SMALL)}', {written}}}}}\n"
        "models: {small: {at: here, context: 2048}}\n"
        "rules: [{use: small}]\n"
    )

    def engines():
        lists = Path("/proc/self/task").glob("*/children")
        pids = [pid for each in lists for pid in each.read_text().split()]
        return [pid for pid in pids if b"_gguf_child" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    async def main():
        async with load_router(file) as router:
            assert (await router.complete("hi")).content == SMALL
            return len(engines())

    assert asyncio.run(main()) == children
    assert not engines()


def test_a_model_file_that_is_gone_since_is_told_and_followed_by_the_next(tmp_path, servers):
    one, two, _ = servers
    text = FILE.replace("use: small}}", "use: [small, talker]}}")
    gone = tmp_path / "models" / "none.gguf"
    gone.parent.mkdir()
    gone.write_bytes(b"GGUF")

    async def main():
        async with load_router(write(tmp_path, one.url, two.url, gone, text), env={"ONE_KEY": "x"}) as router:
            gone.unlink()
            with pytest.raises(ModelNotFound, match=r"none\.gguf"):
                await router.complete("hi", model="small")
            return await router.complete("hi", task="analysis")

    answer = asyncio.run(main())
    assert [each.outcome for each in answer.attempts] == ["ok"]  # a model that is not there is left alone


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (walls.loading(), "model_loading"),
        (
            walls.raw(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n<html>no!"
            ),
            "malformed_response",
        ),
        (
            walls.answer(404, {"error": {"code": "model_not_found", "message": "no such model"}}),
            "model_not_found",
        ),
        (walls.answer(302, {}), "upstream_redirect"),
    ],
)
def test_a_server_that_misbehaves_is_followed_by_the_next(tmp_path, servers, reply, outcome):
    _, two, small = servers

    async def main():
        async with walls.wall(reply) as broken:
            file = write(tmp_path, broken.url, two.url, small)
            async with load_router(file, env={"ONE_KEY": "x"}) as router:
                return await router.complete("hi", task="code")

    answer = asyncio.run(main())
    assert [each.outcome for each in answer.attempts] == [outcome, "ok"]
    assert answer.content == TALKER


def test_garbage_and_loading_are_told_when_nothing_else_is_left(tmp_path, servers):
    _, two, small = servers

    async def ask(reply, **options):
        async with walls.wall(reply) as broken:
            file = write(tmp_path, broken.url, two.url, small)
            async with load_router(file, env={"ONE_KEY": "x"}) as router:
                await router.complete("hi", model="coder", **options)

    with pytest.raises(MalformedResponse):
        asyncio.run(ask(walls.raw(b"not http at all\r\n\r\n")))
    with pytest.raises(ModelLoading):
        asyncio.run(ask(walls.loading(), deadline=1.0))


def test_cancelling_a_stream_frees_the_connection(tmp_path, servers):
    _, two, small = servers
    endless = [walls.piece("word ")] * 1000

    async def main():
        async with walls.wall(walls.stream(*endless, pause=0.01)) as slow:
            file = write(tmp_path, slow.url, two.url, small)
            async with load_router(file, env={"ONE_KEY": "x"}) as router:
                async with router.stream("hi", model="coder") as reply:
                    await anext(reply)
                    assert slow.connections == 1
                return await slow.empties()

    assert asyncio.run(main())
