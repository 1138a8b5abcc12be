"""A second attempt beside a slow first one: `hedge`, its keys, and what it never does."""

from __future__ import annotations

import asyncio

import pytest
from support.played import DONE, OK, Part, config, now, played, says

from router import TextDelta
from router.core.errors import (
    AllAttemptsFailed,
    ContentFiltered,
    InvalidRequest,
    RateLimited,
    ServerError,
    StreamInterrupted,
)

BROKEN = ServerError("broken", status=500)
HEDGE = "hedge: {after: 2s, max: 100%}"
IDLE = HEDGE + "\nlint: {R514: warning}"  # a hedge that can never act is an error otherwise
SLOW = says("slow", first=10.0)


def outcomes(attempts):
    return [(each.endpoint, each.outcome) for each in attempts]


def timed(work):
    async def go(it):
        began = now()
        return await work(it), now() - began

    return go


@pytest.mark.parametrize("after", [1, 4])
def test_the_second_begins_after_the_time_that_is_written(tmp_path, after):
    async def work(it):
        answer = await it.ask()
        return answer.endpoint, it.b.times, outcomes(it.seen.attempts)

    text = config(rest=f"hedge: {{after: {after}s}}")
    found = played(tmp_path, text, work, a=Part(SLOW), b=Part(says("fine", first=0.5)))
    assert found == ("b", [after], [("a", "hedge_lost"), ("b", "ok")])


def test_without_the_key_nobody_is_hedged(tmp_path):
    async def work(it):
        return (await it.ask()).endpoint, it.b.calls

    assert played(tmp_path, config(), work, a=Part(SLOW), b=Part()) == ("a", 0)


def test_a_fast_answer_needs_no_second(tmp_path):
    async def work(it):
        return (await it.ask()).endpoint, it.b.calls

    text = config(rest=HEDGE)
    assert played(tmp_path, text, work, a=Part(says("fine", first=1.9)), b=Part()) == ("a", 0)


def test_the_first_may_win_all_the_same_and_the_second_is_left_at_once(tmp_path):
    async def work(it):
        answer = await it.ask()
        assert outcomes(it.seen.attempts) == [("b", "hedge_lost"), ("a", "ok")]
        return answer.endpoint, it.b.left

    found = played(tmp_path, config(rest=HEDGE), work, a=Part(says("slow", first=3.0)), b=Part(SLOW))
    assert found == ("a", [3.0])


def test_the_loser_is_left_at_the_winners_first_word_and_not_at_its_last(tmp_path):
    async def work(it):
        await it.ask()
        return it.a.left, now()

    b = Part(says("one", "two", "three", pace=1.0))
    left, end = played(tmp_path, config(rest=HEDGE), work, a=Part(SLOW), b=b)
    assert left == [2.0]
    assert end == 5.0


def test_what_the_loser_used_is_estimated_and_counted(tmp_path):
    async def work(it):
        return await it.ask("a prompt of some length, so that it costs something")

    text = config(
        models="{ma: {at: a, price: {input: $1, output: $2}}, mb: {at: b, price: {input: $1, output: $2}}}",
        rest=HEDGE,
    )
    answer = played(tmp_path, text, work, a=Part(SLOW), b=Part())
    lost = answer.attempts[0]
    assert lost.outcome == "hedge_lost"
    assert lost.usage.estimated
    assert lost.usage.input_tokens > 10
    assert answer.cost == sum(each.cost for each in answer.attempts) > answer.attempts[1].cost > 0


def test_a_loser_says_nothing_about_health(tmp_path):
    async def work(it):
        for _ in range(12):
            await it.ask()
        return it.a.calls, it.seen.notices

    text = config(rest=HEDGE + "\nbreaker: {failures: 1, minimum: 1}")
    assert played(tmp_path, text, work, a=Part(SLOW), b=Part()) == (12, [])


@pytest.mark.parametrize(("most", "expected"), [("3%", 3), ("10%", 10)])
def test_no_more_than_the_share_of_calls_is_hedged(tmp_path, most, expected):
    async def one(it, number):
        await asyncio.sleep(number / 10)
        await it.ask()

    async def work(it):
        await asyncio.gather(*(one(it, number) for number in range(100)))
        return it.b.calls

    text = config(each="concurrency: 500", rest=f"hedge: {{after: 2s, max: {most}}}")
    assert played(tmp_path, text, work, a=Part(SLOW), b=Part()) in (expected, expected - 1)


