"""Local models under a memory budget: who is loaded, who waits, who goes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from router import load_router
from router.core.errors import DeadlineExceeded, FirstTokenTimeout, ServerError, Shed
from router.testing import ScriptedProvider, ScriptedResident, run_virtual

GiB = 2**30
HERE = "{kind: openai, url: 'http://gpu.example:1/v1', locality: remote, memory: 8GiB, health: off%s}"
FILE = """
version: 1
endpoints:
  here: %s
%s
models:
  a: {at: here, memory: 5GiB%s}
  b: {at: here, memory: 5GiB%s}
  c: {at: here, memory: 2GiB}
%s
rules: [{use: a}]
"""


class Listener:
    def __init__(self):
        self.told = []

    def attempt_ended(self, request_id, record):
        pass

    def call_ended(self, record):
        pass

    def noticed(self, notice):
        self.told.append((notice.what, notice.subject, notice.state))


def made(tmp_path, provider, *, here="", more="", a="", b="", rest="", observers=(), **others):
    file = tmp_path / "router.yaml"
    file.write_text(FILE % (HERE % here, more, a, b, rest), encoding="utf-8")
    return load_router(file, providers={"here": provider, **others}, observers=observers)


def resident(*script, **options):
    return ScriptedResident({"a": 5 * GiB, "b": 5 * GiB, "c": 2 * GiB}, *script, **options)


async def after(seconds, work):
    await asyncio.sleep(seconds)
    return await work


def sound(provider, limit=8 * GiB):
    assert provider.faults == []
    assert provider.most <= limit


def test_a_model_is_loaded_before_its_first_call(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)
    run_virtual(router.complete("hi", model="a"))
    assert provider.log == ["load a", "call a"]


def test_a_loaded_model_answers_without_being_loaded_again(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)

    async def twice():
        await router.complete("hi", model="a")
        await router.complete("hi", model="a")

    run_virtual(twice())
    assert provider.log == ["load a", "call a", "call a"]


def test_calls_at_once_load_a_model_once(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)

    async def three():
        await asyncio.gather(*(router.complete("hi", model="a") for _ in range(3)))

    run_virtual(three())
    assert provider.log.count("load a") == 1
    sound(provider)


def test_a_model_that_does_not_fit_has_another_unloaded(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)

    async def two():
        await router.complete("hi", model="a")
        await router.complete("hi", model="b")

    run_virtual(two())
    assert provider.log == ["load a", "call a", "unload a", "load b", "call b"]
    sound(provider)


def test_what_fits_beside_another_leaves_it_alone(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)

    async def two():
        await router.complete("hi", model="a")
        await router.complete("hi", model="c")

    run_virtual(two())
    assert provider.loaded == {"a", "c"}


def test_the_model_that_was_not_used_for_longest_goes(tmp_path):
    provider = ScriptedResident({"a": 4 * GiB, "b": 4 * GiB, "c": 4 * GiB})
    router = made(tmp_path, provider)

    async def three():
        for model in ("a", "c", "a", "b"):
            await router.complete("hi", model=model)
            await asyncio.sleep(1)

    run_virtual(three())
    assert "unload c" not in provider.log  # the file says that c is small: only a and b fight
    assert provider.log[-3:] == ["unload a", "load b", "call b"]


def test_a_model_that_answers_is_not_unloaded(tmp_path):
    provider = resident(delay=4)
    router = made(tmp_path, provider)

    async def two():
        await asyncio.gather(router.complete("hi", model="a"), after(1.5, router.complete("hi", model="b")))

    run_virtual(two())
    assert provider.log == ["load a", "call a", "unload a", "load b", "call b"]
    sound(provider)


def test_a_pinned_model_is_never_unloaded(tmp_path):
    provider = resident()
    router = made(tmp_path, provider, a=", pin: true")

    async def two():
        await router.complete("hi", model="a")
        await router.complete("hi", model="b")

    with pytest.raises(Shed, match="of which pinned models hold 5GiB") as caught:
        run_virtual(two())
    assert not caught.value.retryable
    assert provider.loaded == {"a"}


def test_a_model_larger_than_the_budget_is_never_loaded(tmp_path):
    provider = ScriptedResident({"d": 9 * GiB})
    router = made(tmp_path, provider, rest="  d: {at: here}")  # as large as its endpoint says
    with pytest.raises(Shed, match=r"it needs 9\.9GiB, and `here` has 8GiB") as caught:
        run_virtual(router.complete("hi", model="d"))
    assert not caught.value.retryable
    assert provider.log == []


def test_what_does_not_fit_goes_to_the_next_candidate(tmp_path):
    provider = resident(delay=4)
    cloud = ScriptedProvider()
    router = made(
        tmp_path,
        provider,
        here=", when_full: next",
        more="  cloud: {kind: openai, url: 'http://cloud.example/v1'}",
        rest="  big: {at: {here: {id: b, memory: 5GiB}, cloud: {}}}",
        cloud=cloud,
    )

    async def two():
        _, answer = await asyncio.gather(
            router.complete("hi", model="a"), after(1.5, router.complete("hi", model="big"))
        )
        return answer

    answer = run_virtual(two())
    assert answer.endpoint == "cloud"
    assert [each.outcome for each in answer.attempts] == ["shed", "ok"]
    assert provider.loaded == {"a"}


def test_when_full_wait_unloads_nothing_to_make_room(tmp_path):
    provider = resident()
    router = made(tmp_path, provider, here=", when_full: wait, idle_unload: 4s")

    async def two():
        async with router:
            await router.complete("hi", model="a")
            began = asyncio.get_running_loop().time()
            await router.complete("hi", model="b")
            return asyncio.get_running_loop().time() - began

    assert 5 <= run_virtual(two()) < 7  # four seconds unused, then unloaded and loaded
    assert provider.log == ["load a", "call a", "unload a", "load b", "call b"]


def test_a_wait_for_memory_ends_with_the_queue_s_patience(tmp_path):
    provider = resident(delay=100)
    router = made(tmp_path, provider, here=", queue: {timeout: 3s}, timeout: 200s")

    async def two():
        first = asyncio.create_task(router.complete("hi", model="a", deadline=110))
        await asyncio.sleep(2)
        try:
            return await router.complete("hi", model="b")
        finally:
            await first

    with pytest.raises(
        Shed, match="`b` at `here` is not loaded: waited 3s: it needs 5GiB, and `here` has 3GiB"
    ):
        run_virtual(two())
    sound(provider)


def test_a_wait_for_memory_ends_with_the_deadline(tmp_path):
    provider = resident(delay=100)
    router = made(tmp_path, provider, here=", queue: {timeout: 30s}, timeout: 200s")

    async def two():
        first = asyncio.create_task(router.complete("hi", model="a", deadline=110))
        await asyncio.sleep(2)
        began = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceeded, match="waited for memory"):
            await router.complete("hi", model="b", deadline=1)
        assert asyncio.get_running_loop().time() - began <= 1
        await first

    run_virtual(two())


def test_a_call_that_is_left_while_its_model_loads_leaves_nothing_behind(tmp_path):
    provider = resident(loading=5)
    router = made(tmp_path, provider)

    async def leave():
        task = asyncio.create_task(router.complete("hi", model="a"))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await router.complete("hi", model="b")  # nobody holds a any more

    run_virtual(leave())
    assert provider.log == ["load a", "unload a", "load b", "call b"]
    sound(provider)


def test_a_call_that_is_left_while_it_waits_blocks_nobody(tmp_path):
    provider = resident(delay=6)
    router = made(tmp_path, provider)

    async def leave():
        first = asyncio.create_task(router.complete("hi", model="a"))
        await asyncio.sleep(2)
        task = asyncio.create_task(router.complete("hi", model="b"))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await router.complete("hi", model="a")
        await first

    run_virtual(leave())
    assert provider.log == ["load a", "call a", "call a"]


def test_loading_is_not_the_attempts_time(tmp_path):
    provider = resident(loading=100)
    router = made(tmp_path, provider, here=", timeout: 5s")
    answer = run_virtual(router.complete("hi", model="a"))
    assert answer.attempts[0].ms < 1000


def test_a_model_that_loads_for_too_long_is_given_up(tmp_path):
    provider = resident(loading=100)
    router = made(tmp_path, provider, here=", load_timeout: 10s")
    with pytest.raises(FirstTokenTimeout, match="`a` at `here` was not loaded in 10s"):
        run_virtual(router.complete("hi", model="a"))
    assert provider.log == ["load a", "unload a"]


def test_a_model_that_cannot_be_loaded_fails_its_calls_and_takes_no_memory(tmp_path):
    provider = resident(broken={"a"})
    router = made(tmp_path, provider, rest="retry: {attempts: 1}")

    async def both():
        with pytest.raises(ServerError, match="a cannot be loaded"):
            await router.complete("hi", model="a")
        return await router.complete("hi", model="b")

    assert run_virtual(both()).model == "b"
    assert "unload a" not in provider.log


def test_calls_for_the_loaded_model_go_first_but_not_for_ever(tmp_path):
    provider = resident(delay=1)
    router = made(tmp_path, provider, here=", concurrency: 1, max_wait: 4s, queue: {timeout: 60s}")
    order = []

    async def ask(model, at):
        await asyncio.sleep(at)
        await router.complete("hi", model=model, deadline=100)
        order.append(model)

    async def many():
        await ask("a", 0)
        began = [ask("a", 0), ask("b", 0.1), *(ask("a", 0.5 + n) for n in range(12))]
        await asyncio.gather(*began)

    run_virtual(many())
    overtaken = order.index("b")
    assert 4 <= overtaken <= 9
    assert provider.log.count("load b") == 1
    assert provider.log.count("load a") == 2
    sound(provider)


def test_ordered_goes_strictly_by_age(tmp_path):
    provider = resident(delay=1)
    router = made(tmp_path, provider, here=", concurrency: 1, strategy: ordered, queue: {timeout: 60s}")
    order = []

    async def ask(model, at):
        await asyncio.sleep(at)
        await router.complete("hi", model=model, deadline=100)
        order.append(model)

    async def many():
        await ask("a", 0)
        await asyncio.gather(ask("a", 0), ask("b", 0.1), ask("a", 0.2), ask("b", 0.3))

    run_virtual(many())
    assert order == ["a", "a", "b", "a", "b"]


def test_a_more_urgent_call_is_not_overtaken(tmp_path):
    provider = resident(delay=1)
    router = made(tmp_path, provider, here=", concurrency: 1, queue: {timeout: 60s}")
    order = []

    async def ask(model, at, urgency):
        await asyncio.sleep(at)
        await router.complete("hi", model=model, deadline=100, urgency=urgency)
        order.append(model)

    async def many():
        await ask("a", 0, "normal")
        await asyncio.gather(ask("a", 0, "normal"), ask("b", 0.1, "high"), ask("a", 0.2, "normal"))

    run_virtual(many())
    assert order == ["a", "a", "b", "a"]


def test_spillover_sends_a_call_whose_model_is_not_loaded_to_one_that_can_answer(tmp_path):
    provider = resident(loading=30)
    cloud = ScriptedProvider()
    router = made(
        tmp_path,
        provider,
        here=", strategy: spillover",
        more="  cloud: {kind: openai, url: 'http://cloud.example/v1'}",
        rest="  x: {at: {here: {id: a, memory: 5GiB}, cloud: {}}}",
        cloud=cloud,
    )

    async def later():
        first = await router.complete("hi", model="x")
        await asyncio.sleep(40)
        return first.endpoint, (await router.complete("hi", model="x")).endpoint

    assert run_virtual(later()) == ("cloud", "here")  # meanwhile it was loaded, for there was room


def test_spillover_loads_a_model_where_nothing_else_can_answer(tmp_path):
    provider = resident()
    router = made(tmp_path, provider, here=", strategy: spillover")
    assert run_virtual(router.complete("hi", model="a")).model == "a"
    assert provider.log == ["load a", "call a"]


def test_an_unused_model_is_unloaded(tmp_path):
    provider = resident()
    listener = Listener()
    router = made(tmp_path, provider, here=", idle_unload: 5m", observers=[listener])

    async def idle():
        async with router:
            await router.complete("hi", model="a")
            await asyncio.sleep(290)
            before = set(provider.loaded)
            await asyncio.sleep(20)
            return before, set(provider.loaded)

    assert run_virtual(idle()) == ({"a"}, set())
    assert listener.told == [
        ("residency", "`a` at `here`", "loaded"),
        ("residency", "`a` at `here`", "unloaded"),
    ]


def test_a_model_in_use_is_not_unused(tmp_path):
    provider = resident(delay=50)
    router = made(tmp_path, provider, here=", idle_unload: 10s")

    async def busy():
        async with router:
            await router.complete("hi", model="a", deadline=100)
            return set(provider.loaded)

    assert run_virtual(busy()) == {"a"}
    sound(provider)


def test_a_model_is_loaded_before_anybody_calls(tmp_path):
    provider = resident()
    router = made(tmp_path, provider, a=", preload: true")

    async def start():
        async with router:
            await asyncio.sleep(5)
            return set(provider.loaded)

    assert run_virtual(start()) == {"a"}


def test_a_model_that_cannot_be_preloaded_is_a_notice_and_no_crash(tmp_path):
    provider = resident(broken={"a"})
    listener = Listener()
    router = made(tmp_path, provider, a=", preload: true", observers=[listener])

    async def start():
        async with router:
            await asyncio.sleep(5)
            return (await router.complete("hi", model="b")).model

    assert run_virtual(start()) == "b"
    assert listener.told[0] == ("residency", "`a` at `here`", "failed")


def test_the_small_default_comes_back_after_a_large_model_was_unused(tmp_path):
    provider = resident()
    router = made(tmp_path, provider, here=", idle_unload: 60s", a=", preload: true")

    async def day():
        seen = []
        async with router:
            await asyncio.sleep(5)
            seen.append(set(provider.loaded))
            await router.complete("hi", model="b")
            seen.append(set(provider.loaded))
            await asyncio.sleep(130)
            seen.append(set(provider.loaded))
        return seen

    assert run_virtual(day()) == [{"a"}, {"b"}, {"a"}]
    sound(provider)


def test_a_server_that_loads_by_itself_is_only_counted(tmp_path):
    provider = ScriptedProvider(delay=3)
    router = made(tmp_path, provider)

    async def two():
        began = asyncio.get_running_loop().time()
        await asyncio.gather(router.complete("hi", model="a"), router.complete("hi", model="b"))
        return asyncio.get_running_loop().time() - began

    assert run_virtual(two()) == pytest.approx(6)  # one after the other, although two may be answered at once


def test_models_that_the_server_unloaded_by_itself_are_loaded_again(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)

    async def two():
        await router.complete("hi", model="a")
        provider.loaded.clear()
        await asyncio.sleep(10)
        await router.complete("hi", model="b")

    run_virtual(two())
    assert provider.log == ["load a", "call a", "load b", "call b"]


def test_models_of_others_in_the_servers_memory_count(tmp_path):
    provider = ScriptedResident({"a": 5 * GiB, "stranger": 6 * GiB})
    provider.loaded.add("stranger")
    router = made(tmp_path, provider, here=", when_full: next")
    with pytest.raises(Shed, match="`here` has 2GiB left"):
        run_virtual(router.complete("hi", model="a"))


def test_models_tell_what_is_loaded_and_how_large_it_is(tmp_path):
    router = made(tmp_path, resident())
    before = {each.name: each.deployments[0] for each in router.models()}
    assert (before["a"].residence, before["a"].memory) == (None, 5 * GiB)
    run_virtual(router.complete("hi", model="a"))
    places = {each.name: each.deployments[0] for each in router.models()}
    assert [(each.residence, each.memory) for each in places.values()] == [
        ("loaded", 5 * GiB),
        ("unloaded", 5 * GiB),
        ("unloaded", 2 * GiB),
    ]


def test_too_many_that_wait_for_memory_are_sent_away(tmp_path):
    provider = resident(delay=30)
    router = made(tmp_path, provider, here=", queue: {max: 1, timeout: 60s}")

    async def many():
        first = asyncio.create_task(router.complete("hi", model="a"))
        await asyncio.sleep(2)
        second = asyncio.create_task(router.complete("hi", model="b"))
        await asyncio.sleep(1)
        with pytest.raises(Shed, match="too many calls wait for memory at `here`"):
            await router.complete("hi", model="b")
        urgent = asyncio.create_task(router.complete("hi", model="b", urgency="critical"))
        with pytest.raises(Shed, match="too many calls wait for memory"):
            await second
        await first
        return (await urgent).model

    assert run_virtual(many()) == "b"


def test_a_router_that_was_closed_loads_anew(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)

    async def twice():
        await router.complete("hi", model="a")
        await router.close()
        provider.loaded.clear()  # what closing does to models in this process
        await router.complete("hi", model="a")

    run_virtual(twice())
    assert provider.log == ["load a", "call a", "load a", "call a"]


def test_other_limits_take_effect_at_a_reload_and_what_is_loaded_stays(tmp_path):
    provider = resident()
    router = made(tmp_path, provider)
    file = tmp_path / "router.yaml"

    async def day():
        async with router:
            await router.complete("hi", model="a")
            file.write_text(
                file.read_text(encoding="utf-8").replace("memory: 8GiB", "memory: 12GiB"), encoding="utf-8"
            )
            router._background._take(router._background._reloader.load())
            await router.complete("hi", model="b")
            await router.complete("hi", model="a")
        return provider.log

    assert run_virtual(day()) == ["load a", "call a", "load b", "call b", "call a"]


def test_a_model_that_the_file_no_longer_has_makes_room(tmp_path):
    provider = resident()
    router = made(tmp_path, provider, a=", pin: true")
    file = tmp_path / "router.yaml"

    async def day():
        async with router:
            await router.complete("hi", model="a")
            text = file.read_text(encoding="utf-8").replace("  a: {at: here, memory: 5GiB, pin: true}\n", "")
            file.write_text(text.replace("use: a", "use: b"), encoding="utf-8")
            router._background._take(router._background._reloader.load())
            await router.complete("hi", model="b")
        return provider.log

    assert run_virtual(day()) == ["load a", "call a", "unload a", "load b", "call b"]


def test_an_endpoint_that_is_gone_is_forgotten_once_nobody_uses_it(tmp_path):
    provider = resident(delay=5)
    router = made(tmp_path, provider)
    file = tmp_path / "router.yaml"

    async def day():
        async with router:
            call = asyncio.create_task(router.complete("hi", model="a"))
            await asyncio.sleep(2)
            residency = router._engine.snapshot.residency
            text = "version: 1\nendpoints: {new: {kind: mock, memory: 1GiB}}\nmodels: {m: {at: new}}\nrules: [{use: m}]\n"
            file.write_text(text, encoding="utf-8")
            router._background._take(router._background._reloader.load())
            before = [home.old for home in residency.homes]
            await call
            return before, [home.policy.endpoint for home in residency.homes]

    assert run_virtual(day()) == ([True], ["new"])


def test_calls_of_several_loops_share_one_memory(tmp_path):
    """Each thread has a loop of its own; a model is loaded once, and nobody's is unloaded in use."""
    provider = ThreadSafe(
        {"a": 5 * GiB, "b": 5 * GiB, "c": 2 * GiB}, loading=0.02, unloading=0.01, delay=0.01
    )
    router = made(tmp_path, provider, here=", queue: {timeout: 60s}, max_wait: 50ms")
    failed = []

    def work(number):
        async def calls():
            for turn in range(6):
                await router.complete("hi", model="abc"[(number + turn) % 3], deadline=50)

        try:
            asyncio.run(calls())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must hear of it
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    sound(provider)
    assert provider.log.count("call a") == 8


