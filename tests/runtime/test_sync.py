"""The blocking face."""

from __future__ import annotations

import asyncio
import threading

import pytest

from router import ConfigError, InvalidCall, RouterError, SyncRouter, load_router

FILE = """\
version: 1
endpoints: {here: {kind: mock, script: [ok]}}
models: {assistant: {at: here}}
rules: [{use: assistant}]
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(FILE, encoding="utf-8")
    return file


def test_a_call_without_a_loop_gives_the_answer(path):
    with SyncRouter(path) as router:
        assert router.complete("hi").content == "[Mock assistant Response] hi"
        assert router.explain(task="code").model == "assistant"
        assert [model.name for model in router.models()] == ["assistant"]


def test_a_stream_without_a_loop_gives_pieces_and_the_whole(path):
    with SyncRouter(path) as router:
        with router.stream("hi there") as reply:
            pieces = [delta.text for delta in reply]
        assert "".join(pieces) == reply.completion.content == "[Mock assistant Response] hi there"
        with router.stream("left early") as reply:
            next(iter(reply))
        with pytest.raises(RouterError):
            _ = reply.completion


def test_many_threads_share_one_router(path):
    answers = []
    with SyncRouter(load_router(path)) as router:
        threads = [
            threading.Thread(target=lambda n=n: answers.append(router.complete(str(n)).content))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == [f"[Mock assistant Response] {n}" for n in range(8)]


def test_errors_come_through_as_they_are(path):
    with SyncRouter(path) as router, pytest.raises(InvalidCall):
        router.complete("")
    with SyncRouter(path) as router, pytest.raises(InvalidCall):
        router.complete("x", task="nothing")
    path.write_text("version: 2\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        SyncRouter(path)


def test_a_closed_router_ends_its_thread_and_starts_anew(path):
    before = threading.active_count()
    router = SyncRouter(path)
    router.close()
    router.complete("one")
    assert threading.active_count() == before + 1
    router.close()
    assert threading.active_count() == before
    assert router.complete("two").content.endswith("two")
    router.close()


def test_closing_ends_the_calls_of_other_threads(path):
    path.write_text(FILE.replace("[ok]", "[timeout]"), encoding="utf-8")
    router = SyncRouter(path)
    errors = []

    def call():
        try:
            router.complete("never answered")
        except RouterError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    while router._loop is None or len(asyncio.all_tasks(router._loop)) < len(threads):
        threading.Event().wait(0.01)
    router.close()
    for thread in threads:
        thread.join(5)
    assert errors == ["the router was closed while the call was under way"] * 2
