"""What a failing endpoint is spared, for how long, and whose breaker it is: every key of `breaker`."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from support.played import OK, Part, config, now, played, says

from router import AllCircuitsOpen, BudgetExceeded, CallFailed
from router.core.errors import (
    Authentication,
    ConnectFailed,
    ConnectionLost,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
)

BROKEN = ServerError("broken", status=500)
ONCE = "retry: {same: 0}"


async def after(seconds):
    await asyncio.sleep(seconds)


def asked_in(it, part, calls, pause=0.0):
    """Make calls, one after the other, and return which of them asked a part."""

    async def go():
        found = []
        for _ in range(calls):
            before = part.calls
            await it.ask()
            found.append(part.calls > before)
            await after(pause)
        return found

    return go()


@pytest.mark.parametrize("failures", [1, 2, 5])
def test_so_many_failures_in_a_row_open_it(tmp_path, failures):
    async def work(it):
        return await asked_in(it, it.a, 8)

    text = config(rest=f"breaker: {{failures: {failures}, minimum: 100}}\n{ONCE}")
    found = played(tmp_path, text, work, a=Part(BROKEN), b=Part())
    assert found == [True] * failures + [False] * (8 - failures)


def test_a_share_of_failures_opens_it(tmp_path):
    async def work(it):
        return await asked_in(it, it.a, 14)

    text = config(rest=f"breaker: {{failures: 100, ratio: 30%, minimum: 10, window: 60s}}\n{ONCE}")
    a = Part(OK, BROKEN, OK, OK, BROKEN, OK, OK, OK, OK, OK, OK, BROKEN, BROKEN)
    found = played(tmp_path, text, work, a=a, b=Part())
    assert found == [True] * 13 + [False]  # 4 of 13; before, 3 of 12 were too few


def test_few_results_and_old_results_open_nothing(tmp_path):
    async def work(it):
        early = await asked_in(it, it.a, 9)
        await after(31)
        return early + await asked_in(it, it.a, 11)

    text = config(rest=f"breaker: {{failures: 100, ratio: 50%, minimum: 10, window: 30s}}\n{ONCE}")
    found = played(tmp_path, text, work, a=Part(BROKEN), b=Part())
    assert found == [True] * 19 + [False]


def test_it_stays_open_for_its_time_and_twice_as_long_after_a_failed_probe(tmp_path):
    async def work(it):
        for _ in range(200):
            await it.ask()
            await after(0.5)
        return it.a.times

    text = config(rest=f"breaker: {{failures: 1, open: 10s, max_open: 25s}}\n{ONCE}")
    times = played(tmp_path, text, work, a=Part(BROKEN), b=Part())
    gaps = [later - former for former, later in itertools.pairwise(times)]
    assert 8 <= gaps[0] <= 12.5
    assert 16 <= gaps[1] <= 24.5
    assert all(20 <= gap <= 25.5 for gap in gaps[2:])


def test_two_good_probes_close_it_and_it_is_told(tmp_path):
    async def work(it):
        await it.ask()
        await after(7)
        answers = [(await it.ask()).endpoint for _ in range(3)]
        return answers, [(each.subject, each.state) for each in it.seen.notices]

    text = config(rest=f"breaker: {{failures: 1}}\n{ONCE}")
    answers, notices = played(tmp_path, text, work, a=Part(BROKEN, OK), b=Part())
    assert answers == ["a", "a", "a"]
    assert notices == [("`ma` at `a`", "open"), ("`ma` at `a`", "closed")]


def test_one_call_at_a_time_probes_and_the_others_go_elsewhere(tmp_path):
    async def work(it):
        await it.ask()
        await after(7)
        answers = await it.many(20)
        return [each.endpoint for each in answers]

    text = config(each="concurrency: 50", rest=f"breaker: {{failures: 1}}\n{ONCE}")
    found = played(tmp_path, text, work, a=Part(BROKEN, says("well", first=2.0)), b=Part())
    assert sorted(found) == ["a"] + ["b"] * 19


def test_a_caller_who_leaves_in_a_probe_decides_nothing(tmp_path):
    async def work(it):
        await it.ask()
        await after(7)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(it.ask(), 1.0)
        assert it.seen.turns("closed") == []
        assert (await it.ask()).endpoint == "a"

    a = Part(BROKEN, says("slow", first=5.0), says("slow", first=5.0), says("slow", first=5.0), OK)
    played(tmp_path, config(rest=f"breaker: {{failures: 1}}\n{ONCE}"), work, a=a, b=Part())


def test_a_refusal_that_is_the_callers_fault_proves_that_the_endpoint_lives(tmp_path):
    async def work(it):
        await it.ask()
        await after(7)
        for _ in range(2):
            assert (await it.fails()).kind == "invalid_request"
        return it.seen.turns("closed")

    a = Part(BROKEN, InvalidRequest("no", status=400))
    text = config(rest=f"breaker: {{failures: 1}}\n{ONCE}")
    assert played(tmp_path, text, work, a=a, b=Part()) == ["`ma` at `a`"]


def test_what_the_caller_did_wrong_never_opens_it(tmp_path):
    async def work(it):
        for _ in range(30):
            assert (await it.fails()).kind == "invalid_request"
        return it.a.calls, it.seen.notices

    a = Part(InvalidRequest("no", status=400))
    text = config(rest="breaker: {failures: 1}")
    assert played(tmp_path, text, work, a=a, b=Part()) == (30, [])


@pytest.mark.parametrize("health", ["off", "{every: 1000s}"])
@pytest.mark.parametrize(
    "error",
    [
        BROKEN,
        ConnectFailed("refused"),
        Authentication("no", status=401),
        RateLimited("slow", retry_after=60.0),
    ],
)
def test_off_means_that_every_call_asks_again(tmp_path, health, error):
    async def work(it):
        found = await asked_in(it, it.a, 12)
        return found, it.seen.notices

    text = config(each=f"health: {health}", rest=f"breaker: off\n{ONCE}")
    assert played(tmp_path, text, work, a=Part(error), b=Part()) == ([True] * 12, [])


TWO = "{m1: {at: a}, m2: {at: a}, m3: {at: b}, spare: {at: c}}"
SHARED = {  # three models at two endpoints of one machine, and a spare one elsewhere
    "models": TWO,
    "rules": "[{when: {task: code}, use: [m2, spare]}, {when: {task: analysis}, use: [m3, spare]}, {use: [m1, spare]}]",
    "a": 'url: "http://127.0.0.1:1/v1"',
    "b": 'url: "http://127.0.0.1:1/v2"',
}


@pytest.mark.parametrize(
    ("error", "asked", "whose"),
    [
        (ConnectFailed("refused"), (False, False, False), "host 127.0.0.1:1"),
        (ConnectionLost("reset"), (False, False, True), "endpoint `a`"),
        (BROKEN, (False, True, True), "`m1` at `a`"),
    ],
)
def test_a_failure_closes_what_it_tells_about_and_no_more(tmp_path, error, asked, whose):
    async def work(it):
        await it.ask()
        it.a.turns[:] = [OK]
        found = []
        for task in ("chat", "code", "analysis"):
            found.append((await it.ask(task=task)).endpoint != "c")
        return tuple(found), it.seen.turns("open")

    text = config("abc", rest=f"breaker: {{failures: 1}}\n{ONCE}", **SHARED)
    found = played(tmp_path, text, work, a=Part(error), b=Part(), c=Part())
    assert found == (asked, [whose])


def test_an_unknown_model_is_left_alone_for_minutes_and_the_others_there_are_not(tmp_path):
    async def work(it):
        await it.ask()
        await after(230)
        it.a.turns[:] = [OK]
        assert (await it.ask()).endpoint == "c"
        assert (await it.ask(task="code")).endpoint == "a"
        await after(140)
        return (await it.ask()).endpoint

    text = config("abc", **SHARED)
    gone = ModelNotFound("no such model", status=404)
    assert played(tmp_path, text, work, a=Part(gone), b=Part(), c=Part()) == "a"


def test_an_empty_account_is_left_alone_as_long_as_it_says(tmp_path):
    async def work(it):
        await it.ask()
        it.a.turns[:] = [OK]
        await after(899)
        early = (await it.ask()).endpoint
        await after(2)
        return early, (await it.ask()).endpoint

    a = Part(QuotaExhausted("empty", status=402, retry_after=900.0))
    assert played(tmp_path, config(), work, a=a, b=Part()) == ("b", "a")


@pytest.mark.parametrize(("asked", "cooled"), [(None, 1.0), (0.2, 1.0), (20.0, 20.0)])
def test_a_rate_limit_cools_for_what_was_asked_and_a_second_at_least(tmp_path, asked, cooled):
    async def work(it):
        await it.ask()
        await after(cooled - 0.05)
        early = (await it.ask()).endpoint
        await after(0.1)
        return early, (await it.ask()).endpoint, it.seen.notices

    a = Part(RateLimited("slow down", status=429, retry_after=asked), OK)
    assert played(tmp_path, config(rest="retry: {same: 0}"), work, a=a, b=Part()) == ("b", "a", [])


def test_an_overload_that_names_a_time_cools_everybody(tmp_path):
    async def work(it):
        await it.ask()
        await after(29)
        early = (await it.ask()).endpoint
        await after(2)
        return early, (await it.ask()).endpoint

    a = Part(Overloaded("busy", status=503, retry_after=30.0), OK)
    assert played(tmp_path, config(rest=ONCE), work, a=a, b=Part()) == ("b", "a")


def test_without_another_endpoint_a_short_time_is_waited_for(tmp_path):
    async def work(it):
        await it.fails()
        began = now()
        answer = await it.ask()
        return answer.endpoint, now() - began

    a = Part(BROKEN, OK)
    endpoint, seconds = played(
        tmp_path, config("a", rest=f"breaker: {{failures: 1, open: 3s}}\n{ONCE}"), work, a=a
    )
    assert endpoint == "a"
    assert 2.0 <= seconds <= 3.6  # its time, or the two seconds after which it may be asked all the same


def test_without_another_endpoint_a_long_time_is_told_at_once(tmp_path):
    async def work(it):
        await it.fails()
        began = now()
        error = await it.fails()
        return error, now() - began, it.a.calls

    text = config("a", rest=f"breaker: {{failures: 1, open: 30s}}\n{ONCE}")
    error, seconds, calls = played(tmp_path, text, work, a=Part(BROKEN))
    assert isinstance(error, AllCircuitsOpen)
    assert 20 <= error.retry_after <= 30
    assert "`ma` at `a`" in str(error)
    assert error.attempts == ()
    assert (seconds, calls) == (0, 1)


def test_a_lone_endpoint_that_failed_is_asked_every_two_seconds_and_comes_back_at_once(tmp_path):
    async def work(it):
        answered = []
        for _ in range(700):
            if now() > 60:
                it.a.turns[:] = [OK]
            try:
                await it.ask(deadline=1.0)
                answered.append(now())
            except CallFailed:
                pass
            await after(0.1)
        return it.a.times, answered

    text = config("a", rest=f"breaker: {{max_open: 30s}}\n{ONCE}")
    times, answered = played(tmp_path, text, work, a=Part(BROKEN))
    dead = [at for at in times if 10 < at <= 60]
    assert len(dead) <= 26
    assert all(later - former >= 1.9 for former, later in itertools.pairwise(dead))
    assert answered[0] <= 63


def test_a_key_that_was_refused_is_not_asked_again_before_its_time(tmp_path):
    async def work(it):
        kinds = []
        for _ in range(40):
            kinds.append((await it.fails()).kind)
            await after(5)
        return kinds, it.a.calls

    kinds, calls = played(tmp_path, config("a"), work, a=Part(Authentication("no", status=401)))
    assert calls == 1
    assert kinds == ["authentication"] + ["all_circuits_open"] * 39


def test_two_calls_that_fail_at_once_open_it_once(tmp_path):
    async def work(it):
        await it.many(10)
        return it.seen.turns("open")

    text = config(each="concurrency: 20", rest=f"breaker: {{failures: 3}}\n{ONCE}")
    a = Part([1.0, BROKEN])
    assert played(tmp_path, text, work, a=a, b=Part()) == ["`ma` at `a`"]


def test_many_further_tries_at_one_endpoint_are_refused_until_it_earned_them(tmp_path):
    async def work(it):
        await it.many(40)
        first = it.a.calls
        it.a.turns[:] = [OK]
        for _ in range(12):
            await it.ask()
        it.a.turns[:] = [BROKEN]
        before = it.a.calls
        await it.many(10)
        return first, it.a.calls - before

    text = config(each="concurrency: 60", rest="breaker: off")
    first, second = played(tmp_path, text, work, a=Part(BROKEN), b=Part())
    assert first == 40 + 10
    assert second == 10 + 2  # twelve successes earned two


def test_a_probe_that_no_budget_pays_for_proves_nothing(tmp_path):
    async def work(it):
        for _ in range(2):
            await it.fails(max_tokens=1)
        await after(6.5)
        for _ in range(2):
            assert isinstance(await it.fails(), BudgetExceeded)
        before = it.a.calls
        await it.many(3, max_tokens=1)
        return it.a.calls - before

    text = config(
        "a",
        models="{ma: {at: a, price: {input: $1, output: $2}}}",
        rest=f"breaker: {{failures: 2}}\n{ONCE}\ncosts: {{budgets: [{{name: team, limit: $0.001, per: day}}]}}",
    )
    assert played(tmp_path, text, work, a=Part(ConnectFailed("refused"))) == 1