class ThreadSafe(ScriptedResident):
    """One whose books several threads may write: each step is short, and the interpreter's lock holds it together."""


def test_a_load_whose_loop_has_ended_is_done_again_by_another(tmp_path):
    provider = resident(loading=30)
    router = made(tmp_path, provider)

    async def leave():
        task = asyncio.create_task(router.complete("hi", model="a"))
        await asyncio.sleep(1)
        del task

    run_virtual(leave())
    provider.loading = 1.0
    assert run_virtual(router.complete("hi", model="a")).model == "a"
    assert provider.log == ["load a", "load a", "call a"]


def test_a_model_that_cannot_be_unloaded_stays_and_its_taker_fails(tmp_path):
    class Stubborn(ScriptedResident):
        async def unload(self, model):
            raise ServerError(f"{model} will not go")

    provider = Stubborn({"a": 5 * GiB, "b": 5 * GiB, "c": 2 * GiB})
    listener = Listener()
    router = made(
        tmp_path, provider, here=", idle_unload: 30s", rest="retry: {attempts: 1}", observers=[listener]
    )

    async def two():
        async with router:
            await router.complete("hi", model="a")
            with pytest.raises(ServerError, match="a will not go"):
                await router.complete("hi", model="b")
            await asyncio.sleep(40)
            return (await router.complete("hi", model="a")).model

    assert run_virtual(two()) == "a"
    assert ("residency", "`a` at `here`", "failed") in listener.told