def test_a_call_is_hedged_once(tmp_path):
    async def work(it):
        answer = await it.ask()
        return answer.endpoint, {name: it.parts[name].calls for name in "abcd"}

    late = Part([3.0, BROKEN])
    text = config("abcd", rest=HEDGE + "\nretry: {same: 0, attempts: 10}")
    parts = {"a": late, "b": Part([3.0, BROKEN]), "c": Part(says("fine", first=5.0)), "d": Part()}
    endpoint, calls = played(tmp_path, text, work, **parts)
    assert (endpoint, calls) == ("c", {"a": 1, "b": 1, "c": 1, "d": 0})


def test_a_batch_call_has_time(tmp_path):
    async def work(it):
        return (await it.ask(urgency="batch")).endpoint, it.b.calls

    assert played(tmp_path, config(rest=HEDGE), work, a=Part(SLOW), b=Part()) == ("a", 0)


def test_the_same_endpoint_is_no_help(tmp_path):
    async def work(it):
        answer = await it.ask()
        return answer.model, it.a.calls, it.b.calls

    text = config(
        models="{ma: {at: a}, other: {at: a}, mb: {at: b}}", rules="[{use: [ma, other, mb]}]", rest=HEDGE
    )
    assert played(tmp_path, text, work, a=Part(SLOW), b=Part()) == ("mb", 1, 1)
    text = config("a", models="{ma: {at: a}, other: {at: a}}", rules="[{use: [ma, other]}]", rest=IDLE)
    assert played(tmp_path, text, lambda it: it.ask(), a=Part(SLOW)).model == "ma"


def test_the_places_of_one_model_help_each_other(tmp_path):
    text = config(models="{m: {at: [a, b]}}", rules="[{use: m}]", rest=HEDGE)
    assert played(tmp_path, text, lambda it: it.ask(), a=Part(SLOW), b=Part()).endpoint == "b"


def test_a_hedge_queues_nowhere(tmp_path):
    async def work(it):
        crowd = asyncio.create_task(it.ask(model="mb"))
        await asyncio.sleep(0.1)
        answer = await it.ask()
        await crowd
        return answer.endpoint, it.b.calls

    text = config(each="concurrency: 1", rest=HEDGE)
    assert played(tmp_path, text, work, a=Part(SLOW), b=Part(says("busy", first=30.0))) == ("a", 1)


def test_an_endpoint_that_is_left_alone_is_not_hedged_to(tmp_path):
    async def work(it):
        with pytest.raises(AllAttemptsFailed):
            await it.ask(model="mb")
        return (await it.ask()).endpoint, it.b.calls

    text = config(rest=HEDGE + "\nbreaker: {failures: 1}\nretry: {same: 0}")
    assert played(tmp_path, text, work, a=Part(SLOW), b=Part(BROKEN)) == ("a", 1)


@pytest.mark.parametrize("error", [InvalidRequest("no", status=400), ContentFiltered("no", status=400)])
@pytest.mark.parametrize("who", ["a", "b"])
def test_what_nobody_would_answer_ends_both(tmp_path, error, who):
    async def work(it):
        found = await it.fails()
        assert sorted(outcomes(it.seen.attempts)) == sorted(
            [(who, error.kind), ("b" if who == "a" else "a", "hedge_lost")]
        )
        return found.kind, it.a.calls, it.b.calls, it.c.calls

    late = {"a": Part([3.0, error]), "b": Part(SLOW)} if who == "a" else {"a": Part(SLOW), "b": Part([error])}
    found, seconds = played(tmp_path, config("abc", rest=HEDGE), timed(work), c=Part(), **late)
    assert found == (error.kind, 1, 1, 0)
    assert seconds == (3.0 if who == "a" else 2.0)


def test_a_hedge_that_fails_leaves_the_first_to_answer(tmp_path):
    async def work(it):
        answer = await it.ask()
        return answer.endpoint, outcomes(answer.attempts)

    found = played(tmp_path, config("abc", rest=HEDGE), work, a=Part(SLOW), b=Part(BROKEN), c=Part())
    assert found == ("a", [("b", "server_error"), ("a", "ok")])


