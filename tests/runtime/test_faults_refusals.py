"""What refuses or breaks off at once, on real sockets: F01-F09, F22-F27 of the list of faults."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from support.faults import SLACK, JumpClock, outcomes, run, world
from support.wall import Hangup, answer, loading, reset, said

from router import ContentFiltered, RateLimited
from router.providers import _transport

pytestmark = pytest.mark.usefixtures("carried")

OK = answer(body=said("from b"))
GOOD = answer(body=said("from a"))
LIMITED = answer(429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}})


def refusal(status, code, text="no", kind=None):
    return answer(status, {"error": {"message": text, "type": kind, "code": code}})


def gap(server):
    return server.asked[1].at - server.asked[0].at


def test_f01_a_retry_after_is_kept_and_the_same_endpoint_answers(tmp_path):
    async def go():
        async with world(tmp_path, a=[answer(429, headers={"retry-after": "2"}), GOOD], b=OK) as it:
            done = await it.ask()
            assert it.attempts == (2, 0)
            assert 2.0 <= gap(it.walls["a"]) <= 2.3 + SLACK
            assert outcomes(done.attempts) == [("a", "rate_limited"), ("a", "ok")]
            assert done.content == "from a"
            assert [each.cost > 0 for each in done.attempts] == [False, True]
            assert outcomes(it.seen.attempts) == outcomes(done.attempts)
            assert not it.seen.notices
            assert (await it.ask()).endpoint == "a"

    run(go)


def test_f02_a_rate_limit_without_a_time_cools_the_endpoint_for_a_second(tmp_path):
    async def go():
        async with world(tmp_path, a=LIMITED, b=OK, clock=JumpClock()) as it:
            assert (await it.ask()).content == "from b"
            first = it.attempts
            assert first[0] <= 2
            assert first[1] == 1
            assert (await it.ask()).content == "from b"
            assert it.attempts == (first[0], 2)
            it.skip(1.0)
            await it.ask()
            assert it.attempts[0] > first[0]
            assert not it.seen.notices

    run(go)


def test_f04_a_long_retry_after_without_another_endpoint_is_told_at_once(tmp_path):
    async def go():
        limited = answer(429, headers={"retry-after": "120"})
        async with world(tmp_path, a=limited) as it:
            with pytest.raises(RateLimited) as caught:
                await it.ask(deadline=30)
            assert it.seen.calls[0].ms < 1000
            assert 118 <= caught.value.retry_after <= 120
            assert caught.value.retryable
            assert outcomes(caught.value.attempts) == [("a", "rate_limited")]

    run(go)


@pytest.mark.parametrize(
    "exhausted",
    [
        refusal(429, "insufficient_quota"),
        refusal(429, "credit_balance_exhausted"),
        refusal(429, "organization_spend_limit_exceeded"),
        refusal(429, "project_spend_limit_exceeded"),
        refusal(429, "organization_usage_limit_exceeded"),
        refusal(429, "enforced_spend_limit_reached"),
        answer(
            429,
            {
                "error": {
                    "type": "rate_limit_error",
                    "details": {"error_code": "enforced_spend_limit_reached"},
                }
            },
        ),
        refusal(402, None),
        refusal(400, None, kind="billing_error"),
        refusal(429, None, "You exceeded your current quota, please check your plan"),
    ],
)
def test_f06_an_empty_account_is_left_alone_for_five_minutes(tmp_path, exhausted):
    async def go():
        async with world(tmp_path, a=[exhausted, GOOD], b=OK, clock=JumpClock()) as it:
            done = await it.ask()
            assert it.attempts == (1, 1)
            assert outcomes(done.attempts) == [("a", "quota_exhausted"), ("b", "ok")]
            it.skip(300 * 0.8 - 1)  # the time is spread by a fifth, so that not all come back at once
            assert (await it.ask()).endpoint == "b"
            assert it.attempts == (1, 2)
            it.skip(300 * 0.4 + 2)
            assert (await it.ask()).endpoint == "a"
            assert it.seen.turns("open") == ["key 1 of `a`"]

    run(go)


def test_f07_a_server_error_is_tried_again_after_a_short_wait(tmp_path):
    async def go():
        async with world(tmp_path, a=[answer(500), GOOD], b=OK) as it:
            assert (await it.ask()).content == "from a"
            assert it.attempts == (2, 0)
            assert 0.25 <= gap(it.walls["a"]) <= 0.5 + SLACK

    run(go)


@pytest.mark.parametrize("seed", range(6))
def test_f08_a_dead_endpoint_is_left_alone_and_used_again_soon_after_it_heals(tmp_path, seed):
    async def go():
        clock = JumpClock()
        healed = []

        async def flaky(asked, writer):
            await (GOOD if healed else answer(503))(asked, writer)

        async with world(tmp_path, a=flaky, b=OK, clock=clock, seed=seed) as it:
            began = clock.now()
            back = None
            for number in range(23):
                clock.ahead += max(0.0, began + 4 * number - clock.now())
                if 4 * number >= 60 and not healed:
                    healed.append(it.attempts[0])
                done = await it.ask()
                if done.endpoint == "a" and back is None:
                    back = clock.now() - began - 60
            assert [each.outcome for each in it.seen.calls] == ["ok"] * 23
            assert healed[0] <= 10
            # Only the first call waits for a further try; once the breaker is open nobody waits for the endpoint.
            assert [each.ms < 250 for each in it.seen.calls] == [False, *[True] * 22]
            assert 0 <= back <= 30
            assert it.seen.turns("closed") == [it.seen.turns("open")[0]]

    run(go)


def test_f09_a_reset_before_the_answer_is_tried_again_at_once(tmp_path):
    async def go():
        async with world(tmp_path, a=[reset, GOOD], b=OK) as it:
            done = await it.ask()
            assert outcomes(done.attempts) == [("a", "connection_lost"), ("a", "ok")]
            assert it.attempts == (2, 0)
            assert done.ms < 1000

    run(go)


def test_f09_connections_that_went_stale_use_up_no_further_tries(tmp_path):
    async def go():
        async def once(asked, writer):
            await GOOD(asked, writer)
            raise Hangup

        async with world(tmp_path, a=[reset, once] * 15, b=OK, rest="breaker: off") as it:
            for _ in range(15):
                assert (await it.ask()).endpoint == "a"
            assert it.attempts == (30, 0)
            assert not it.seen.notices

    run(go)


def test_an_idle_connection_is_given_up_before_the_server_does_it(tmp_path, monkeypatch):
    assert _transport.KEEP_ALIVE < 5
    monkeypatch.setattr(_transport, "KEEP_ALIVE", 0.3)

    async def go():
        async with world(tmp_path, a=GOOD) as it:
            await it.ask()
            await it.ask()
            assert it.walls["a"].accepted == 1
            await asyncio.sleep(0.4)
            await it.ask()
            assert it.walls["a"].accepted == 2

    run(go)


def test_f22_a_prompt_that_is_too_long_goes_to_a_larger_window_alone(tmp_path):
    async def go():
        long = refusal(400, "context_length_exceeded", "This model's maximum context length is 4096 tokens")
        context = {"ma": ", context: 4096", "mb": ", context: 2048", "mc": ", context: 32768"}
        larger = answer(body=said("from c"))
        async with world(tmp_path, a=long, b=OK, c=larger, model=context) as it:
            done = await it.ask()
            assert it.attempts == (1, 0, 1)
            assert outcomes(done.attempts) == [("a", "context_length"), ("c", "ok")]
            assert not it.seen.notices

    run(go)


def test_f24_what_a_filter_refuses_is_told_and_asked_nowhere_else(tmp_path):
    async def go():
        text = "Your request was rejected as a result of our safety system."
        filtered = refusal(400, "content_policy_violation", text)
        async with world(tmp_path, a=[*[filtered] * 4, GOOD], b=OK) as it:
            for _ in range(4):
                with pytest.raises(ContentFiltered, match=text):
                    await it.ask()
            assert it.attempts == (4, 0)
            assert (await it.ask()).endpoint == "a"
            assert not it.seen.notices

    run(go)


def test_f25_a_refused_key_closes_every_endpoint_it_is_for(tmp_path):
    async def go():
        key = "sk-live-0123456789abcdef"
        wrong = refusal(401, "invalid_api_key", f"Incorrect API key provided: {key}")
        keys = {"a": key, "b": key}
        async with world(tmp_path, a=wrong, b=OK, c=answer(body=said("from c")), keys=keys) as it:
            for _ in range(3):
                assert (await it.ask()).content == "from c"
            assert it.attempts == (1, 0, 3)
            assert it.seen.turns("open") == ["key 1 of `a`"]
            assert key not in repr(it.seen.notices) + repr(it.seen.calls)

    run(go)


def test_f26_a_model_that_is_not_there_closes_nothing_but_itself(tmp_path):
    async def go():
        async def some(asked, writer):
            gone = refusal(404, "model_not_found", "no such model")
            await (gone if asked.json["model"] == "ma" else GOOD)(asked, writer)

        # A second model at the first endpoint.
        other = "}\n  other: {at: a, price: free"
        rules = "[{when: {task: code}, use: other}, {use: [ma, mb]}]"
        async with world(tmp_path, a=some, b=OK, model={"ma": other}, rules=rules) as it:
            assert (await it.ask()).endpoint == "b"
            assert it.attempts == (1, 1)
            assert (await it.ask()).endpoint == "b"
            assert (await it.ask(task="code")).endpoint == "a"
            assert it.attempts == (2, 2)
            assert it.seen.turns("open") == ["`ma` at `a`"]

    run(go)


def test_f27_a_loading_model_is_waited_for(tmp_path):
    async def go():
        clock = JumpClock()
        began = []

        async def loads(asked, writer):
            began.append(clock.now())
            ready = clock.now() - began[0] >= 6
            await (GOOD if ready else loading())(asked, writer)

        async with world(tmp_path, a=loads, clock=clock) as it:
            done = await it.ask()
            assert 6000 <= done.ms <= 8000 + 1000 * SLACK
            at = [each.at_ms for each in done.attempts]
            assert all(later - former <= 2000 + 1000 * SLACK for former, later in pairwise(at))
            assert {each.outcome for each in done.attempts[:-1]} == {"model_loading"}
            assert not it.seen.notices

    run(go)


def test_f27_nobody_waits_for_a_loading_model_while_another_is_ready(tmp_path):
    async def go():
        async with world(tmp_path, a=loading(), b=OK) as it:
            done = await it.ask()
            assert outcomes(done.attempts) == [("a", "model_loading"), ("b", "ok")]
            assert done.ms < 1000
            assert not it.seen.notices

    run(go)