def test_a_server_that_cannot_say_what_is_loaded_is_counted_until_it_can(tmp_path):
    class Shy(ScriptedResident):
        async def listed(self):
            raise ServerError("not now")

    provider = Shy({"a": 5 * GiB, "b": 5 * GiB, "c": 2 * GiB})
    provider.loaded |= {"a", "b"}
    router = made(tmp_path, provider)
    assert run_virtual(router.complete("hi", model="a")).model == "a"
    assert provider.log == ["call a"]


def test_a_model_that_loads_waits_for_what_the_machine_really_has(tmp_path, monkeypatch):
    left = [GiB]
    monkeypatch.setattr("router.runtime.residency.free_memory", lambda: left[0])
    provider = resident(delay=4)
    file = tmp_path / "router.yaml"
    here = "{kind: openai, url: 'http://127.0.0.1:1/v1', memory: 64GiB, health: off, queue: {timeout: 60s}}"
    file.write_text(FILE % (here, "", "", "", ""), encoding="utf-8")
    router = load_router(file, providers={"here": provider})

    async def day():
        with pytest.raises(Shed, match="this machine really has 960MiB left"):
            await router.complete("hi", model="a")
        left[0] = 6 * GiB
        first = asyncio.create_task(router.complete("hi", model="a"))
        await asyncio.sleep(2)
        left[0] = GiB
        second = await router.complete("hi", model="b")
        await first
        return second.model

    assert run_virtual(day()) == "b"
    assert provider.log == ["load a", "call a", "unload a", "load b", "call b"]


