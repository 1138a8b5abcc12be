"""Many calls at once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from support.played import DONE, Part, config, played, says

from router import InvalidCall, Message, RateLimited, Shed, SyncRouter, TextDelta


def echo(pace=1.0):
    return Part(lambda request: [pace, TextDelta(request.messages[-1].text), DONE])


def texts(results):
    return [each.completion.text if each.completion else each.error.__class__.__name__ for each in results]


async def all_of(stage, calls, **options):
    return [each async for each in stage.router.complete_many(calls, **options)]


def test_answers_come_in_the_order_of_the_calls_however_long_each_takes(tmp_path):
    slow_first = Part(
        lambda request: [
            10.0 / (1 + int(request.messages[-1].text)),
            TextDelta(request.messages[-1].text),
            DONE,
        ]
    )

    async def work(stage):
        results = await all_of(stage, [str(number) for number in range(9)], concurrency=3)
        assert texts(results) == [str(number) for number in range(9)]
        assert [each.index for each in results] == list(range(9))
        assert stage.a.most == 3

    played(tmp_path, config("a", each="concurrency: 8"), work, a=slow_first)


def test_exact_duplicates_are_asked_once(tmp_path):
    async def work(stage):
        same = [Message.user("same")]
        calls = ["same", {"prompt": "same"}, {"messages": "same", "temperature": 0.5}, same, same]
        results = await all_of(stage, calls, concurrency=2)
        assert texts(results) == ["same"] * 5
        assert [each.same_as for each in results] == [None, 0, None, None, 3]
        assert stage.a.calls == 3

    played(tmp_path, config("a"), work, a=echo())


def test_a_call_that_fails_ends_none_of_the_others(tmp_path):
    part = Part(
        lambda request: [RateLimited("no") if "2" in request.messages[-1].text else TextDelta("ok"), DONE]
    )

    async def work(stage):
        results = await all_of(stage, ["1", "2", {"prompt": "3", "task": "poetry"}, {"task": "code"}, 7, "6"])
        expected = ["ok", "RateLimited", "InvalidCall", "InvalidCall", "InvalidCall", "ok"]
        assert texts(results) == expected

    played(tmp_path, config("a", rest="retry: {attempts: 1}"), work, a=part)


def test_calls_are_taken_as_they_are_needed(tmp_path):
    taken = []

    def calls():
        for number in range(1000):
            taken.append(number)
            yield str(number)

    async def work(stage):
        async with aclosing(stage.router.complete_many(calls(), concurrency=2)) as results:
            async for _ in results:
                break
        assert len(taken) <= 10

    played(tmp_path, config("a"), work, a=echo())  # which sees to it that nothing is left under way


def test_they_stand_behind_all_others_and_go_on_asking_where_the_queue_is_full(tmp_path):
    async def work(stage):
        results = await all_of(stage, [str(number) for number in range(12)], concurrency=12)
        assert texts(results) == [str(number) for number in range(12)]
        assert stage.a.most == 1

    played(tmp_path, config("a", each="concurrency: 1, queue: {max: 1, timeout: 2s}"), work, a=echo(5.0))


def test_a_place_that_never_comes_is_an_error_in_the_end(tmp_path):
    async def work(stage):
        stuck = asyncio.ensure_future(stage.ask("stuck", deadline=5000.0))
        results = await all_of(stage, ["one"])
        assert isinstance(results[0].error, Shed)
        stuck.cancel()

    text = config(
        "a", each="concurrency: 1, timeout: 5000s, queue: {max: 1, timeout: 2s}", rest="deadline: 5000s"
    )
    played(tmp_path, text, work, a=Part(says("never", first=4000.0)))


@pytest.mark.parametrize("wrong", [0, -1, True, "4", 1.5])
def test_a_concurrency_that_is_none_is_refused(wrong, tmp_path):
    async def work(stage):
        with pytest.raises(InvalidCall, match="concurrency"):
            await all_of(stage, ["one"], concurrency=wrong)

    played(tmp_path, config("a"), work, a=echo())


def test_the_blocking_face_has_it_too(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text("version: 1\nendpoints: {a: {kind: mock}}\nmodels: {m: {at: a}}\nrules: [{use: m}]\n")
    with SyncRouter(file) as router:
        assert texts(router.complete_many(["one", "two"])) == [
            "[Mock m Response] one",
            "[Mock m Response] two",
        ]
        for _ in router.complete_many(["one", "two", "three"], concurrency=1):
            break  # leaving early harms nobody
        assert router.complete("four").text == "[Mock m Response] four"
