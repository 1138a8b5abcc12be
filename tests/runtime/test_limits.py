"""What bounds a call and an endpoint: rates, places, queues, waits, attempts, and which failures move on."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from support.played import OK, Part, config, now, played, says

from router import AllCircuitsOpen, Shed, TextDelta
from router.core.errors import ContentFiltered, ModelLoading, RateLimited, ServerError
from router.core.events import Done
from router.core.usage import Usage

BROKEN = ServerError("broken", status=500)


def timed(work):
    async def go(it):
        began = now()
        return await work(it), now() - began

    return go


def test_an_endpoint_is_asked_no_more_often_than_its_rate_and_the_rest_goes_elsewhere(tmp_path):
    async def work(it):
        return Counter(each.endpoint for each in await it.many(10))

    text = config(each="concurrency: 50", a="limits: {requests_per_minute: 4}")
    assert played(tmp_path, text, work, a=Part(), b=Part()) == {"a": 4, "b": 6}


def test_without_another_endpoint_a_call_waits_for_its_turn(tmp_path):
    async def work(it):
        for _ in range(8):
            await it.ask()
        return it.a.times

    times = played(tmp_path, config("a", each="limits: {requests_per_minute: 4}"), work, a=Part())
    assert times[:4] == [0.0] * 4
    assert [later - former for former, later in pairwise(times[3:])] == pytest.approx([15.0] * 4)


def test_a_turn_that_is_too_far_away_is_told_at_once(tmp_path):
    async def work(it):
        await it.ask()
        began = now()
        error = await it.fails()
        return error, now() - began

    text = config("a", each="limits: {requests_per_minute: 1}", rest="retry: {wait_alone: 20s}")
    error, seconds = played(tmp_path, text, work, a=Part())
    assert isinstance(error, AllCircuitsOpen)
    assert error.retry_after == pytest.approx(60.0)
    assert "`ma` at `a` has a rate limit" in str(error)
    assert seconds == 0


def test_the_models_of_an_endpoint_share_its_rate(tmp_path):
    async def work(it):
        return [(await it.ask(model=model)).endpoint for model in ("ma", "other", "ma")], await it.fails(
            model="other"
        )

    text = config(
        models="{ma: {at: a, failover: [mb]}, other: {at: a}, mb: {at: b}}",
        rules="[{use: [ma, other, mb]}]",
        a="limits: {requests_per_minute: 2}",
        rest="retry: {wait_alone: 1s}",
    )
    found, error = played(tmp_path, text, work, a=Part(), b=Part())
    assert found == ["a", "a", "b"]
    assert isinstance(error, AllCircuitsOpen)


def test_failed_calls_count_as_well(tmp_path):
    async def work(it):
        for _ in range(6):
            await it.ask()
        return it.a.calls

    text = config(a="limits: {requests_per_minute: 3}", rest="breaker: off\nretry: {same: 0}")
    assert played(tmp_path, text, work, a=Part(BROKEN), b=Part()) == 3


def test_tokens_of_prompts_count_before_they_are_sent(tmp_path):
    async def work(it):
        prompt = "word " * 400  # about 500 tokens
        return [(await it.ask(prompt)).endpoint for _ in range(3)]

    a = Part([TextDelta("fine"), Done("stop", Usage(504, 0))])
    text = config(a="limits: {tokens_per_minute: 1000}")
    assert played(tmp_path, text, work, a=a, b=Part()) == ["a", "b", "b"]


def test_tokens_are_corrected_by_what_was_used(tmp_path):
    async def work(it):
        found = [(await it.ask("short")).endpoint for _ in range(3)]
        for pause in (59, 2):
            await asyncio.sleep(pause)
            found.append((await it.ask("short")).endpoint)
        return found

    a = Part([TextDelta("long"), Done("stop", Usage(10, 1990))])
    text = config(a="limits: {tokens_per_minute: 1000}")
    assert played(tmp_path, text, work, a=a, b=Part()) == [
        "a",
        "b",
        "b",
        "b",
        "a",
    ]  # it owes a minute's worth


def test_tokens_that_were_not_used_are_given_back(tmp_path):
    async def work(it):
        return [(await it.ask("word " * 400)).endpoint for _ in range(4)]

    a = Part([TextDelta("fine"), Done("stop", Usage(10, 10))])
    text = config(a="limits: {tokens_per_minute: 1000}")
    assert played(tmp_path, text, work, a=a, b=Part()) == ["a"] * 4


def test_both_limits_hold(tmp_path):
    async def work(it):
        return [(await it.ask("short")).endpoint for _ in range(3)]

    text = config(a="limits: {requests_per_minute: 2, tokens_per_minute: 1000000}")
    assert played(tmp_path, text, work, a=Part(), b=Part()) == ["a", "a", "b"]


def test_no_more_attempts_than_places_run_at_once_and_the_queue_is_as_long_as_written(tmp_path):
    async def work(it):
        answers = await it.many(10)
        return Counter(type(each).__name__ for each in answers), it.a.most

    text = config("a", each="concurrency: 2, queue: {max: 5, timeout: 60s}")
    found = played(tmp_path, text, work, a=Part(says("well", first=1.0)))
    assert found == ({"Completion": 7, "Shed": 3}, 2)


def test_nobody_waits_in_a_queue_longer_than_written(tmp_path):
    async def work(it):
        first = asyncio.create_task(it.ask())
        await asyncio.sleep(1)
        error = await it.fails()
        waited = now() - 1
        await first
        return error, waited

    text = config("a", each="concurrency: 1, queue: {timeout: 3s}")
    error, waited = played(tmp_path, text, work, a=Part(says("slow", first=9.0)))
    assert isinstance(error, Shed)
    assert error.retryable
    assert waited == pytest.approx(3.0)


def test_a_full_queue_sends_the_next_call_elsewhere(tmp_path):
    async def work(it):
        return Counter(each.endpoint for each in await it.many(5))

    text = config(each="concurrency: 1", a="queue: {max: 2}")
    slow = says("well", first=1.0)
    assert played(tmp_path, text, work, a=Part(slow), b=Part(slow)) == {"a": 3, "b": 2}


def test_urgency_decides_who_is_next(tmp_path):
    async def work(it):
        calls = []
        for urgency in ("normal", "batch", "normal", "high", "critical"):
            calls.append(asyncio.create_task(it.ask(urgency, urgency=urgency)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*calls)
        return [request.messages[0].content for _, request in it.a.asked]

    text = config("a", each="concurrency: 1, queue: {timeout: 60s}")
    found = played(tmp_path, text, work, a=Part(says("well", first=1.0)))
    assert found == ["normal", "critical", "high", "normal", "batch"]


def test_a_rule_says_how_urgent_its_calls_are(tmp_path):
    async def work(it):
        calls = []
        for task in ("chat", "chat", "code"):
            calls.append(asyncio.create_task(it.ask(task, task=task)))
            await asyncio.sleep(0.01)
        await asyncio.gather(*calls)
        return [request.messages[0].content for _, request in it.a.asked]

    text = config(
        "a",
        each="concurrency: 1, queue: {timeout: 60s}",
        rules="[{when: {task: code}, use: ma, urgency: high}, {use: ma}]",
    )
    assert played(tmp_path, text, work, a=Part(says("well", first=1.0))) == ["chat", "code", "chat"]


@pytest.mark.parametrize(("wait", "endpoint", "seconds"), [("5s", "a", 4.0), ("3s", "b", 0.0)])
def test_a_wait_that_was_asked_for_is_kept_up_to_what_is_written(tmp_path, wait, endpoint, seconds):
    a = Part(RateLimited("slow", retry_after=4.0), OK)
    text = config(rest=f"retry: {{wait: {wait}}}")
    answer, took = played(tmp_path, text, timed(lambda it: it.ask()), a=a, b=Part())
    assert answer.endpoint == endpoint
    assert seconds <= took <= seconds * 1.1


@pytest.mark.parametrize(("wait", "ends"), [("90s", True), ("70s", False)])
def test_alone_a_longer_wait_is_kept(tmp_path, wait, ends):
    async def work(it):
        answers = await it.many(1)
        return isinstance(answers[0], RateLimited)

    a = Part(RateLimited("slow", retry_after=80.0), OK)
    text = config("a", rest=f"retry: {{wait_alone: {wait}}}")
    failed, took = played(tmp_path, text, timed(work), a=a)
    assert failed is not ends
    assert (80.0 <= took <= 81.0) if ends else took == 0


@pytest.mark.parametrize(("least", "calls"), [("3s", 1), ("2s", 2)])
def test_no_attempt_begins_with_less_time_than_written(tmp_path, least, calls):
    async def work(it):
        await it.fails(deadline=10.0)
        return it.a.calls

    text = config("a", rest=f"min_left: {least}")
    assert played(tmp_path, text, work, a=Part([7.2, BROKEN])) == calls


@pytest.mark.parametrize(
    ("same", "attempts", "calls"), [(0, 4, (1, 1)), (1, 4, (2, 2)), (2, 4, (3, 1)), (1, 3, (2, 1))]
)
def test_attempts_are_counted_per_place_and_in_all(tmp_path, same, attempts, calls):
    async def work(it):
        await it.fails()
        return it.a.calls, it.b.calls

    text = config(rest=f"retry: {{same: {same}, attempts: {attempts}}}\nbreaker: off")
    assert played(tmp_path, text, work, a=Part(BROKEN), b=Part(BROKEN)) == calls


def test_waits_between_tries_grow_as_written(tmp_path):
    async def work(it):
        await it.fails()
        return [later - former for former, later in pairwise(it.a.times)]

    text = config(
        "a",
        rest="breaker: off\nretry: {same: 5, attempts: 6, backoff: {first: 1s, factor: 3, max: 10s}}",
    )
    gaps = played(tmp_path, text, work, a=Part(BROKEN))
    for gap, longest in zip(gaps, (1.0, 3.0, 9.0, 10.0, 10.0), strict=True):
        assert longest / 2 <= gap <= longest


@pytest.mark.parametrize(
    ("failover", "error", "endpoint"),
    [
        ("{}", ContentFiltered("no", status=400), None),
        ("{also_on: [content_filtered]}", ContentFiltered("no", status=400), "b"),
        ("{never_on: [server_error]}", BROKEN, None),
        ("{never_on: [rate_limited]}", BROKEN, "b"),
    ],
)
def test_the_file_decides_which_failures_move_on(tmp_path, failover, error, endpoint):
    async def work(it):
        answer = (await it.many(1))[0]
        return getattr(answer, "endpoint", None)

    text = config(rest=f"retry: {{same: 0}}\nfailover: {failover}")
    assert played(tmp_path, text, work, a=Part(error), b=Part()) == endpoint


def test_a_failure_that_may_not_move_on_does_not_when_its_breaker_opens_either(tmp_path):
    async def work(it):
        error = await it.fails()
        return error.kind, it.b.calls

    text = config(rest="breaker: {failures: 1, open: 20s}\nfailover: {never_on: [server_error]}")
    assert played(tmp_path, text, work, a=Part(BROKEN), b=Part()) == ("server_error", 0)


def test_a_loading_model_is_polled_until_it_is_there_and_holds_no_place_meanwhile(tmp_path):
    async def work(it):
        first = asyncio.create_task(it.ask())
        await asyncio.sleep(1)
        limiter = next(iter(it.router._engine.here().limiters.values()))
        held = limiter.held
        answer = await first
        return held, len(answer.attempts), max(later - former for former, later in pairwise(it.a.times))

    loading = ModelLoading("loading", status=503)
    held, attempts, gap = played(tmp_path, config("a"), work, a=Part(*[loading] * 6, OK))
    assert (held, attempts) == (0, 7)
    assert gap <= 2.0


def test_a_wait_between_tries_holds_no_place(tmp_path):
    def turn(request):
        limited = [RateLimited("slow down", retry_after=20.0)]
        return OK if request.messages[0].content == "second" else limited

    async def work(it):
        first = asyncio.create_task(it.many(1))
        await asyncio.sleep(0.5)
        answer = await it.ask("second")
        took = now()
        await first
        return answer.content, took

    text = config("a", each="concurrency: 1", rest="breaker: off")
    assert played(tmp_path, text, work, a=Part(turn)) == ("fine", 0.5)


def test_a_user_stays_with_one_model_and_users_are_spread(tmp_path):
    async def work(it):
        first = [(await it.ask(user=f"user-{n}")).model for n in range(200)]
        again = [(await it.ask(user=f"user-{n}")).model for n in range(200)]
        return first, again

    text = config(rules="[{use: {split: {ma: 75, mb: 25}, by: user}}]")
    first, again = played(tmp_path, text, work, a=Part(), b=Part())
    assert first == again
    assert 30 <= Counter(first)["mb"] <= 70
    other, _ = played(tmp_path, text, work, seed=99, a=Part(), b=Part())
    assert other == first  # in every process, whatever its dice


def test_a_split_by_call_draws_every_call(tmp_path):
    async def work(it):
        return Counter([(await it.ask(user="alice")).model for _ in range(400)])

    text = config(rules="[{use: {split: {ma: 75, mb: 25}, by: call}}]")
    found = played(tmp_path, text, work, a=Part(), b=Part())
    assert 60 <= found["mb"] <= 140


def test_checks_that_are_off_ask_nothing(tmp_path):
    class Probed(Part):
        probes = 0

        async def probe(self):
            self.probes += 1
            return "up"

    async def work(it):
        await it.ask()
        await asyncio.sleep(300)
        return it.a.probes, it.b.probes

    text = config(a="health: off", b="health: {every: 10s}")
    off, on = played(tmp_path, text, work, a=Probed(), b=Probed())
    assert off == 0
    assert on >= 4
