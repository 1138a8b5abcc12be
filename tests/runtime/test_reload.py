"""A file that changes while a router runs."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import threading
from contextlib import asynccontextmanager

import pytest
from support.faults import JumpClock, Watcher
from support.wall import answer, piece, said, stream, wall

from router import ConfigError, RouterError, StreamInterrupted, load_router
from router.compile.compiler import compile_file
from router.core.clock import LoopClock
from router.core.errors import CallFailed
from router.runtime import reload as reload_module
from router.runtime.engine import Engine
from router.runtime.reload import Reloader
from router.runtime.router import Router
from router.runtime.snapshot import Snapshot
from router.testing import ScriptedProvider, run_virtual

STREAMS = 50


class HurriedClock(LoopClock):
    """The loop's clock, whose sleeps are a hundred times shorter."""

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 100)


def text(models="{old: {at: a}}", use="old", endpoints="{a: {kind: mock}, b: {kind: mock}}"):
    return f"version: 1\nendpoints: {endpoints}\nmodels: {models}\nrules: [{{use: {use}}}]\n"


NEW = text("{new: {at: b}}", "new")
BROKEN = text(use="nobody")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(text(), encoding="utf-8")
    return path


def watched(path, **options):
    seen = Watcher()
    router = load_router(path, watch=True, clock=HurriedClock(), observers=[seen], env={}, **options)
    return router, seen