TWO = """
version: 1
machine: {memory: 8GiB}
endpoints:
  plain: {kind: openai, url: "http://127.0.0.1:1/v1", health: off}
  here: {kind: openai, url: "http://127.0.0.1:2/v1", health: off, queue: {timeout: 2s}%s}
models:
  fixed: {at: plain, memory: 4GiB}
  a: {at: here, memory: 5GiB}
  c: {at: here, memory: 2GiB%s}
rules: [{use: [c, fixed, a]}]
"""


def two(tmp_path, provider, here="", c="", **options):
    file = tmp_path / "router.yaml"
    file.write_text(TWO % (here, c), encoding="utf-8")
    return load_router(file, providers={"plain": ScriptedProvider(), "here": provider}, **options)


def test_a_server_that_cannot_be_told_keeps_its_share_of_the_machine(tmp_path):
    provider = resident()
    router = two(tmp_path, provider)

    async def both():
        assert (await router.complete("hi", model="c")).model == "c"
        assert (await router.complete("hi", model="fixed")).model == "fixed"
        with pytest.raises(Shed, match="this machine, beside the 4GiB of servers that keep theirs, has 4GiB"):
            await router.complete("hi", model="a")

    run_virtual(both())


def test_a_preloaded_model_for_which_there_is_no_room_is_a_notice(tmp_path):
    listener = Listener()
    provider = ScriptedResident({"a": 5 * GiB, "c": 2 * GiB, "stranger": 3 * GiB})
    provider.loaded.add("stranger")
    router = two(tmp_path, provider, c=", preload: true", observers=[listener])

    async def start():
        async with router:
            await asyncio.sleep(5)

    run_virtual(start())
    assert listener.told == [("residency", "`c` at `here`", "failed")]


