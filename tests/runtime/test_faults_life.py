"""A file that changes under streams, and many loops, on real sockets: F45 and F47 of the list of faults."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import pytest
from support.faults import TOKEN, HastyClock, run, tokens, world
from support.wall import answer, rest, said, stream, wall

from router import SyncRouter, load_router

pytestmark = pytest.mark.usefixtures("carried")

OK = answer(body=said("from b"))
MANY = "concurrency: 64"


class Held:
    """Streams that stop in the middle until they are let go."""

    def __init__(self):
        self.go = asyncio.Event()

    async def __call__(self, asked, writer):
        await stream(*tokens(20), end="open")(asked, writer)
        await self.go.wait()
        await rest(*tokens(20, "stop"), "[DONE]")(asked, writer)


async def read(it, **options):
    async with it.router.stream("hello", **options) as reply:
        return [delta.text async for delta in reply], reply.completion.endpoint


async def told(it, state):
    while not any(each.what == "reload" and each.state == state for each in it.seen.notices):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("old", "new", "state", "then"),
    [
        ("rules: [{use: [ma, mb]}]", "rules: [{use: mb}]", "loaded", "b"),
        ("rules: [{use: [ma, mb]}]", "rules: [{use: nobody}]", "refused", "a"),
        ("rules: [{use: [ma, mb]}]", "rules: [{use: [", "refused", "a"),
    ],
)
def test_f45_streams_end_under_the_file_they_began_with(tmp_path, old, new, state, then):
    async def go():
        held = Held()
        async with world(tmp_path, a=held, b=OK, endpoint=MANY, watch=True, clock=HastyClock()) as it:
            async with asyncio.TaskGroup() as group:
                reading = [group.create_task(read(it)) for _ in range(50)]
                while it.walls["a"].running < 50:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                it.file.write_text(it.file.read_text().replace(old, new), encoding="utf-8")
                await told(it, state)
                assert it.walls["a"].running == 50
                held.go.set()
                assert (await read(it))[1] == then
            assert [task.result() for task in reading] == [([TOKEN] * 40, "a")] * 50
            assert [each.detail != "" for each in it.seen.notices] == [state == "refused"]

    run(go)


def test_f45_streams_of_an_endpoint_that_is_gone_end_on_it(tmp_path):
    async def go():
        held = Held()
        async with world(tmp_path, a=held, b=OK, endpoint=MANY, watch=True, clock=HastyClock()) as it:
            async with asyncio.TaskGroup() as group:
                reading = [group.create_task(read(it)) for _ in range(50)]
                while it.walls["a"].running < 50:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                lines = it.file.read_text().splitlines()
                kept = [line for line in lines if not line.startswith(("  a:", "  ma:"))]
                it.file.write_text("\n".join(kept).replace("[ma, mb]", "mb"), encoding="utf-8")
                await told(it, "loaded")
                assert (await read(it))[1] == "b"
                held.go.set()
            assert [task.result() for task in reading] == [([TOKEN] * 40, "a")] * 50
            assert await it.walls["a"].empties(5.0)  # nobody holds the connections of what is gone

    run(go)


def test_f45_a_breaker_stays_open_over_a_change_of_something_else(tmp_path):
    async def go():
        broken = answer(500)
        async with world(
            tmp_path, a=broken, b=OK, watch=True, clock=HastyClock(), rest="retry: {same: 0}"
        ) as it:
            for _ in range(3):
                await it.ask()
            assert it.seen.turns("open") == ["`ma` at `a`"]
            changed = it.file.read_text().replace(
                "mb: {at: b, price: {input: $1", "mb: {at: b, price: {input: $3"
            )
            it.file.write_text(changed, encoding="utf-8")
            await told(it, "loaded")
            assert (await it.ask()).endpoint == "b"
            assert it.attempts == (3, 4)

    run(go)


@contextmanager
def standing(tmp_path):
    """Run a wall on a loop of its own, and give the path of a file that names it."""

    async def serve(ready):
        async def echo(asked, writer):
            await answer(body=said(asked.json["messages"][0]["content"]))(asked, writer)

        async with wall(echo) as server:
            ready(server, asyncio.get_running_loop())
            await over.wait()

    over, started, found = asyncio.Event(), threading.Event(), []

    def ready(*what):
        found[:] = what
        started.set()

    thread = threading.Thread(target=asyncio.run, args=(serve(ready),))
    thread.start()
    assert started.wait(10)
    file = tmp_path / "router.yaml"
    file.write_text(
        f'version: 1\nendpoints: {{a: {{kind: openai, url: "{found[0].url}", concurrency: 16, health: off}}}}\n'
        "models: {ma: {at: a}}\nrules: [{use: ma}]\n",
        encoding="utf-8",
    )
    try:
        yield file
    finally:
        found[1].call_soon_threadsafe(over.set)
        thread.join(10)


async def several(router, name):
    answers = await asyncio.gather(*(router.complete(f"{name} {number}") for number in range(5)))
    return [each.content for each in answers] == [f"{name} {number}" for number in range(5)]


def test_f47_one_router_serves_three_loops_in_a_row(tmp_path):
    with standing(tmp_path) as file:
        router = load_router(file, env={})
        for turn in range(3):
            assert asyncio.run(asyncio.wait_for(several(router, f"turn {turn}"), 10))


def test_f47_one_router_serves_eight_threads_with_a_loop_each(tmp_path):
    with standing(tmp_path) as file:
        router = load_router(file, env={})
        found = {}

        def work(name):
            found[name] = asyncio.run(asyncio.wait_for(several(router, name), 20))

        threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(25)
        assert list(found.values()) == [True] * 8


def test_f47_one_blocking_router_serves_eight_threads(tmp_path):
    with standing(tmp_path) as file, SyncRouter(file, env={}) as router:
        found = {}

        def work(name):
            found[name] = router.complete(name).content

        threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(25)
        assert found == {name: name for name in found}
        assert len(found) == 8