async def until(condition, seconds=10.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in threads and files
            await asyncio.sleep(0.005)


def states(seen):
    return [each.state for each in seen.notices if each.what == "reload"]


def run(work):
    return asyncio.run(asyncio.wait_for(work, 30))


def test_a_changed_file_takes_effect_without_a_restart(file):
    async def go():
        router, seen = watched(file)
        async with router:
            before = (await router.complete("x")).model
            file.write_text(NEW, encoding="utf-8")
            await until(lambda: states(seen))
            return before, (await router.complete("x")).model, [model.name for model in router.models()], seen

    before, after, models, seen = run(go())
    assert (before, after, models) == ("old", "new", ["new"])
    assert states(seen) == ["loaded"]
    assert seen.notices[-1].subject == str(file)


def test_a_broken_file_keeps_the_last_good_one_and_says_so_once_per_content(file, caplog):
    async def go():
        router, seen = watched(file)
        async with router:
            file.write_text(BROKEN, encoding="utf-8")
            await until(lambda: states(seen))
            served = (await router.complete("x")).model
            os.utime(file, (1, 1))  # touched, and no better
            await asyncio.sleep(0.2)
            file.write_text(BROKEN + "# still\n", encoding="utf-8")
            await until(lambda: len(states(seen)) == 2)
            file.write_text(text(), encoding="utf-8")
            await until(lambda: len(states(seen)) == 3)
            return served, seen

    with caplog.at_level(logging.INFO, "router"):
        served, seen = run(go())
    assert served == "old"
    assert states(seen) == ["refused", "refused", "loaded"]
    assert "nobody" in seen.notices[0].detail
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(loud) == 2
    assert str(file) in loud[0]
    assert "the configuration before goes on" in loud[0]


def test_a_removed_file_is_refused_and_a_new_one_taken(file):
    async def go():
        router, seen = watched(file)
        async with router:
            file.unlink()
            await until(lambda: states(seen))
            served = (await router.complete("x")).model
            file.write_text(NEW, encoding="utf-8")
            await until(lambda: len(states(seen)) == 2)
            return served, (await router.complete("x")).model, states(seen)

    assert run(go()) == ("old", "new", ["refused", "loaded"])


def test_a_folder_exchanged_by_its_link_is_seen(tmp_path):
    for name, content in (("one", text()), ("two", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "router.yaml").write_text(content, encoding="utf-8")
    (tmp_path / "now").symlink_to(tmp_path / "one")

    async def go():
        router, seen = watched(tmp_path / "now" / "router.yaml")
        async with router:
            (tmp_path / "next").symlink_to(tmp_path / "two")
            (tmp_path / "next").rename(tmp_path / "now")
            await until(lambda: states(seen))
            return (await router.complete("x")).model

    assert run(go()) == "new"


def test_half_a_file_is_not_read_while_it_grows(file):
    found = []
    reloader = Reloader(lambda: found.append(file.read_text(encoding="utf-8")) or (None, ()), lambda: [file])
    reloader.took(reloader.load())
    for end in (10, 20, 30, len(NEW)):
        file.write_text(NEW[:end], encoding="utf-8")
        assert reloader.look() is None
        assert reloader.pause == reload_module.SETTLED
    assert reloader.took(reloader.look())
    assert found == [text(), NEW]
    assert reloader.look() is None
    assert reloader.pause == reload_module.EVERY


def test_a_change_that_is_taken_back_before_it_settles_is_none(file):
    reloader = Reloader(lambda: compile_file(file, {}), lambda: [file])
    reloader.took(reloader.load())
    status = file.stat()
    file.write_text(NEW, encoding="utf-8")
    assert reloader.look() is None
    file.write_text(text(), encoding="utf-8")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert reloader.look() is None
    assert reloader.pause == reload_module.EVERY


def test_a_change_while_the_file_is_compiled_is_found_by_the_next_looks(file):
    contents = [NEW]

    def load():
        found = compile_file(file, {})
        if contents:
            file.write_text(contents.pop(), encoding="utf-8")
        return found

    reloader = Reloader(load, lambda: [file])
    found = reloader.load()
    assert "old" in found.program.models
    reloader.took(found)
    assert reloader.look() is None
    assert "new" in reloader.look().program.models


def test_what_is_compiled_and_then_not_taken_is_compiled_again(file):
    reloader = Reloader(lambda: compile_file(file, {}), lambda: [file])
    reloader.took(reloader.load())
    file.write_text(NEW, encoding="utf-8")
    assert reloader.look() is None
    assert "new" in reloader.look().program.models  # and the watcher is cancelled here
    assert reloader.look() is not None


def test_an_older_find_does_not_replace_a_newer_one(file):
    reloader = Reloader(lambda: compile_file(file, {}), lambda: [file])
    older, newer = reloader.load(), reloader.load()
    assert reloader.took(newer)
    assert not reloader.took(older)


def test_every_file_that_a_configuration_is_made_of_is_watched(file, tmp_path):
    part = tmp_path / "part.yaml"
    part.write_text("one", encoding="utf-8")
    parts = []

    def load():
        parts[:] = [part]
        return compile_file(file, {})

    reloader = Reloader(load, lambda: [file, *parts])
    reloader.took(reloader.load())
    reloader.look()
    assert reloader.look() is None  # the part is known, and the same
    part.write_text("other", encoding="utf-8")
    assert reloader.look() is None
    assert reloader.look() is not None


def test_a_list_of_prices_that_changes_takes_effect(file, tmp_path):
    prices = tmp_path / "mine.json"

    def write(amount):
        entry = {"model": "cloudy", "input": amount, "output": amount}
        prices.write_text(json.dumps({"prices": [entry]}), encoding="utf-8")

    write("1")
    file.write_text(
        "version: 1\nendpoints: {a: {kind: mock, locality: remote}}\nmodels: {m: {at: a, id: cloudy}}\n"
        "rules: [{use: m}]\ncosts: {prices: mine.json}\n",
        encoding="utf-8",
    )

    async def main():
        router, seen = watched(file)
        async with router:
            before = router.models()[0].price
            write("2")
            await until(lambda: states(seen))
            return before, router.models()[0].price

    before, after = run(main())
    assert (before.input, after.input) == (1, 2)


def test_what_is_no_plain_file_is_not_read(tmp_path):
    pipe = tmp_path / "router.yaml"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError):
        load_router(pipe, watch=True)


def test_a_reload_by_hand_reads_secrets_anew(file):
    env = {"KEY": "one"}
    file.write_text(
        text(
            endpoints='{a: {kind: openai, url: "https://a.example/v1", key: "${env:KEY}"}}',
        ),
        encoding="utf-8",
    )

    async def go():
        router = load_router(file, env=env)
        env["KEY"] = "two"
        await router.reload()
        return router._engine.program.endpoints["a"].keys[0].reveal()

    assert run(go()) == "two"


def test_a_reload_by_hand_of_a_broken_file_raises_and_changes_nothing(file):
    async def go():
        seen = Watcher()
        router = load_router(file, observers=[seen])
        file.write_text(BROKEN, encoding="utf-8")
        with pytest.raises(ConfigError, match="nobody"):
            await router.reload()
        served = (await router.complete("x")).model
        file.write_text(NEW, encoding="utf-8")
        await router.reload()
        return served, (await router.complete("x")).model, states(seen)

    assert run(go()) == ("old", "new", ["refused", "loaded"])


def test_a_router_without_a_file_cannot_be_reloaded(file):
    router = Router(Engine(compile_file(file, {})[0], {}))
    with pytest.raises(RouterError, match="not loaded from a file"):
        run(router.reload())


def test_findings_are_those_of_the_file_as_it_was_loaded_last(file):
    file.write_text(text("{old: {at: a}, idle: {at: b}}"), encoding="utf-8")

    async def go():
        router = load_router(file)
        before = router.findings
        file.write_text(text("{old: {at: a}}", endpoints="{a: {kind: mock}}"), encoding="utf-8")
        await router.reload()
        return before, router.findings

    before, after = run(go())
    assert before
    assert after == ()


def test_calls_are_answered_while_the_new_file_is_compiled(file):
    compiling, go_on = threading.Event(), threading.Event()

    async def go():
        router, seen = watched(file)
        reloader = router._background._reloader
        load = reloader._load

        def slow():
            compiling.set()
            assert go_on.wait(10)
            return load()

        reloader._load = slow
        async with router:
            file.write_text(NEW, encoding="utf-8")
            await until(compiling.is_set)
            answers = [(await router.complete("x")).model for _ in range(20)]
            go_on.set()
            await until(lambda: states(seen))
            return answers

    assert run(go()) == ["old"] * 20


def test_a_fault_of_ours_while_compiling_does_not_end_the_watch(file, caplog):
    async def go():
        router, seen = watched(file)
        reloader = router._background._reloader
        load, faults = reloader._load, [ZeroDivisionError("ours")]

        def faulty():
            if faults:
                raise faults.pop()
            return load()

        reloader._load = faulty
        async with router:
            file.write_text(NEW, encoding="utf-8")
            await until(lambda: states(seen))
            return (await router.complete("x")).model

    assert run(go()) == "new"
    assert "cannot be compiled" in caplog.text


# F45: streams under way while the file changes.


def on(url, other, **changes):
    endpoints = {"a": f'{{kind: openai, url: "{url}/v1", concurrency: {STREAMS}}}'}
    endpoints["b"] = f'{{kind: openai, url: "{other}/v1"}}'
    endpoints |= changes
    shown = ", ".join(f"{name}: {value}" for name, value in endpoints.items() if value)
    first = "a" if endpoints["a"] else "b"
    return text(f"{{m: {{at: {first}}}, n: {{at: b}}}}", "[m, n]", f"{{{shown}}}")


def held(event):
    async def reply(asked, writer):
        if asked.method == "GET":
            await answer(body={})(asked, writer)
            return
        await stream(piece("one "), end="open")(asked, writer)
        await event.wait()
        for part in (piece("two"), piece(finish="stop")):
            content = f"data: {json.dumps(part)}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(content), content))
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()

    return reply


@asynccontextmanager
async def streaming(tmp_path, go_on):
    """Give a router with so many streams under way, and what they will say."""
    async with wall(held(go_on)) as a, wall(answer(body=said("from b"))) as b:
        path = tmp_path / "router.yaml"
        path.write_text(on(a.url, b.url), encoding="utf-8")
        router, seen = watched(path)
        ready = []

        async def one():
            async with router.stream("x") as reply:
                pieces = []
                async for event in reply:
                    pieces.append(event.text)
                    ready.append(1)
                return "".join(pieces), reply.completion.endpoint

        async with router:
            tasks = [asyncio.create_task(one()) for _ in range(STREAMS)]
            await until(lambda: len(ready) == STREAMS)
            yield router, seen, path, (a, b), tasks
        assert await a.empties(1.0)
        assert await b.empties(1.0)


@pytest.mark.parametrize("change", ["good", "broken", "removed"])
def test_fifty_streams_finish_on_the_old_configuration(tmp_path, change):
    async def go():
        go_on = asyncio.Event()
        async with streaming(tmp_path, go_on) as (router, seen, path, (a, b), tasks):
            new = {
                "good": on(a.url, b.url) + "deadline: 50s\n",
                "broken": "version: 1\nmodels: {m: {at: gone}}\n",
                "removed": on(a.url, b.url, a=""),
            }[change]
            path.write_text(new, encoding="utf-8")
            await until(lambda: states(seen))
            fresh = None
            if change == "removed":
                fresh = (await router.complete("now")).endpoint
            go_on.set()
            answers = await asyncio.gather(*tasks)
            await until(lambda: not router._background._farewell)
            connections = 0 if change == "removed" and await a.empties(1.0) else a.connections
            served = (await router.complete("later")).endpoint if change != "removed" else "b"
            return answers, states(seen), fresh, connections, served

    answers, said_, fresh, connections, served = run(go())
    assert answers == [("one two", "a")] * STREAMS
    assert said_ == (["refused"] if change == "broken" else ["loaded"])
    if change == "removed":
        assert fresh == "b"
        assert connections == 0  # the old one is closed
    else:
        assert served == "a"
        assert connections > 0  # the connections of what stays are kept


def test_breakers_of_what_stays_are_kept_and_of_what_changed_begin_anew(tmp_path):
    path = tmp_path / "router.yaml"
    a, b = ScriptedProvider("authentication"), ScriptedProvider("ok")
    ends = '{{a: {{kind: openai, url: "https://a.example/v1", key: "${{env:{}}}"}}, b: {{kind: mock}}}}'
    both = ("{m: {at: a}, n: {at: b}}", "[m, n]")
    path.write_text(text(*both, ends.format("ONE")), encoding="utf-8")

    async def go():
        env = {"ONE": "1", "TWO": "2"}
        router = load_router(path, providers={"a": a, "b": b}, env=env, dice=random.Random(1))
        await router.complete("x")
        counts = [a.calls]
        for change in (text(*both, ends.format("ONE")) + "deadline: 9s\n", text(*both, ends.format("TWO"))):
            path.write_text(change, encoding="utf-8")
            await router.reload()
            await router.complete("x")
            counts.append(a.calls)
        return counts

    assert run(go()) == [1, 1, 2]  # the same key stays refused; another one is tried


def test_calls_that_outlast_their_configuration_are_cut_after_a_minute_and_not_before(tmp_path):
    path = tmp_path / "router.yaml"
    one = '{{{}: {{kind: openai, health: off, url: "{}/v1"}}}}'

    async def go():
        never = asyncio.Event()
        async with wall(held(never)) as a, wall(answer(body=said())) as b:
            path.write_text(text("{m: {at: a}}", "m", one.format("a", a.url)), encoding="utf-8")
            clock = JumpClock()
            router = load_router(path, clock=clock)
            async with router, router.stream("x", deadline=100) as reply:
                await anext(reply)
                path.write_text(text("{m: {at: b}}", "m", one.format("b", b.url)), encoding="utf-8")
                await router.reload()
                with pytest.raises(CallFailed) as caught:
                    await anext(reply)
                # The clock jumps from look to look: only the farewell's own sleeps move it.
                return clock.ahead, caught.value.partial_text, await a.empties(1.0)

    waited, partial, empty = run(go())
    assert 59 <= waited <= 61
    assert partial == "one "
    assert empty


def test_what_two_old_configurations_share_is_closed_after_both(tmp_path):
    path = tmp_path / "router.yaml"

    async def go():
        go_on = asyncio.Event()
        async with wall(held(go_on)) as a, wall(answer(body=said("b"))) as b:
            path.write_text(on(a.url, b.url), encoding="utf-8")
            router = load_router(path, clock=HurriedClock())
            async with router:
                async with router.stream("x") as reply:
                    await anext(reply)
                    path.write_text(on(a.url, b.url) + "deadline: 50s\n", encoding="utf-8")
                    await router.reload()  # shares the connections to a
                    path.write_text(on(a.url, b.url, a=""), encoding="utf-8")
                    await router.reload()  # knows no a
                    await asyncio.sleep(0.1)
                    go_on.set()
                    rest = "".join([event.text async for event in reply])
                await until(lambda: not router._background._farewell)
                return rest, await a.empties(1.0)

    assert run(go()) == ("two", True)


def test_closing_closes_old_configurations_too(tmp_path):
    path = tmp_path / "router.yaml"

    async def go():
        never = asyncio.Event()
        async with wall(held(never)) as a, wall(answer(body=said("b"))) as b:
            path.write_text(on(a.url, b.url), encoding="utf-8")
            router = load_router(path)
            async with router.stream("x") as reply:
                await anext(reply)
                path.write_text(on(a.url, b.url, a=""), encoding="utf-8")
                await router.reload()
                await router.close()
                with pytest.raises(StreamInterrupted):
                    await anext(reply)
            return await a.empties(1.0), len(router._background._farewell)

    assert run(go()) == (True, 0)


def test_an_old_snapshot_without_calls_is_closed_at_once(file):
    async def go():
        router = load_router(file)
        async with router:
            background = router._background
            background._take(background._reloader.load())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return len(background._farewell), asyncio.get_running_loop().time()

    assert run_virtual(go()) == (0, 0.0)


def test_a_hundred_reloads_leave_nothing_behind(file):
    async def go():
        router = load_router(file)
        async with router:
            for number in range(100):
                content = text(
                    endpoints=f"{{a: {{kind: mock, script: [{{say: n{number}}}]}}, b: {{kind: mock}}}}"
                )
                file.write_text(content, encoding="utf-8")
                await router.reload()
                answered = (await router.complete("x")).content
            await until(lambda: not router._background._farewell)
            await asyncio.sleep(0.01)
            gc.collect()
            alive = sum(isinstance(each, Snapshot) for each in gc.get_objects())
            return answered, alive, len(router._background._tasks)

    gc.collect()
    before = sum(isinstance(each, Snapshot) for each in gc.get_objects())
    answered, alive, tasks = run(go())
    assert answered == "n99"
    assert alive - before <= 2
    assert tasks == 0