def test_a_usual_model_that_cannot_be_loaded_again_is_tried_later(tmp_path):
    provider = resident()
    router = made(tmp_path, provider, here=", idle_unload: 10s", a=", preload: true")

    async def day():
        async with router:
            await asyncio.sleep(3)
            await router.complete("hi", model="b")
            provider.broken.add("a")
            await asyncio.sleep(30)
            provider.broken.clear()
            failed = set(provider.loaded)
            await asyncio.sleep(100)
            return failed, set(provider.loaded)

    assert run_virtual(day()) == (set(), {"a"})


def test_a_provider_that_breaks_in_an_unforeseen_way_fails_the_call_and_is_logged(tmp_path, caplog):
    class Odd(ScriptedResident):
        async def load(self, _model, _context=None):
            raise ValueError("nobody thought of this")

    router = made(tmp_path, Odd({"a": 5 * GiB}), rest="retry: {attempts: 1}")
    with pytest.raises(ServerError, match="`a` at `here` could not be loaded"):
        run_virtual(router.complete("hi", model="a"))
    assert "loading a model failed" in caplog.text


def test_a_server_that_cannot_even_stop_loading_is_given_up(tmp_path):
    class Deaf(ScriptedResident):
        async def unload(self, _model):
            raise ServerError("it does not hear")

    router = made(tmp_path, Deaf({"a": 5 * GiB}, loading=100), here=", load_timeout: 3s")
    with pytest.raises(FirstTokenTimeout, match="was not loaded in 3s"):
        run_virtual(router.complete("hi", model="a"))


def test_what_can_be_computed_counts_before_what_the_endpoint_says(tmp_path):
    class Computes(ScriptedResident):
        async def needs(self, model, _context=None):
            if model == "odd":
                raise ServerError("its file cannot be read")
            return 7 * GiB if model == "d" else None

    provider = Computes({"d": GiB, "e": 2 * GiB, "odd": GiB})
    router = made(tmp_path, provider, rest="  d: {at: here}\n  e: {at: here}\n  odd: {at: here}")
    run_virtual(router.complete("hi", model="d"))
    sizes = {each.name: each.deployments[0].memory for each in router.models()}
    assert (sizes["d"], sizes["e"] // 2**20, sizes["odd"] // 2**20) == (7 * GiB, 2252, 1126)
