"""Several credentials of one endpoint: which one a call goes out under, on the wire too."""

from __future__ import annotations

import asyncio

import pytest
from support.faults import run
from support.played import OK, Part, config, now, played
from support.wall import answer, said, wall

from router import load_router
from router.core.errors import Authentication, InvalidRequest, QuotaExhausted, RateLimited, ServerError

ENV = {"K1": "first-key", "K2": "second-key", "K3": "third-key"}
THREE = 'keys: ["${env:K1}", "${env:K2}", "${env:K3}"]'
TWO = 'keys: ["${env:K1}", "${env:K2}"]'
REFUSED = Authentication("no", status=401)
EMPTY = QuotaExhausted("empty", status=402)


def limited(seconds=None):
    return RateLimited("slow down", status=429, retry_after=seconds)


def by_key(*turns):
    """Return a part that plays a turn of its own for each credential."""
    return Part(lambda request: turns[request.key])


def play(tmp_path, text, work, **parts):
    return played(tmp_path, text, work, env=ENV, **parts)


@pytest.mark.parametrize("error", [REFUSED, EMPTY, limited(), limited(120.0)])
def test_the_next_key_is_tried_at_once(tmp_path, error):
    async def work(it):
        answer = await it.ask()
        return answer.endpoint, it.a.keys, now(), [each.outcome for each in answer.attempts]

    found = play(tmp_path, config(a=TWO), work, a=by_key([error], OK), b=Part())
    assert found == ("a", [0, 1], 0.0, [error.kind, "ok"])


@pytest.mark.parametrize(("error", "seconds"), [(REFUSED, 230), (EMPTY, 230), (limited(60.0), 59)])
def test_a_key_that_failed_is_left_alone_by_all_calls_and_comes_back(tmp_path, error, seconds):
    async def work(it):
        for _ in range(3):
            await it.ask()
        await asyncio.sleep(seconds)
        await it.ask()
        early = it.a.keys
        await asyncio.sleep(140)
        it.a.turns[:] = [OK]
        for _ in range(3):
            await it.ask()
        return early, it.a.keys[len(early) :]

    early, late = play(tmp_path, config(a=TWO), work, a=by_key([error], OK), b=Part())
    assert early == [0, 1, 1, 1, 1]
    assert late == [0, 0, 0]


def test_keys_are_used_in_the_order_of_the_file(tmp_path):
    async def work(it):
        for _ in range(5):
            await it.ask()
        return it.a.keys

    assert play(tmp_path, config(a=THREE), work, a=Part(), b=Part()) == [0] * 5


def test_when_every_key_failed_the_next_candidate_is_tried(tmp_path):
    async def work(it):
        answers = [await it.ask(), await it.ask()]
        return [each.endpoint for each in answers], it.a.keys, it.seen.turns("open")

    found = play(tmp_path, config(a=THREE), work, a=Part(REFUSED), b=Part())
    assert found == (["b", "b"], [0, 1, 2], ["key 1 of `a`", "key 2 of `a`", "key 3 of `a`"])


def test_attempts_bound_the_rotation_as_well(tmp_path):
    async def work(it):
        error = await it.fails()
        return error.kind, it.a.keys, it.b.calls

    text = config(a=THREE, rest="retry: {attempts: 2}")
    assert play(tmp_path, text, work, a=Part(REFUSED), b=Part()) == ("authentication", [0, 1], 0)


@pytest.mark.parametrize("error", [ServerError("broken", status=500), InvalidRequest("no", status=400)])
def test_what_is_not_the_keys_fault_does_not_change_the_key(tmp_path, error):
    async def work(it):
        await it.many(1)
        return set(it.a.keys)

    assert play(tmp_path, config(a=TWO), work, a=Part(error), b=Part()) == {0}


