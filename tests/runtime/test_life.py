"""One router in many loops, threads and processes, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.faults import Watcher
from support.wall import after, answer, mute, piece, said, stream, wall

from router import CallFailed, SyncRouter, load_router
from router.testing import ScriptedProvider, run_virtual

SCRIPT = Path(__file__).parents[1] / "support" / "forking.py"
THREADS = 8


@contextmanager
def serving(*replies):
    """Give a wall that serves in a thread of its own."""
    found, ready, stop = [], threading.Event(), threading.Event()

    async def main():
        async with wall(*replies) as server:
            found.append(server)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    ready.wait(10)
    try:
        yield found[0]
    finally:
        stop.set()
        thread.join(10)


def written(folder, url, rest=""):
    file = folder / "router.yaml"
    file.write_text(
        f'version: 1\nendpoints: {{a: {{kind: openai, url: "{url}/v1", concurrency: 16{rest}}}}}\n'
        "models: {m: {at: a}}\nrules: [{use: m}]\n",
        encoding="utf-8",
    )
    return file


def gone(server, seconds=2.0):
    until = time.monotonic() + seconds
    while server.connections and time.monotonic() < until:
        time.sleep(0.005)
    return server.connections == 0


@pytest.mark.parametrize("inside", [True, False])
def test_one_router_serves_three_loops_in_a_row(tmp_path, inside):
    with serving(answer(body=said("hi"))) as server:
        router = load_router(written(tmp_path, server.url))

        async def ask():
            if inside:
                async with router:
                    return (await router.complete("x")).content
            return (await router.complete("x")).content

        assert [asyncio.run(ask()) for _ in range(3)] == ["hi"] * 3
        assert gone(server)


@pytest.mark.parametrize("inside", [True, False])
def test_one_router_serves_eight_threads_with_a_loop_each(tmp_path, inside):
    rounds = 5
    with serving(after(0.01, answer(body=said("hi")))) as server:
        router = load_router(written(tmp_path, server.url))
        answers = []

        async def ask():
            if inside:
                async with router:
                    return [(await router.complete("x")).content for _ in range(3)]
            return [(await router.complete("x")).content for _ in range(3)]

        def work():
            for _ in range(rounds):
                try:
                    answers.extend(asyncio.run(ask()))
                except Exception as error:  # noqa: BLE001 - told below
                    answers.append(repr(error))

        threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads), "a thread hangs"
        assert answers == ["hi"] * (THREADS * rounds * 3)
        assert gone(server)


def test_leaving_does_not_disturb_those_who_are_still_inside(tmp_path):
    async def go():
        async with wall(after(0.05, answer(body=said("hi")))) as server:
            router = load_router(written(tmp_path, server.url))
            async with router:
                call = asyncio.create_task(router.complete("x"))
                await asyncio.sleep(0.02)
                async with router:
                    pass
                return (await call).attempts

    assert [each.outcome for each in asyncio.run(go())] == ["ok"]


def test_a_router_is_closed_from_another_loop_than_the_one_that_opened_it(tmp_path):
    with serving(answer(body=said("hi"))) as server:
        router = load_router(written(tmp_path, server.url))
        opened, stop = threading.Event(), threading.Event()

        async def opener():
            await router.complete("x")
            opened.set()
            await asyncio.to_thread(stop.wait)
            return (await router.complete("x")).content

        answers = []
        thread = threading.Thread(target=lambda: answers.append(asyncio.run(opener())))
        thread.start()
        opened.wait(10)
        began = time.monotonic()
        asyncio.run(router.close())
        assert time.monotonic() - began < 1
        assert gone(server)
        stop.set()
        thread.join(10)
        assert answers == ["hi"]  # and opened again


def test_closing_waits_for_the_calls_under_way_if_told_to(tmp_path):
    async def go():
        async with wall(after(0.1, answer(body=said("hi")))) as server:
            router = load_router(written(tmp_path, server.url))
            call = asyncio.create_task(router.complete("x"))
            await asyncio.sleep(0.02)
            await router.close(drain=5)
            done = call.done()
            return done, (await call).content, await server.empties(1.0)

    assert asyncio.run(go()) == (True, "hi", True)


def test_closing_does_not_wait_longer_than_told(tmp_path):
    provider = ScriptedProvider("timeout")
    file = written(tmp_path, "http://127.0.0.1:1")

    async def go():
        router = load_router(file, providers={"a": provider})
        call = asyncio.create_task(router.complete("x"))
        await asyncio.sleep(1)
        await router.close(drain=5)
        closed = asyncio.get_running_loop().time()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        return closed, provider.closed, provider.open_streams

    closed, times, left = run_virtual(go())
    assert closed == pytest.approx(6, abs=0.1)
    assert (times, left) == (1, 0)


def test_closing_under_a_call_ends_it_with_an_error_and_leaves_nothing(tmp_path):
    async def go():
        async with wall(mute) as server:
            router = load_router(written(tmp_path, server.url, ", health: off"))
            call = asyncio.create_task(router.complete("x", deadline=0.5))
            await asyncio.sleep(0.05)
            await router.close()
            with pytest.raises(CallFailed):
                await call
            await router.close()
            return await server.empties(1.0)

    assert asyncio.run(go())


def forked(folder, server, how):
    file = written(folder, server.url)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(file), how],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "Event loop is closed" not in done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("how", ["outside", "inside", "sync", "leaving"])
def test_a_warm_router_is_of_use_on_both_sides_of_a_fork(tmp_path, how):
    live = after(0.02, stream(piece("hi"), piece(finish="stop"), "[DONE]"))

    async def reply(asked, writer):
        wanted = live if asked.json.get("stream") else after(0.02, answer(body=said("hi")))
        await wanted(asked, writer)

    with serving(reply) as server:
        found, told = forked(tmp_path, server, how)
    assert [text for text, _ in found] == ["hi"] * len(found), told
    assert max(seconds for _, seconds in found) < 1 + 1.5  # the rest is for a loaded machine that imports


def test_children_of_a_fork_have_ids_of_their_own(tmp_path):
    router = load_router(written(tmp_path, "http://127.0.0.1:1"), providers={"a": ScriptedProvider("ok")})

    async def ask():
        return (await router.complete("x")).request_id

    before = asyncio.run(ask())
    router._engine.forked()
    assert before.split("-")[0] != asyncio.run(ask()).split("-")[0]


def test_a_child_forgets_the_attempts_its_parent_has_under_way(tmp_path):
    file = written(tmp_path, "http://127.0.0.1:1", ", health: off")
    seen = Watcher()

    async def go():
        provider = ScriptedProvider("refused", "refused", "refused", "timeout", "ok")
        router = load_router(file, providers={"a": provider}, observers=[seen])
        for _ in range(2):
            with pytest.raises(CallFailed):
                await router.complete("x")
        await asyncio.sleep(40)
        probe = asyncio.create_task(router.complete("x"))  # the one that may see whether it is well again
        await asyncio.sleep(0.1)
        parents = router._engine.forked()
        answered = (await router.complete("x")).content
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        return answered, parents

    assert run_virtual(go())[0]


def test_the_blocking_face_drains_before_it_closes(tmp_path):
    with serving(after(0.1, answer(body=said("hi")))) as server:
        router = SyncRouter(written(tmp_path, server.url))
        answers = []
        thread = threading.Thread(target=lambda: answers.append(router.complete("x").content))
        thread.start()
        until = time.monotonic() + 5
        while not server.running and time.monotonic() < until:
            time.sleep(0.005)
        router.close(drain=5)
        thread.join(5)
        assert answers == ["hi"]
        assert gone(server)


def test_closing_is_not_held_up_by_a_loop_that_is_stuck(tmp_path):
    with serving(answer(body=said("hi"))) as server:
        router = load_router(written(tmp_path, server.url))
        stuck, go_on = threading.Event(), threading.Event()

        async def opener():
            await router.complete("x")
            stuck.set()
            go_on.wait(10)  # blocks its loop

        thread = threading.Thread(target=lambda: asyncio.run(opener()))
        thread.start()
        stuck.wait(10)
        began = time.monotonic()
        asyncio.run(router.close())
        assert time.monotonic() - began < 3
        go_on.set()
        thread.join(10)
        assert not thread.is_alive()
        assert gone(server)
