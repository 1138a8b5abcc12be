"""The blocking face."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time

import pytest

from router import ConfigError, InvalidCall, RouterError, SyncRouter, load_router
from router.core.clock import LoopClock
from router.runtime.sync import Closed
from router.testing import ScriptedProvider

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


def test_a_changed_file_takes_effect_inside_with(path):
    class Hurried(LoopClock):
        async def sleep(self, seconds):
            await asyncio.sleep(seconds / 100)

    with SyncRouter(path, watch=True, clock=Hurried()) as router:
        path.write_text(FILE.replace("assistant", "other"), encoding="utf-8")
        deadline = time.monotonic() + 10
        while router.complete("x").model != "other":
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_reload_by_hand_takes_effect_and_refuses_a_broken_file(path):
    with SyncRouter(path) as router:
        path.write_text(FILE.replace("assistant", "other"), encoding="utf-8")
        router.reload()
        assert router.complete("x").model == "other"
        path.write_text("version: 2\n", encoding="utf-8")
        with pytest.raises(ConfigError):
            router.reload()
        assert router.complete("x").model == "other"


def test_inside_with_health_is_checked_on_the_routers_own_thread(path):
    asked = threading.Event()

    class Checked(ScriptedProvider):
        async def probe(self):
            asked.set()
            return "up"

    path.write_text(
        FILE.replace(
            "{kind: mock, script: [ok]}", '{kind: openai, url: "http://127.0.0.1:1", health: {every: 10ms}}'
        ),
        encoding="utf-8",
    )
    router = SyncRouter(path, providers={"here": Checked("ok")})
    router.complete("x")
    asked.clear()  # before the first call to a server
    assert not asked.wait(0.05)
    with router:
        assert asked.wait(5)
        with router:
            pass
        assert router.complete("x").content
    assert router._loop is None


def test_a_stream_that_is_open_when_the_router_closes_ends_with_an_error(path):
    provider = ScriptedProvider({"say": "one two three"}, pace=0.01)
    router = SyncRouter(path, providers={"here": provider})
    with router.stream("x") as reply:
        pieces = iter(reply)
        next(pieces)
        router.close()
        with pytest.raises(RouterError, match="closed while"):
            next(pieces)
    assert provider.open_streams == 0
    assert router._loop is None  # nothing was started anew for it


def test_an_interrupted_caller_takes_its_call_along(path, monkeypatch):
    provider = ScriptedProvider("timeout")
    router = SyncRouter(path, providers={"here": provider})

    def interrupted(*_):
        deadline = time.monotonic() + 5
        while not provider.open_streams and time.monotonic() < deadline:
            time.sleep(0.005)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(concurrent.futures.Future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            router.complete("x")
    deadline = time.monotonic() + 5
    while provider.open_streams and time.monotonic() < deadline:
        time.sleep(0.005)
    assert provider.open_streams == 0
    router.close()


def test_closing_while_threads_call_neither_hangs_nor_loses_the_loop(path):
    router = SyncRouter(path)
    stop = threading.Event()
    strange = []

    def call():
        while not stop.is_set():
            try:
                router.complete("x")
            except Closed:
                pass
            except Exception as error:  # noqa: BLE001 - told below
                strange.append(repr(error))

    threads = [threading.Thread(target=call, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        router.close()
        time.sleep(0.005)
    stop.set()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert strange == []
    router.close()


def test_the_face_begins_anew_in_a_child_and_leaves_its_parents_thread_alone(path):
    router = SyncRouter(path)
    router.complete("x")
    thread = router._thread
    _, loop, *_ = router.forked()  # as after a fork, only that the thread lives on here
    assert router.complete("y").content.endswith("y")
    assert router._thread is not thread
    assert not loop.is_closed()
    router.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()
