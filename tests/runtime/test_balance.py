"""Which of a model's places a call goes to: every word of `balance`, and `weight`."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from support.played import OK, Part, config, played, says

from router.core.errors import Authentication, RateLimited, ServerError

BROKEN = ServerError("broken", status=500)


def places(how, names="abc", **more):
    """Return a model at several endpoints."""
    return "{{m: {{at: {{{}}}, balance: {}}}}}".format(
        ", ".join(f"{n}: {more.get(n, '{}')}" for n in names), how
    )


def balanced(how, names="abc", each="concurrency: 100", rest="", **own):
    return config(names, each=each, models=places(how, names, **own), rules="[{use: m}]", rest=rest)


def parts(names="abc", *turns):
    return {name: Part(*turns) for name in names}


async def spread(it, calls):
    return Counter([(await it.ask()).endpoint for _ in range(calls)])


def test_without_a_word_the_first_place_answers(tmp_path):
    text = config("ab", models="{m: {at: [a, b]}}", rules="[{use: m}]")
    assert played(tmp_path, text, lambda it: spread(it, 20), **parts("ab")) == {"a": 20}


def test_ordered_goes_down_the_list_when_a_place_fails(tmp_path):
    found = played(
        tmp_path,
        balanced("ordered", rest="retry: {same: 0}"),
        lambda it: spread(it, 20),
        a=Part(BROKEN),
        b=Part(),
        c=Part(),
    )
    assert found == {"b": 20}


def test_weighted_shares_calls_out_by_weight(tmp_path):
    text = balanced("weighted", a="{weight: 6}", b="{weight: 3}", c="{weight: 1}")
    found = played(tmp_path, text, lambda it: spread(it, 1000), **parts())
    assert 540 <= found["a"] <= 660
    assert 250 <= found["b"] <= 350
    assert 60 <= found["c"] <= 140


def test_weighted_places_without_a_weight_are_equal(tmp_path):
    found = played(tmp_path, balanced("weighted"), lambda it: spread(it, 900), **parts())
    assert all(240 <= found[name] <= 360 for name in "abc")


def test_a_weighted_place_that_fails_leaves_its_share_to_the_others(tmp_path):
    async def work(it):
        return await spread(it, 300)

    found = played(
        tmp_path,
        balanced("weighted", a="{weight: 90}", rest="retry: {same: 0}"),
        work,
        a=Part(BROKEN),
        b=Part(),
        c=Part(),
    )
    assert found["a"] == 0
    assert 110 <= found["b"] <= 190


def test_the_least_busy_place_is_the_one_with_most_room(tmp_path):
    async def work(it):
        answers = await it.many(18)
        return Counter(each.endpoint for each in answers)

    text = config(
        "ab",
        models="{m: {at: [a, b], balance: least_busy}}",
        rules="[{use: m}]",
        a="concurrency: 12",
        b="concurrency: 6",
    )
    slow = says("well", first=1.0)
    assert played(tmp_path, text, work, **parts("ab", slow)) == {"a": 12, "b": 6}


def test_a_place_is_busy_with_the_calls_of_other_models_too(tmp_path):
    async def work(it):
        others = [asyncio.create_task(it.ask(model="other")) for _ in range(4)]
        await asyncio.sleep(0.1)
        found = [(await it.ask()).endpoint for _ in range(3)]
        await asyncio.gather(*others)
        return found

    text = config(
        "ab",
        each="concurrency: 8",
        models="{other: {at: a}, m: {at: [a, b], balance: least_busy}}",
        rules="[{use: m}]",
    )
    a = Part(lambda request: says("well", first=30.0 if request.model == "other" else 0.0))
    assert played(tmp_path, text, work, a=a, b=Part()) == ["b", "b", "b"]


def test_calls_that_wait_make_a_place_busy(tmp_path):
    async def work(it):
        calls = [asyncio.create_task(it.ask()) for _ in range(12)]
        await asyncio.gather(*calls)
        return it.a.calls, it.b.calls

    text = config(
        "ab",
        each="concurrency: 2, queue: {max: 50, timeout: 60s}",
        models="{m: {at: [a, b], balance: least_busy}}",
        rules="[{use: m}]",
    )
    assert played(tmp_path, text, work, **parts("ab", says("well", first=1.0))) == (6, 6)


def test_the_fastest_place_gets_the_calls(tmp_path):
    found = played(
        tmp_path,
        balanced("fastest"),
        lambda it: spread(it, 100),
        a=Part(says("well", first=2.0)),
        b=Part(says("well", first=0.2)),
        c=Part(says("well", first=1.0)),
    )
    assert found["b"] >= 90
    assert found["a"] >= 1  # each is tried once


def test_the_fastest_place_with_a_crowd_is_relieved_by_the_others(tmp_path):
    async def work(it):
        await spread(it, 3)
        return Counter(each.endpoint for each in await it.many(30))

    found = played(
        tmp_path,
        balanced("fastest"),
        work,
        a=Part(says("well", first=2.0)),
        b=Part(says("well", first=1.0)),
        c=Part(says("well", first=1.0)),
    )
    assert found["b"] >= found["a"] >= 3
    assert found["c"] >= found["a"]


@pytest.mark.parametrize("kind", ["failure", "trip", "cooldown"])
def test_a_place_that_fails_fast_is_not_the_fastest(tmp_path, kind):
    error = {"failure": BROKEN, "trip": Authentication("no", status=401), "cooldown": RateLimited("slow")}[
        kind
    ]

    async def work(it):
        for _ in range(200):
            await it.ask()
        return it.a.calls

    text = balanced("fastest", "ab", rest="breaker: off\nretry: {same: 0}")
    asked = played(tmp_path, text, work, a=Part(error), b=Part(says("well", first=0.5)))
    assert asked <= 4


def test_a_place_that_keeps_silent_is_not_the_fastest(tmp_path):
    async def work(it):
        for _ in range(20):
            await it.ask()
        return it.a.calls

    text = balanced("fastest", "ab", each="timeout: 5s", rest="breaker: off")
    assert played(tmp_path, text, work, a=Part([1000.0]), b=Part(says("well", first=0.5))) <= 2


def test_the_cheapest_place_comes_first(tmp_path):
    text = balanced(
        "cheapest",
        a="{price: {input: $3, output: $15}}",
        b="{price: {input: $1, output: $5}}",
        c="{price: free}",
        rest="retry: {same: 0}",
    )
    found = played(tmp_path, text, lambda it: spread(it, 10), a=Part(), b=Part(), c=Part(OK, BROKEN))
    assert found == {"c": 1, "b": 9}


def test_a_call_that_names_its_model_is_balanced_too(tmp_path):
    async def work(it):
        return Counter([(await it.ask(model="m")).endpoint for _ in range(300)])

    found = played(tmp_path, balanced("weighted", "ab"), work, **parts("ab"))
    assert 110 <= found["a"] <= 190


def test_only_the_places_of_one_model_change_order(tmp_path):
    async def count(it):
        found = Counter()
        for _ in range(60):
            found[tuple(each.endpoint for each in (await it.fails()).attempts)] += 1
        return found

    text = config(
        "abcd",
        models="{first: {at: [a, b], balance: weighted}, second: {at: [c, d]}}",
        rules="[{use: [first, second]}]",
        rest="breaker: off\nretry: {same: 0}",
    )
    found = played(tmp_path, text, count, **parts("abcd", BROKEN))
    assert set(found) == {("a", "b", "c", "d"), ("b", "a", "c", "d")}