def test_a_first_that_fails_leaves_the_hedge_to_answer(tmp_path):
    async def work(it):
        answer = await it.ask()
        return answer.endpoint, outcomes(answer.attempts)

    a, b = Part([3.0, BROKEN]), Part(says("fine", first=5.0))
    found = played(tmp_path, config("abc", rest=HEDGE), work, a=a, b=b, c=Part())
    assert found == ("b", [("a", "server_error"), ("b", "ok")])


def test_when_both_fail_the_call_goes_on_to_the_next(tmp_path):
    async def work(it):
        answer = await it.ask()
        return answer.endpoint, outcomes(answer.attempts)

    text = config("abc", rest=HEDGE + "\nretry: {same: 0}")
    found = played(tmp_path, text, work, a=Part([3.0, BROKEN]), b=Part([2.0, BROKEN]), c=Part())
    assert found == ("c", [("a", "server_error"), ("b", "server_error"), ("c", "ok")])


def test_a_hedge_counts_among_the_attempts(tmp_path):
    async def work(it):
        error = await it.fails()
        return error.kind, it.a.calls, it.b.calls, it.c.calls

    text = config("abc", rest=HEDGE + "\nretry: {same: 0, attempts: 2}")
    parts = {"a": Part([3.0, BROKEN]), "b": Part([3.0, BROKEN]), "c": Part()}
    assert played(tmp_path, text, work, **parts) == ("server_error", 1, 1, 0)
    text = config("ab", rest=HEDGE + "\nretry: {attempts: 1}")
    assert played(tmp_path, text, lambda it: it.ask(), a=Part(SLOW), b=Part()).endpoint == "a"


def test_a_hedge_that_won_and_broke_off_goes_on_to_the_next(tmp_path):
    async def work(it):
        answer = await it.ask()
        return answer.endpoint, outcomes(answer.attempts)

    cut = [TextDelta("half"), StreamInterrupted("cut")]
    found = played(tmp_path, config("abc", rest=HEDGE), work, a=Part(SLOW), b=Part(cut), c=Part())
    assert found == ("c", [("a", "hedge_lost"), ("b", "stream_interrupted"), ("c", "ok")])


def test_a_stream_is_hedged_before_its_first_word_and_not_after(tmp_path):
    async def work(it):
        async with it.router.stream("hello") as reply:
            words = [delta.text async for delta in reply]
        return words, reply.completion.endpoint

    slow_words = [TextDelta("one"), 10.0, TextDelta("two"), DONE]
    found = played(tmp_path, config(rest=HEDGE), work, a=Part(slow_words), b=Part())
    assert found == (["one", "two"], "a")
    found = played(tmp_path, config(rest=HEDGE), work, a=Part(SLOW), b=Part(slow_words))
    assert found == (["one", "two"], "b")


def test_a_caller_who_leaves_takes_both_along(tmp_path):
    async def work(it):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(it.ask(), 3.0)
        assert it.a.left == it.b.left == [3.0]
        return sorted(outcomes(it.seen.attempts)), [each.outcome for each in it.seen.calls]

    found = played(tmp_path, config(rest=HEDGE), work, a=Part(SLOW), b=Part(SLOW))
    assert found == ([("a", "cancelled"), ("b", "cancelled")], ["cancelled"])


def test_the_deadline_takes_both_along(tmp_path):
    async def work(it):
        error = await it.fails(deadline=5.0)
        assert (it.a.running, it.b.running) == (0, 0)
        return error.kind

    found, seconds = played(tmp_path, config(rest=HEDGE), timed(work), a=Part(SLOW), b=Part(SLOW))
    assert found == "deadline_exceeded"
    assert seconds == pytest.approx(5.0)


def test_a_hedge_is_paid_for_by_the_budget_of_its_endpoint(tmp_path):
    async def work(it):
        await it.many(40)
        return it.b.calls

    text = config(each="concurrency: 100", rest=HEDGE + "\nbreaker: off")
    b = Part(RateLimited("slow down", retry_after=0.1))
    assert played(tmp_path, text, work, a=Part(SLOW), b=b) == 10


def test_a_lone_endpoint_is_raced_by_nobody(tmp_path):
    found, seconds = played(tmp_path, config("a", rest=IDLE), timed(lambda it: it.ask()), a=Part(SLOW, OK))
    assert (found.endpoint, seconds) == ("a", 10.0)
