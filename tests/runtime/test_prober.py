"""Active health checks."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest
from support.faults import Watcher
from support.wall import answer, loading, said, wall

from router import CallFailed, load_router
from router.core.clock import LoopClock
from router.core.request import HealthPolicy
from router.testing import ScriptedProvider, run_virtual

LOCAL = "http://127.0.0.1:{}/v1"


class Checked(ScriptedProvider):
    """A provider whose health is what a test says, and that remembers when it was asked."""

    def __init__(self, *script, health="up", after=0.0, **options):
        super().__init__(*script, **options)
        self.health = health
        self.after = after
        self.asked = []

    async def probe(self):
        self.asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.after)
        if isinstance(self.health, Exception):
            raise self.health
        return self.health

    @property
    def gaps(self):
        return [later - earlier for earlier, later in pairwise(self.asked)]


def text(a="", b="", use="[ma, mb]"):
    return (
        "version: 1\n"
        f'endpoints:\n  a: {{kind: openai, url: "{LOCAL.format(1)}"{a}}}\n'
        f'  b: {{kind: openai, url: "{LOCAL.format(2)}"{b}}}\n'
        f"models: {{ma: {{at: a}}, mb: {{at: b}}}}\nrules: [{{use: {use}}}]\n"
    )


@pytest.fixture
def world(tmp_path):
    """Run `work(router, seen)` inside a router over two providers, on the virtual clock."""

    def run(work, a, b=None, content=None, **options):
        file = tmp_path / "router.yaml"
        file.write_text(content or text(", health: {every: 10s}", ", health: off"), encoding="utf-8")
        seen = Watcher()

        async def go():
            providers = {"a": a, "b": b or ScriptedProvider("ok")}
            router = load_router(
                file, providers=providers, observers=[seen], dice=random.Random(1), env={}, **options
            )
            async with router:
                return await work(router, seen)

        return run_virtual(go())

    return run


def told(seen):
    return [(each.subject, each.state) for each in seen.notices if each.what == "health"]


def states(router):
    return {model.name: (model.state, model.health) for model in router.models()}


async def keep_calling(router, seconds, every=20.0):
    for _ in range(int(seconds / every)):
        await router.complete("x", model="mb")
        await asyncio.sleep(every)


def test_a_healthy_endpoint_is_checked_every_ten_seconds_spread_by_a_fifth(world):
    a = Checked()
    world(lambda router, _: keep_calling(router, 1000), a)
    assert 80 <= len(a.asked) <= 125
    assert all(8 - 1e-6 <= gap <= 12 + 1e-6 for gap in a.gaps)
    assert max(a.gaps) - min(a.gaps) > 2
    assert a.calls == 0  # a check is no call


def test_checks_are_sparse_while_nobody_calls_and_frequent_again_with_the_first_call(world):
    a = Checked()

    async def work(router, _):
        await asyncio.sleep(3000)
        quiet = len(a.asked)
        gaps = a.gaps[-10:]
        await router.complete("x")
        await asyncio.sleep(80)
        before = len(a.asked)
        await asyncio.sleep(120)
        return quiet, gaps, len(a.asked) - before

    quiet, gaps, after = world(work, a)
    assert 65 <= quiet <= 95  # 30 in the first five minutes, then about one a minute
    assert all(48 - 1e-6 <= gap <= 72 + 1e-6 for gap in gaps)
    assert 10 <= after <= 15


def test_an_unwell_endpoint_is_checked_every_three_seconds(world):
    a = Checked(health="down")
    world(lambda *_: asyncio.sleep(300), a)
    assert all(2.4 - 1e-6 <= gap <= 3.6 + 1e-6 for gap in a.gaps)


def test_three_bad_checks_mark_an_endpoint_down_and_calls_go_elsewhere_without_trying_it(world):
    a = Checked("refused", health="down")

    async def work(router, seen):
        await asyncio.sleep(12.5)
        early = states(router)["ma"]
        await asyncio.sleep(10)
        answer = await router.complete("x")
        return early, answer.model, a.calls, states(router), told(seen)

    early, model, calls, later, notices = world(work, a)
    assert early == ("up", "up")
    assert (model, calls) == ("mb", 0)
    assert later == {"ma": ("down", "down"), "mb": ("up", None)}
    assert notices == [("endpoint `a`", "down")]


def test_two_good_checks_bring_it_back(world):
    a = Checked("ok", health="down")

    async def work(router, seen):
        await asyncio.sleep(30)
        a.health, asked = "up", len(a.asked)
        while len(a.asked) == asked:  # noqa: ASYNC110 - the virtual clock jumps
            await asyncio.sleep(0.1)
        first = states(router)["ma"]
        await asyncio.sleep(3.6)
        return first, states(router)["ma"], (await router.complete("x")).model, told(seen)

    first, later, model, notices = world(work, a)
    assert first[1] == "down"
    assert later == ("up", "up")
    assert model == "ma"
    assert notices == [("endpoint `a`", "down"), ("endpoint `a`", "up")]


def test_two_bad_checks_in_a_row_change_nothing(world):
    a = Checked()

    async def work(_, seen):
        for _ in range(5):
            asked = len(a.asked)
            a.health = "down"
            while len(a.asked) < asked + 2:  # noqa: ASYNC110 - the virtual clock jumps
                await asyncio.sleep(0.5)
            a.health = "up"
            await asyncio.sleep(20)
        return told(seen)

    assert world(work, a) == []


def test_a_bad_check_does_not_close_a_breaker_that_calls_opened(world):
    a = Checked("refused")

    async def work(router, _):
        for _ in range(3):
            await router.complete("x")
        a.health = "down"
        before = len(a.asked)
        while len(a.asked) == before:  # noqa: ASYNC110 - the virtual clock jumps
            await asyncio.sleep(0.25)
        calls = a.calls
        await router.complete("x")
        return a.calls - calls, states(router)["ma"][0]

    content = text(", health: {every: 2s, fall: 5}", ", health: off") + "breaker: {open: 30s}\n"
    assert world(work, a, content=content) == (0, "open")


def test_a_good_check_closes_the_breaker_of_the_host(world):
    a = Checked("refused", "refused", "refused", "refused", "ok")

    async def work(router, seen):
        while not seen.turns("open"):
            await router.complete("x")
            await asyncio.sleep(0.1)
        before = states(router)["ma"]
        asked = len(a.asked)
        while len(a.asked) == asked:  # noqa: ASYNC110 - the virtual clock jumps
            await asyncio.sleep(0.25)
        return before, states(router)["ma"], (await router.complete("x")).model, seen.turns("open")

    content = text(", health: {every: 2s}", ", health: off") + "breaker: {open: 30s}\n"
    before, after, _, opened = world(work, a, content=content)
    assert opened == ["host 127.0.0.1:1"]
    assert (before, after) == (("open", None), ("up", "up"))


def test_a_good_check_does_not_close_the_breaker_of_a_model_that_fails(world):
    a = Checked("server_error")

    async def work(router, _):
        for _ in range(3):
            await router.complete("x")
        await asyncio.sleep(10)
        return states(router)["ma"]

    content = text(", health: {every: 2s}", ", health: off") + "breaker: {open: 30s}\n"
    assert world(work, a, content=content) == ("open", "up")


def test_while_one_loads_calls_go_elsewhere_at_once(world):
    a = Checked("ok", health="loading")

    async def work(router, seen):
        await asyncio.sleep(13)
        started = asyncio.get_running_loop().time()
        answer = await router.complete("x")
        return answer.model, asyncio.get_running_loop().time() - started, states(router)["ma"], told(seen)

    assert world(work, a) == ("mb", 0.0, ("loading", "loading"), [("endpoint `a`", "loading")])


def test_while_the_only_one_loads_calls_wait_for_it(world):
    a = Checked("ok", health="loading")

    async def work(router, _):
        await asyncio.sleep(13)
        call = asyncio.create_task(router.complete("x", model="ma"))
        await asyncio.sleep(20)
        waiting = not call.done()
        a.health = "up"
        started = asyncio.get_running_loop().time()
        answer = await call
        return waiting, answer.model, asyncio.get_running_loop().time() - started, a.calls

    waiting, model, seconds, calls = world(work, a)
    assert waiting
    assert model == "ma"
    assert seconds <= 2 + 1  # until the next check, and then until the call's next look
    assert max(a.gaps[1:]) <= 2
    assert calls == 1


def test_a_server_that_went_from_loading_to_down_is_left_alone(world):
    a = Checked("refused", health="loading")

    async def work(router, seen):
        await asyncio.sleep(13)
        a.health = "down"
        await asyncio.sleep(12)
        return (await router.complete("x")).model, told(seen)

    model, notices = world(work, a)
    assert model == "mb"
    assert [state for _, state in notices] == ["loading", "down"]


def test_a_check_that_takes_too_long_is_a_bad_one(world):
    a = Checked(after=5.0)

    async def work(router, _):
        await asyncio.sleep(30)
        return states(router)["ma"]

    assert world(work, a) == ("down", "down")
    assert all(gap <= 12 + 2 for gap in a.gaps)


def test_a_check_that_raises_is_a_bad_one_and_the_checks_go_on(world, caplog):
    a = Checked(health=ZeroDivisionError("a fault of the provider"))

    async def work(router, _):
        await asyncio.sleep(30)
        down = states(router)["ma"]
        a.health = "up"
        await asyncio.sleep(10)
        return down, states(router)["ma"]

    assert world(work, a) == (("down", "down"), ("up", "up"))
    assert "the health check of endpoint a failed" in caplog.text


def test_there_are_no_checks_before_and_after_async_with(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(text(), encoding="utf-8")
    a = Checked(health="down")

    async def go():
        router = load_router(file, providers={"a": a, "b": ScriptedProvider("ok")}, env={})
        await router.complete("x", model="mb")
        await asyncio.sleep(200)
        before = len(a.asked)
        async with router:
            await asyncio.sleep(200)
            inside, state = len(a.asked), states(router)["ma"]
        await asyncio.sleep(200)
        return before, inside, state, len(a.asked), states(router)["ma"][1]

    before, inside, state, after, health = run_virtual(go())
    assert before == 0
    assert inside > 10
    assert state == ("down", "down")
    assert after == inside
    assert health is None  # what nobody checks any more is not known


@pytest.mark.parametrize(
    ("content", "checked"),
    [
        (text(), True),
        (text(", health: off"), False),
        (text().replace(LOCAL.format(1), "https://a.example/v1"), False),
        (text(", health: {every: 60s}").replace(LOCAL.format(1), "https://a.example/v1"), True),
        (text(use="mb").replace("ma: {at: a}, ", ""), False),
    ],
    ids=["local", "off", "remote", "remote and wanted", "unused"],
)
def test_local_endpoints_are_checked_by_default_and_others_where_that_is_written(world, content, checked):
    a = Checked()
    world(lambda *_: asyncio.sleep(200), a, content=content)
    assert bool(a.asked) is checked


def test_loading_is_forgotten_when_checks_are_switched_off(world, tmp_path):
    a = Checked("ok", health="loading")

    async def work(router, _):
        await asyncio.sleep(13)
        before = states(router)["ma"]
        (tmp_path / "router.yaml").write_text(text(", health: off", ", health: off"), encoding="utf-8")
        background = router._background
        background._take(background._reloader.load())
        return before, states(router)["ma"], (await router.complete("x")).model

    assert world(work, a) == (("loading", "loading"), ("up", None), "ma")


def test_checks_of_what_a_reload_leaves_as_it_is_go_on(world, tmp_path):
    a = Checked("refused", health="down")

    async def work(router, _):
        await asyncio.sleep(30)
        path = tmp_path / "router.yaml"
        path.write_text(path.read_text(encoding="utf-8") + "deadline: 9s\n", encoding="utf-8")
        background = router._background
        background._take(background._reloader.load())
        return states(router)["ma"], (await router.complete("x")).model, a.calls

    assert world(work, a) == (("down", "down"), "mb", 0)


def test_the_lone_endpoint_that_is_down_fails_fast(world):
    a = Checked("refused", health="down")

    async def work(router, _):
        await asyncio.sleep(30)
        started = asyncio.get_running_loop().time()
        with pytest.raises(CallFailed):
            await router.complete("x", model="ma")
        return asyncio.get_running_loop().time() - started

    assert world(work, a) <= 5.5


class Hurried(LoopClock):
    """The loop's clock with sleeps two hundred times shorter."""

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 200)


