"""Answers that are kept in memory, and equal calls at once, on a virtual clock."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest
from support.keeping import Keeping, WallClock, cache_of, config, keeping, numbered, play
from support.played import DONE, Part, says

from router import (
    CallFailed,
    Completion,
    ConfigError,
    DeadlineExceeded,
    InvalidCall,
    RateLimited,
    ServerError,
    TextDelta,
    ToolCallDelta,
    load_router,
)
from router.core.events import Done, ReasoningDelta
from router.core.usage import Usage
from router.runtime.kept import decoded, encoded
from router.testing import run_virtual


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def test_an_equal_call_gets_the_kept_answer_at_no_cost(folder):
    async def work(it):
        first = await it.ask(task="code")
        again = await it.ask(task="code")
        assert (first.text, first.cached, it.last.rule) == ("answer 1", False, "coding")
        assert (again.text, again.cached, again.cost, again.attempts) == ("answer 1", True, 0, ())
        assert (again.model, again.endpoint, again.rule) == ("ma", "a", "coding")
        assert (again.usage, again.finish_reason) == (first.usage, "stop")
        assert again.request_id != first.request_id
        assert it.calls == (1, 0)
        assert [each.cached for each in it.seen.calls] == [False, True]
        assert [each.saved for each in it.seen.calls] == [None, first.cost]
        assert first.cost == Decimal("0.00002")
        assert it.last.cost == 0
        assert len(it.seen.attempts) == 1

    play(folder, config(), work)


def test_the_money_saved_is_unknown_where_the_price_is(folder):
    async def work(it):
        await it.ask(model="mb")
        await it.ask(model="mb")
        assert it.last.cached
        assert it.last.saved is None or it.last.saved == 0  # a local endpoint is free

    play(folder, config(), work)


PAIRS = [
    ({"user": "x"}, {"user": "y"}),
    ({"user": "x"}, {}),
    ({"data": "public"}, {"data": "private"}),
    ({"temperature": 0}, {"temperature": 0, "seed": 1}),
    ({"seed": 1}, {"seed": 2}),
    ({"max_tokens": 16}, {"max_tokens": 64}),
    ({"max_tokens": 16}, {}),
    ({"top_p": 1.0}, {}),
    ({"stop": "x"}, {}),
    ({"reasoning_effort": "low"}, {}),
    ({"tools": [{"type": "function"}]}, {}),
    ({"tool_choice": "none"}, {}),
    ({"extra": {"top_k": 1}}, {"extra": {"top_k": 2}}),
    ({"response_format": {"type": "text"}}, {}),
    ({"model": "ma"}, {"model": "mb"}),
    ({"text": "hello"}, {"text": "hello!"}),
    ({"text": [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}]}, {"text": "hello"}),
]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=str)
def test_f37_calls_that_differ_get_answers_of_their_own(folder, one, other):
    async def work(it):
        texts = [(await it.ask(**each)).text for each in (one, other, one, other)]
        assert texts[0] == texts[2]
        assert texts[1] == texts[3]
        assert sum(it.calls) == 2
        assert [each.cached for each in it.seen.calls] == [False, False, True, True]

    play(folder, config(), work)


def test_f37_a_warm_call_never_gets_the_answer_of_a_cold_one(folder):
    async def work(it):
        await it.ask()
        assert not (await it.ask(temperature=0.7)).cached
        assert not (await it.ask(temperature=0.7)).cached
        assert it.calls == (3, 0)

    play(folder, config(), work)


def test_what_changes_no_answer_keeps_none_apart(folder):
    async def work(it):
        await it.ask()
        for same in ({"deadline": 5}, {"urgency": "batch"}, {"tags": {"a": 1}}, {"priority": "cost"}):
            assert (await it.ask(**same)).cached
        assert (await it.streamed())[1].cached
        assert it.calls == (1, 0)

    play(folder, config(), work)


def test_the_file_says_which_dimensions_keep_answers_apart(folder):
    async def work(it):
        await it.ask(data="public", priority="cost")
        assert (await it.ask(data="private", priority="cost")).cached
        assert not (await it.ask(data="private", priority="speed")).cached

    play(folder, config("{separate: [priority]}"), work)


def test_an_answer_ends_with_its_time(folder):
    async def work(it):
        await it.ask()
        await asyncio.sleep(88)
        assert (await it.ask()).cached
        await asyncio.sleep(24)
        assert not (await it.ask()).cached
        assert it.calls == (2, 0)

    play(folder, config("{ttl: 100s}"), work)


def test_not_all_answers_end_at_once(folder):
    async def work(it):
        for number in range(40):
            await it.ask(str(number))
        await asyncio.sleep(100)
        found = [(await it.ask(str(number))).cached for number in range(40)]
        assert 5 < sum(found) < 35

    play(folder, config("{ttl: 100s}"), work)


def test_a_call_may_want_it_younger(folder):
    async def work(it):
        await it.ask()
        await asyncio.sleep(10)
        assert (await it.ask(cache={"ttl": 20})).cached
        assert not (await it.ask(cache={"ttl": 5})).cached
        await asyncio.sleep(10)  # kept for 5 s by the one before
        assert not (await it.ask()).cached

    play(folder, config(), work)


def test_a_call_may_want_no_kept_answer_and_leave_none(folder):
    async def work(it):
        await it.ask(cache="off")
        assert not (await it.ask(cache="off")).cached
        assert not (await it.ask()).cached
        assert not (await it.ask(cache="off")).cached
        assert (await it.ask()).text == "answer 3"

    play(folder, config(), work)


def test_a_call_may_keep_what_is_not_certain_for_those_that_say_so_too(folder):
    async def work(it):
        warm = {"temperature": 0.9}
        await it.ask(**warm, cache="always")
        assert not (await it.ask(**warm)).cached
        assert not (await it.ask(**warm, cache={"ttl": 9})).cached
        assert (await it.ask(**warm, cache="always")).text == "answer 1"

    play(folder, config(), work)


@pytest.mark.parametrize(("said", "cached"), [("always", True), ("off", False), ("{ttl: 5s}", False)])
def test_a_rule_says_what_is_kept_of_its_calls(folder, said, cached):
    async def work(it):
        options = {"task": "code", "temperature": 0.7 if said == "always" else 0}
        await it.ask(**options)
        await asyncio.sleep(10)
        assert (await it.ask(**options)).cached is cached
        assert (await it.ask(**options, cache="always")).cached is (said != "off")

    play(folder, config(rule=f"cache: {said}"), work)


@pytest.mark.parametrize("wrong", ["never", {"ttl": 0}, {"ttl": "1h"}, {"ttl": 1, "x": 2}, 5, True, {}])
def test_a_wrong_word_for_the_cache_is_refused(folder, wrong):
    async def work(it):
        with pytest.raises(InvalidCall, match="off, always or"):
            await it.ask(cache=wrong)
        assert it.calls == (0, 0)

    play(folder, config(), work)


def test_a_call_that_wants_a_cache_that_is_not_there_is_told(folder):
    async def work(it):
        with pytest.raises(InvalidCall, match="the file keeps none"):
            await it.ask(cache="always")
        assert not (await it.ask(cache="off")).cached
        assert cache_of(it) is None

    play(folder, config(""), work)


def test_a_rule_that_wants_a_cache_that_is_not_there_is_a_finding(folder):
    file = folder / "router.yaml"
    file.write_text(config("", rule="cache: always"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_router(file, env={})
    found = caught.value.findings[0]
    assert (found.code, found.message) == ("R210", "`cache` in rule `coding` has no effect")
    assert "write `cache` for the file" in found.help


def test_an_unknown_dimension_that_keeps_apart_is_a_finding(folder):
    file = folder / "router.yaml"
    file.write_text(config("{separate: [dta]}"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_router(file, env={})
    found = caught.value.findings[0]
    assert (found.code, found.help) == ("R303", "did you mean `data`?")


NEVER = {
    "a length": [TextDelta("half"), Done("length", Usage(1, 1))],
    "a filter": [TextDelta("half"), Done("content_filter", Usage(1, 1))],
    "blank": [TextDelta("  \n"), DONE],
    "a tool call": [ToolCallDelta(0, "1", "add", "{}"), Done("tool_calls", Usage(1, 1))],
    "too large": [TextDelta("x" * 300_000), DONE],
}


@pytest.mark.parametrize("name", NEVER)
def test_f38_what_is_not_whole_is_not_kept(folder, name):
    async def work(it):
        for _ in range(2):
            assert not (await it.ask()).cached
        assert not (await it.streamed())[1].cached
        assert it.a.calls == 3

    play(folder, config(), work, a=Part(NEVER[name]))


def test_f38_an_error_is_not_kept(folder):
    async def work(it):
        with pytest.raises(RateLimited):
            await it.ask(task="code", deadline=5)
        await asyncio.sleep(200)
        assert (await it.ask(task="code")).text == "fine"
        assert (await it.ask(task="code")).cached

    play(folder, config(), work, a=Part([RateLimited("no", retry_after=120)], says("fine")))


def test_f38_invalid_json_is_not_kept_where_json_was_asked_for(folder):
    async def work(it):
        form = {"response_format": {"type": "json_object"}}
        await it.ask(**form)
        assert not (await it.ask(**form)).cached
        assert (await it.ask(**form)).cached

    play(folder, config(), work, a=Part(says("{half"), says("{}")))


def test_answers_that_call_tools_are_kept_where_the_file_says_so(folder):
    async def work(it):
        first = await it.ask()
        deltas, again = await it.streamed()
        assert again.cached
        assert again.tool_calls == first.tool_calls
        assert deltas == [ToolCallDelta(0, "1", "add", "{}")]

    play(folder, config("{tools: true}"), work, a=Part(NEVER["a tool call"]))


def test_a_kept_answer_comes_as_a_stream(folder):
    async def work(it):
        first = await it.ask()
        deltas, done = await it.streamed()
        assert deltas == [ReasoningDelta("hm"), TextDelta("fine")]
        assert (done.text, done.reasoning, done.cached, done.cost) == ("fine", "hm", True, 0)
        assert done.usage == first.usage
        assert it.last.stream
        assert it.a.calls == 1

    play(folder, config(), work, a=Part([ReasoningDelta("hm"), TextDelta("fi"), TextDelta("ne"), DONE]))


def test_a_streamed_answer_is_kept_once_it_is_whole(folder):
    async def work(it):
        async with it.router.stream("hello", temperature=0) as reply:
            assert (await anext(reply)).text == "answer 1"
        assert not (await it.streamed())[1].cached
        assert (await it.ask()).text == "answer 2"

    play(folder, config(), work)


def test_a_buffered_stream_is_kept_and_found(folder):
    async def work(it):
        first, again = await it.streamed(), await it.streamed()
        assert (first[1].cached, again[1].cached) == (False, True)
        assert [each.text for each in again[0]] == ["answer 1"]

    play(folder, config(rest="stream: {delivery: buffered}"), work)


def test_what_was_used_last_stays_when_not_all_fit(folder):
    async def work(it):
        size = 256 + len(encoded(await it.ask("0"), Decimal("0.00002"))) + 40
        assert size * 3 < 2000 < size * 4.5
        for number in range(1, 6):
            await it.ask(str(number))
            await it.ask("0")
        found = [(await it.ask(str(number))).cached for number in (0, 5, 1)]
        assert found == [True, True, False]

    play(folder, config("{size: 2000B}"), work)


def test_what_does_not_fit_at_all_is_not_kept(folder):
    async def work(it):
        await it.ask()
        assert not (await it.ask()).cached

    play(folder, config("{size: 100B}"), work)


def test_f34_a_hundred_equal_calls_at_once_ask_once(folder):
    async def work(it):
        found = await asyncio.gather(*(it.ask() for _ in range(100)))
        assert it.calls == (1, 0)
        assert {each.text for each in found} == {"answer 1"}
        assert sum(each.cached for each in found) == 99
        assert len({each.request_id for each in found}) == 100
        assert len(it.seen.attempts) == 1
        assert sum(each.cost for each in it.seen.calls) == found[0].cost
        assert [each.saved for each in it.seen.calls].count(found[0].cost) == 99

    play(folder, config(), work, a=numbered(first=1.0))


def test_calls_that_are_not_certain_each_get_their_own(folder):
    async def work(it):
        found = await asyncio.gather(*(it.ask(temperature=0.7) for _ in range(5)))
        assert len({each.text for each in found}) == 5

    play(folder, config(), work, a=numbered(first=1.0))


def test_users_do_not_wait_for_each_other(folder):
    async def work(it):
        found = await asyncio.gather(*(it.ask(user=user) for user in "xyxy"))
        assert it.calls == (2, 0)
        assert found[0].text == found[2].text != found[1].text

    play(folder, config(), work, a=numbered(first=1.0))


def test_a_live_stream_does_not_wait_for_the_end_of_anothers(folder):
    async def work(it):
        whole = asyncio.create_task(it.ask())
        await asyncio.sleep(0.5)
        deltas, _ = await it.streamed()
        assert deltas[0].text == "answer 2"
        assert (await whole).text == "answer 1"

    play(folder, config(), work, a=numbered(first=1.0))


async def waiting(it, count, **options):
    tasks = [asyncio.create_task(it.ask(**options)) for _ in range(count)]
    await asyncio.sleep(0.1)
    return tasks


def test_when_the_one_that_asks_is_cancelled_the_next_one_asks(folder):
    async def work(it):
        tasks = await waiting(it, 5)
        tasks[0].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert {each.text for each in found[1:]} == {"answer 2"}
        assert it.calls == (2, 0)
        assert [each.cached for each in found[1:]] == [False, True, True, True]

    play(folder, config(), work, a=numbered(first=1.0))


def test_when_all_are_cancelled_nothing_is_left(folder):
    async def work(it):
        tasks = await waiting(it, 5)
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in found} == {asyncio.CancelledError}
        assert it.calls == (1, 0)
        assert (await it.ask()).text == "answer 2"

    play(folder, config(), work, a=numbered(first=1.0))


def test_one_that_is_cancelled_just_when_it_is_its_turn_hands_it_on(folder):
    async def work(it):
        async def first():
            try:
                await it.ask()
            finally:
                tasks[0].cancel()  # it was told to ask, and has not begun

        leader = asyncio.create_task(first())
        await asyncio.sleep(0.1)
        tasks = await waiting(it, 2)
        leader.cancel()
        found = await asyncio.gather(leader, *tasks, return_exceptions=True)
        assert [type(each) for each in found[:2]] == [asyncio.CancelledError] * 2
        assert found[2].text == "answer 2"

    play(folder, config(), work, a=numbered(first=1.0))


def test_a_waiter_that_leaves_harms_nobody(folder):
    async def work(it):
        tasks = await waiting(it, 3)
        tasks[1].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert found[0].text == found[2].text == "answer 1"
        assert it.calls == (1, 0)

    play(folder, config(), work, a=numbered(first=1.0))


def test_each_waiter_keeps_its_own_deadline(folder):
    async def work(it):
        first = asyncio.create_task(it.ask())
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceeded, match="equal call") as caught:
            await it.ask(deadline=2)
        assert asyncio.get_running_loop().time() - began == pytest.approx(2)
        assert caught.value.attempts == ()
        assert (await first).text == "answer 1"

    play(folder, config(), work, a=numbered(first=5.0))


def test_when_the_one_that_asks_runs_out_of_time_the_next_one_asks(folder):
    async def work(it):
        hasty = asyncio.create_task(it.ask(deadline=2))
        await asyncio.sleep(0.1)
        patient = asyncio.create_task(it.ask(deadline=30))
        with pytest.raises(DeadlineExceeded):
            await hasty
        assert (await patient).text == "answer 2"
        assert it.calls == (2, 0)

    play(folder, config(), work, a=numbered(first=5.0))


def test_another_failure_is_everybodys_once(folder):
    async def work(it):
        tasks = await waiting(it, 5, task="code")
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in found} == {ServerError}
        assert len({id(each) for each in found}) == 5
        assert len({each.request_id for each in found}) == 5
        assert [len(each.attempts) for each in found] == [2, 0, 0, 0, 0]
        assert it.calls == (2, 0)
        assert (await it.ask(task="code")).text == "fine"

    fail = [1.0, ServerError("no", status=500)]
    play(folder, config(), work, a=Part(fail, fail, says("fine")))


def test_one_that_refuses_the_offline_ladder_takes_none_of_its_answers_and_spoils_none(folder):
    async def work(it):
        strict = await waiting(it, 2, task="code", no_degrade=True)
        lenient = await waiting(it, 2, task="code")
        found = await asyncio.gather(*strict, *lenient, return_exceptions=True)
        assert {type(each) for each in found[:2]} == {ServerError}
        assert {(each.text, each.degraded) for each in found[2:]} == {("later", "canned reply")}
        assert [each.cached for each in found[2:]] == [False, True]
        with pytest.raises(CallFailed):
            await it.ask(task="code", no_degrade=True)

    fail = [1.0, ServerError("no", status=500)]
    play(folder, config(rest="offline: {replies: [{say: later}]}"), work, a=Part(fail))


def test_a_kept_answer_asks_no_endpoint_even_when_none_would_answer(folder):
    async def work(it):
        await it.ask(task="code")
        for _ in range(4):
            with pytest.raises(CallFailed):
                await it.ask("other", task="code")
        assert (await it.ask(task="code")).cached

    play(folder, config(), work, a=Part(says("fine"), [ServerError("no", status=500)]))


def test_the_order_of_the_moment_changes_no_key(folder):
    text = config().replace("mb: {at: b}", "mb: {at: [a, b], balance: least_busy}")

    async def work(it):
        busy = asyncio.create_task(it.ask("x", model="ma"))
        await asyncio.sleep(0.1)
        first = await it.ask(model="mb")
        await busy
        again = await it.ask(model="mb")
        assert (first.endpoint, again.endpoint, again.cached) == ("b", "b", True)

    play(folder, text, work, a=numbered(first=1.0))


class Broken:
    """A store that fails."""

    async def get(self, _):
        raise OSError("no")

    def near(self, _):
        return None

    def put(self, *_):
        raise MemoryError("full")

    async def close(self):
        pass


def test_a_fault_of_the_store_is_a_miss_and_told_once(folder, caplog):
    async def work(it: Keeping):
        cache_of(it).store = Broken()
        for _ in range(3):
            assert not (await it.ask()).cached
        assert [each.message for each in caplog.records].count(
            "answers kept in memory are of no use, calls go on without: no"
        ) == 1
        assert len(caplog.records) == 1

    play(folder, config(), work)


def test_a_call_whose_options_are_no_json_goes_on_without(folder):
    async def work(it):
        for _ in range(2):
            assert not (await it.ask(extra={"x": float("nan")})).cached

    play(folder, config(), work)


def test_what_was_kept_survives_a_reload_of_the_same_place(folder):
    async def main():
        async with keeping(folder, config("{ttl: 1h}")) as it:
            await it.ask()
            for cache, cached in (("{ttl: 2h}", True), ("{ttl: 2h}", True), ("{size: 1MiB}", False)):
                (folder / "router.yaml").write_text(config(cache), encoding="utf-8")
                await it.router.reload()
                assert (await it.ask()).cached is cached
            (folder / "router.yaml").write_text(config(""), encoding="utf-8")
            await it.router.reload()
            assert not (await it.ask()).cached
            assert cache_of(it) is None

    asyncio.run(main())


def test_the_last_answer_is_found_for_bad_times_at_any_temperature(folder):
    async def work(it):
        cache = cache_of(it)

        async def stale(age, **options):
            call = it.router._engine.call("hello", options, {}, live=False)
            found = await cache.stale(call, age)
            it.router._engine.ended(call, None, None)
            return found and found.text

        warm = {"temperature": 0.7}
        assert await stale(60, **warm) is None
        await it.ask(**warm)
        await it.ask(**warm)
        assert it.calls == (2, 0)
        await asyncio.sleep(30)
        assert await stale(60, **warm) == "answer 2"
        assert await stale(20, **warm) is None
        assert await stale(60, **warm, user="x") is None
        assert await stale(60, **warm, cache="off") is None
        await it.ask()
        await asyncio.sleep(5000)
        assert not (await it.ask(task="code", data="private")).cached
        assert await stale(86400, temperature=0) == "answer 3"

    play(folder, config("{ttl: 1h}", rest="offline: {stale_cache: 24h}"), work)


def test_answers_for_bad_times_alone_stand_for_nothing_new(folder):
    async def work(it):
        await it.ask()
        assert not (await it.ask()).cached
        with pytest.raises(InvalidCall, match="keeps none"):
            await it.ask(cache="always")

    play(folder, config("", rest="offline: {stale_cache: 24h}"), work)


def test_explain_tells_whether_an_answer_is_kept(folder):
    async def work(it):
        explain = it.router.explain
        assert explain().cache == "not kept: neither temperature 0 nor a seed"
        assert explain(temperature=0).cache == "kept for 1h"
        assert explain(task="code", seed=3).cache == "kept for 5s"
        assert explain(temperature=0).as_json()["cache"] == "kept for 1h"

    play(folder, config(rule="cache: {ttl: 5s}"), work)


@pytest.mark.parametrize(("said", "told"), [("off", "off, as the rule says"), ("always", "kept for 1h")])
def test_explain_tells_what_the_rule_says(folder, said, told):
    async def work(it):
        assert it.router.explain(task="code").cache == told

    play(folder, config(rule=f"cache: {said}"), work)


def test_a_clock_that_was_set_back_makes_a_miss(folder):
    class Back(WallClock):
        back = 0.0

        def wall(self):
            return super().wall() - self.back

    clock = Back()

    async def work(it):
        await it.ask()
        clock.back = 100.0
        assert not (await it.ask()).cached

    play(folder, config(), work, clock=clock)


NO_ANSWERS = [
    "",
    "[]",
    "null",
    "{}",
    '{"version": 2}',
    "[" * 50_000,
    '{"version": 1, "finish_reason": "odd"}',
    *(
        json.dumps({**json.loads(encoded(Completion("assistant", "x"), None)), **wrong})
        for wrong in (
            {"content": 5},
            {"tool_calls": [["a"]]},
            {"tool_calls": [["a", "b", 3]]},
            {"usage": {"input_tokens": "1", "estimated": False}},
            {"usage": {"input_tokens": True, "estimated": False}},
            {"usage": {"tokens": 1, "estimated": False}},
            {"saved": "much"},
            {"saved": 0.1},
        )
    ),
]


@pytest.mark.parametrize("body", NO_ANSWERS)
def test_a_kept_answer_that_is_none_is_refused(body):
    with pytest.raises(ValueError, match=r".*"):
        decoded(body)


def test_what_cannot_be_read_any_more_is_a_miss(folder, caplog):
    async def work(it):
        await it.ask()
        store = cache_of(it).store
        for key, kept in store._kept.items():
            store._kept[key] = type(kept)("{}", kept.stored, kept.until, kept.last)
        assert not (await it.ask()).cached
        assert "of no use" in caplog.text

    play(folder, config(), work)


def test_two_loops_share_what_is_kept(folder):
    async def main():
        async with keeping(folder, config()) as it:
            await it.ask()
            return it.router

    router = run_virtual(main())
    assert run_virtual(router.complete("hello", temperature=0)).cached


def test_who_waits_for_a_stale_answer_saves_what_it_had_cost(folder):
    async def work(it):
        first = await it.ask(task="code")
        await asyncio.sleep(100)
        both = await asyncio.gather(it.ask(task="code"), it.ask(task="code"))
        assert [each.degraded for each in both] == ["stale cache"] * 2
        assert first.cost > 0
        assert [each.saved for each in it.seen.calls] == [None, first.cost, first.cost]

    text = config("{ttl: 10s}", rest="offline: {stale_cache: 1h}")
    play(folder, text, work, a=Part(says("kept"), ServerError("broken", status=500)))