def test_a_rate_limit_is_the_keys_for_one_model_and_a_refusal_for_all(tmp_path):
    models = "{ma: {at: a}, other: {at: a}, mb: {at: b}}"

    async def work(it):
        await it.ask(model="ma")
        it.a.turns[:] = [OK]
        await it.ask(model="other")
        await it.ask(model="ma")
        return it.a.keys

    text = config(a=TWO, models=models, rules="[{use: [ma, other, mb]}]")
    assert play(tmp_path, text, work, a=by_key([limited(50.0)], OK), b=Part()) == [0, 1, 0, 1]
    assert play(tmp_path, text, work, a=by_key([REFUSED], OK), b=Part()) == [0, 1, 1, 1]


def test_two_endpoints_with_the_same_key_share_its_fate(tmp_path):
    async def work(it):
        await it.ask()
        return it.a.calls, it.b.calls, it.c.calls

    text = config("abc", a='key: "${env:K1}"', b='key: "${env:K1}"', c='key: "${env:K2}"')
    assert play(tmp_path, text, work, a=Part(REFUSED), b=Part(), c=Part()) == (1, 0, 1)


def test_calls_at_once_try_a_bad_key_and_all_get_their_answer(tmp_path):
    async def work(it):
        answers = await it.many(20)
        it.a.asked.clear()
        await it.many(20)
        return {each.endpoint for each in answers}, set(it.a.keys)

    a = Part(lambda request: [0.1, REFUSED] if request.key == 0 else OK)
    text = config(a=TWO, each="concurrency: 50")
    assert play(tmp_path, text, work, a=a, b=Part()) == ({"a"}, {1})


def test_keys_rotate_without_breakers_too(tmp_path):
    async def work(it):
        for _ in range(3):
            assert (await it.ask()).endpoint == "a"
        return it.a.keys

    text = config(a=TWO, rest="breaker: off")
    assert play(tmp_path, text, work, a=by_key([REFUSED], OK), b=Part()) == [0, 1, 1, 1]


def test_the_exhausted_budget_of_further_tries_stops_no_rotation(tmp_path):
    async def work(it):
        await it.many(30)
        it.a.turns[:] = [lambda request: [REFUSED] if request.key == 0 else OK]
        it.a.asked.clear()
        answer = await it.ask()
        return answer.endpoint, it.a.keys

    text = config(a=TWO, each="concurrency: 50", rest="breaker: off")
    found = play(tmp_path, text, work, a=Part(ServerError("broken", status=500)), b=Part())
    assert found == ("a", [0, 1])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}),
        (429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
        (429, {"error": {"message": "no more money", "code": "insufficient_quota"}}),
        (402, {"error": {"message": "payment required"}}),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_each_request_carries_its_own_key_and_no_message_does(tmp_path, status, body, live):
    bearers = []

    async def door(asked, writer):
        bearers.append(asked.headers["authorization"])
        good = bearers[-1] == "Bearer second-key"
        await (answer(body=said("from the second")) if good else answer(status, body))(asked, writer)

    async def go():
        async with wall(door) as server:
            file = tmp_path / "router.yaml"
            file.write_text(config("a", a=f'url: "{server.url}/v1", {TWO}'), encoding="utf-8")
            async with load_router(file, env=ENV) as router:
                if live:
                    async with router.stream("hello") as reply:
                        text = "".join([delta.text async for delta in reply])
                    done = reply.completion
                    assert text == "from the second"
                else:
                    done = await router.complete("hello")
                await router.complete("again")
        assert bearers == ["Bearer first-key", "Bearer second-key", "Bearer second-key"]
        assert [each.status for each in done.attempts] == [status, None]
        assert not any(key in repr(done) + repr(router.models()) for key in ENV.values())

    run(go)


def test_without_a_key_no_bearer_is_sent(tmp_path):
    async def go():
        async with wall(answer(body=said())) as server:
            file = tmp_path / "router.yaml"
            file.write_text(config("a", a=f'url: "{server.url}/v1"'), encoding="utf-8")
            async with load_router(file, env={}) as router:
                await router.complete("hello")
            assert "authorization" not in server.asked[0].headers

    run(go)