@pytest.mark.parametrize(("probe", "path"), [("", "/v1/models"), (", probe: /health", "/health")])
def test_a_real_server_is_asked_without_a_prompt(tmp_path, probe, path):
    async def go():
        async with wall(loading(), loading(), answer(body={"status": "ok"})) as server:
            file = tmp_path / "router.yaml"
            file.write_text(
                f'version: 1\nendpoints: {{a: {{kind: openai, url: "{server.url}/v1", health: {{every: 5s{probe}}}}}}}\n'
                "models: {m: {at: a}}\nrules: [{use: m}]\n",
                encoding="utf-8",
            )
            seen = Watcher()
            async with asyncio.timeout(10), load_router(file, clock=Hurried(), observers=[seen]):
                while len(told(seen)) < 2:  # noqa: ASYNC110 - a real server answers
                    await asyncio.sleep(0.005)
            return [(each.method, each.path, each.body) for each in server.asked], told(seen)

    asked, notices = asyncio.run(go())
    assert set(asked) == {("GET", path, b"")}
    assert [state for _, state in notices] == ["loading", "up"]


def test_a_real_server_that_is_gone_is_down_and_its_place_is_taken(tmp_path):
    async def go():
        async with wall(answer(body=said("from b"))) as b:
            async with wall(answer(body=said("from a"))) as a:
                gone = a.url
            file = tmp_path / "router.yaml"
            file.write_text(
                f'version: 1\nendpoints: {{a: {{kind: openai, url: "{gone}/v1"}}, b: {{kind: openai, url: "{b.url}/v1"}}}}\n'
                "models: {ma: {at: a}, mb: {at: b}}\nrules: [{use: [ma, mb]}]\n",
                encoding="utf-8",
            )
            seen = Watcher()
            router = load_router(file, clock=Hurried(), observers=[seen])
            async with asyncio.timeout(10), router:
                while not told(seen):  # noqa: ASYNC110 - a real server refuses
                    await asyncio.sleep(0.005)
                found = await router.complete("x")
                return [each.endpoint for each in found.attempts], states(router)

    attempts, found = asyncio.run(go())
    assert attempts == ["b"]
    assert found["ma"] == ("down", "down")


def test_the_policy_is_the_one_that_is_written():
    assert HealthPolicy() == HealthPolicy(10.0, None, 2.0, 3, 2)


def test_a_server_that_loads_for_longer_than_it_may_counts_as_down(world):
    provider = Checked("ok", health="loading")

    async def watch(_, seen):
        await asyncio.sleep(100)
        return told(seen)

    content = text(", health: {every: 10s}, load_timeout: 40s", ", health: off")
    assert world(watch, provider, content=content) == [
        ("endpoint `a`", "loading"),
        ("endpoint `a`", "down"),
    ]
