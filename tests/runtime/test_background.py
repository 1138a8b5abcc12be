"""What runs beside the calls, and who begins and ends it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from support.faults import Watcher

from router import Observer, load_router
from router.testing import ScriptedProvider, run_virtual

FILE = """\
version: 1
endpoints: {a: {kind: openai, url: "http://127.0.0.1:1/v1", health: {every: 50ms}}, b: {kind: mock}}
models: {m: {at: a}, n: {at: b}}
rules: [{use: [m, n]}]
"""


class Checked(ScriptedProvider):
    def __init__(self):
        super().__init__("ok")
        self.asked = []

    async def probe(self):
        self.asked.append(asyncio.get_running_loop())
        return "up"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.005)


def test_the_tasks_begin_once_and_end_with_the_last_to_leave(file):
    a = Checked()

    async def go():
        router = load_router(file, providers={"a": a})
        before = len(asyncio.all_tasks())
        counts = []
        async with router:
            counts.append(len(asyncio.all_tasks()) - before)
            async with router:
                counts.append(len(asyncio.all_tasks()) - before)
            counts.append((len(asyncio.all_tasks()) - before, a.closed))
        counts.append((len(asyncio.all_tasks()) - before, a.closed))
        return counts

    assert run_virtual(go()) == [1, 1, (1, 0), (0, 1)]


def test_a_loop_that_died_inside_does_not_keep_others_from_beginning(file):
    a = Checked()
    router = load_router(file, providers={"a": a})
    loop = asyncio.new_event_loop()
    loop.run_until_complete(router.__aenter__())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    async def go():
        async with router:
            await until(lambda: a.asked)
        return a.asked[-1] is asyncio.get_running_loop(), a.closed

    assert asyncio.run(go()) == (True, 1)


def test_another_loop_takes_the_tasks_over_from_one_that_leaves(file):
    a = Checked()
    router = load_router(file, providers={"a": a})
    inside, leave = threading.Event(), threading.Event()
    loops = []

    async def first():
        async with router:
            loops.append(asyncio.get_running_loop())
            await until(lambda: a.asked)
            inside.set()
            await asyncio.to_thread(leave.wait)

    async def second():
        async with router:
            asked = set(a.asked)
            leave.set()
            await asyncio.to_thread(thread.join)
            closed = a.closed
            await until(lambda: asyncio.get_running_loop() in a.asked)
        return asked == {loops[0]}, closed, a.closed

    thread = threading.Thread(target=lambda: asyncio.run(first()))
    thread.start()
    assert inside.wait(5)
    assert asyncio.run(second()) == (True, 0, 1)


def test_leaving_what_was_never_entered_in_this_process_does_nothing(file):
    a = Checked()

    async def go():
        router = load_router(file, providers={"a": a})
        async with router:
            router._background.forked()  # as in a child that leaves its parent's block
        return a.closed

    assert run_virtual(go()) == 0


def test_watching_and_checking_leave_no_task_behind(file):
    async def go():
        before = asyncio.all_tasks()
        async with load_router(file, providers={"a": Checked()}, watch=True):
            during = len(asyncio.all_tasks() - before)
            await asyncio.sleep(0.01)
        return during, asyncio.all_tasks() - before

    assert asyncio.run(go()) == (2, set())


class Raising(Observer):
    def attempt_ended(self, request_id, record):
        raise ZeroDivisionError(request_id, record.outcome)

    def call_ended(self, record):
        raise ZeroDivisionError(record.outcome)

    def noticed(self, notice):
        raise ZeroDivisionError(notice.what)

    def conceal(self, secrets):
        raise ZeroDivisionError(len(secrets))


def test_an_observer_that_raises_harms_no_call_no_other_observer_and_no_reload(file, caplog):
    seen = Watcher()

    async def go():
        providers = {"a": ScriptedProvider("authentication")}
        router = load_router(file, providers=providers, observers=[Raising(), seen])
        answer = await router.complete("x")
        await router.reload()
        async with router.stream("x") as reply:
            _ = [event async for event in reply]
        return answer.model, reply.completion.model

    assert asyncio.run(go()) == ("n", "n")
    assert "the observer Raising failed" in caplog.text
    assert len(seen.attempts) == 3
    assert len(seen.calls) == 2
    assert [each.what for each in seen.notices] == ["breaker", "reload"]
