"""Time that is over, callers who leave, and crowds, on real sockets: F29-F44 of the list of faults."""

from __future__ import annotations

import asyncio
import gzip
import random
import time
import tracemalloc

import pytest
from support.faults import SLACK, JumpClock, outcomes, run, tokens, world
from support.wall import after, answer, mute, piece, said, stream

from router import DeadlineExceeded, Shed, load_router
from router.testing import ScriptedProvider, run_virtual

pytestmark = pytest.mark.usefixtures("carried")

OK = answer(body=said("from b"))
GOOD = answer(body=said("from a"))
MIB = 2**20


def gzip_bomb():
    """Return 300 MB of zeros, packed."""
    packer = gzip.zlib.compressobj(9, wbits=31)
    zeros = bytes(MIB)
    return b"".join([*(packer.compress(zeros) for _ in range(300)), packer.flush()])


async def endless(_, writer):
    """Send one line that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: ")
    while True:
        writer.write(bytes(65536))
        await writer.drain()


@pytest.mark.parametrize(
    ("bomb", "outcome"),
    [
        (answer(200, gzip_bomb(), {"content-encoding": "gzip"}), "malformed_response"),
        (endless, "response_too_large"),
    ],
)
def test_f29_an_answer_that_unfolds_without_end_takes_no_memory(tmp_path, bomb, outcome):
    async def go():
        async with world(tmp_path, a=bomb, b=OK) as it:
            await it.router.complete("hello", model="mb")
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            try:
                done = await it.ask()
                most = tracemalloc.get_traced_memory()[1] - before
            finally:
                tracemalloc.stop()
            assert done.content == "from b"
            assert {each.outcome for each in done.attempts[:-1]} == {outcome}
            assert most < 20 * MIB

    run(go)


def test_f31_a_deadline_holds_over_all_attempts(tmp_path):
    async def go():
        slow = after(0.7, answer(500))
        async with world(tmp_path, a=slow, b=slow) as it:
            with pytest.raises(DeadlineExceeded) as caught:
                await it.ask(deadline=1.0)
            assert 1.0 <= it.seen.calls[0].ms / 1000 <= 1.05 + SLACK
            assert it.attempts == (1, 1)
            assert outcomes(caught.value.attempts) == [("a", "server_error"), ("b", "deadline_exceeded")]
            assert await it.walls["b"].empties(0.1 + SLACK)
            assert [each.running for each in it.walls.values()] == [0, 0]

    run(go)


@pytest.mark.parametrize("live", [False, True])
def test_f32_a_caller_who_leaves_takes_the_attempt_along(tmp_path, live):
    async def go():
        async with world(tmp_path, a=[mute, GOOD], b=OK, endpoint="concurrency: 1") as it:
            call = asyncio.create_task(it.router.stream("hello").__aenter__() if live else it.ask())
            await asyncio.sleep(0.5)
            assert it.walls["a"].running == 1
            left = time.monotonic()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await it.walls["a"].empties(0.1 + SLACK)
            assert it.walls["a"].left[0] - left <= 0.1 + SLACK
            assert [each.outcome for each in it.seen.attempts] == ["cancelled"]
            assert [each.outcome for each in it.seen.calls] == ["cancelled"]
            assert (await it.ask()).endpoint == "a"  # its place is free again, and its health is unharmed
            assert it.attempts == (2, 0)
            assert not it.seen.notices

    run(go)


def test_f32_callers_who_leave_never_open_a_breaker(tmp_path):
    async def go():
        async with world(tmp_path, a=[*[mute] * 5, GOOD], b=OK) as it:
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(it.ask(), 0.05)
            assert (await it.ask()).endpoint == "a"
            assert not it.seen.notices

    run(go)


def test_f40_an_urgent_call_goes_first_and_the_youngest_in_the_queue_goes(tmp_path):
    async def go():
        async with world(
            tmp_path, a=after(0.15, GOOD), endpoint="concurrency: 2, queue: {max: 16, timeout: 20s}"
        ) as it:
            shed, served = [], []

            async def one(name, urgency):
                began = time.perf_counter()
                try:
                    await it.ask(name, urgency=urgency)
                except Shed as error:
                    shed.append((name, error, time.perf_counter() - began))
                else:
                    served.append(name)

            async with asyncio.TaskGroup() as group:
                for number in range(30):
                    group.create_task(one(number_of(number), "normal"))
                await asyncio.sleep(0.05)
                assert [name for name, _, _ in shed] == [number_of(each) for each in range(18, 30)]
                assert sorted(seconds for _, _, seconds in shed)[6] < 0.005
                group.create_task(one("critical", "critical"))
            assert [name for name, _, _ in shed[12:]] == [number_of(17)]
            assert all(error.retry_after > 0 and error.retryable for _, error, _ in shed)
            asked = [each.json["messages"][0]["content"] for each in it.walls["a"].asked]
            wanted = [
                number_of(0),
                number_of(1),
                "critical",
                *[number_of(each) for each in range(2, 17)],
            ]
            # Two go out at once, on two connections: which the wall reads first is its own affair.
            assert [set(pair) for pair in batched(asked)] == [set(pair) for pair in batched(wanted)]
            assert sorted(served) == sorted(asked)
            assert it.walls["a"].most == 2

    run(go)


def batched(names):
    return [names[at : at + 2] for at in range(0, len(names), 2)]


def number_of(number):
    return f"call {number}"


def test_f41_one_probe_at_a_time_finds_out_whether_an_endpoint_is_well_again(tmp_path):
    async def go():
        async with world(
            tmp_path,
            a=[*[answer(500)] * 3, after(0.5, GOOD)],
            b=OK,
            clock=JumpClock(),
            endpoint="concurrency: 64, queue: {timeout: 60s}",
            rest="retry: {same: 0}",
        ) as it:
            for _ in range(3):
                assert (await it.ask()).endpoint == "b"
            assert it.seen.turns("open") == ["`ma` at `a`"]
            await it.ask()
            assert it.attempts == (3, 4)
            it.skip(6.0)
            answers = await asyncio.gather(*(it.ask() for _ in range(50)))
            assert it.attempts == (4, 4 + 49)
            assert sorted(each.endpoint for each in answers) == ["a", *["b"] * 49]
            assert it.seen.turns("closed") == []
            assert (await it.ask()).endpoint == "a"
            assert it.seen.turns("closed") == ["`ma` at `a`"]
            again = await asyncio.gather(*(it.ask() for _ in range(10)))
            assert {each.endpoint for each in again} == {"a"}

    run(go)


HEDGED = "hedge: {after: 200ms, max: 5%}"


@pytest.mark.parametrize("live", [False, True])
def test_f44_a_second_attempt_runs_beside_a_stuck_one(tmp_path, live):
    async def go():
        first = stream(*tokens(3, "stop"), "[DONE]")
        async with world(tmp_path, a=mute, b=first, rest=HEDGED) as it:
            if live:
                async with it.router.stream("hello") as reply:
                    won = time.monotonic()
                    async for _ in reply:
                        pass
                done = reply.completion
            else:
                done = await it.ask()
                won = time.monotonic()
            assert done.endpoint == "b"
            assert it.attempts == (1, 1)
            a, b = it.walls.values()
            assert abs(b.asked[0].at - a.asked[0].at - 0.2) <= 0.1 + SLACK
            assert await a.empties(0.1 + SLACK)
            assert a.left[0] - won <= 0.1 + SLACK
            assert sorted(outcomes(it.seen.attempts)) == [("a", "hedge_lost"), ("b", "ok")]
            assert it.seen.attempts[0].usage is None or it.seen.attempts[0].usage.estimated
            assert not it.seen.notices

    run(go)


def test_f44_a_caller_who_leaves_takes_both_along(tmp_path):
    async def go():
        async with world(tmp_path, a=mute, b=mute, rest=HEDGED) as it:
            call = asyncio.create_task(it.ask())
            while it.attempts != (1, 1):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            left = time.monotonic()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            for server in it.walls.values():
                assert await server.empties(0.1 + SLACK)
                assert server.left[0] - left <= 0.1 + SLACK
            assert [each.outcome for each in it.seen.calls] == ["cancelled"]
            assert len(it.seen.attempts) == 2
            assert not it.seen.notices

    run(go)


def test_f44_hedges_are_a_small_share_of_the_calls(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(
        "version: 1\n"
        'endpoints: {a: {kind: openai, url: "http://127.0.0.1:1", concurrency: 1000},'
        ' b: {kind: openai, url: "http://127.0.0.1:2", concurrency: 1000}}\n'
        "models: {ma: {at: a}, mb: {at: b}}\n"
        "rules: [{use: [ma, mb]}]\n" + HEDGED + "\n",
        encoding="utf-8",
    )
    a, b = ScriptedProvider("ok", delay=2.0), ScriptedProvider("ok")

    async def go():
        router = load_router(file, providers={"a": a, "b": b}, env={}, dice=random.Random(1))

        async def one(number):
            await asyncio.sleep(number / 20)
            await router.complete(
                "hello", model="mb"
            )  # what answers pays for second attempts with its successes
            return await router.complete("hello")

        return await asyncio.gather(*(one(number) for number in range(1000)))

    answers = run_virtual(go())
    hedges = b.calls - 1000
    assert a.calls == 1000
    assert 40 <= hedges <= 50
    assert [each.endpoint for each in answers].count("b") == hedges


def test_a_thousand_calls_at_once_lose_nothing(tmp_path):
    async def echo(asked, writer):
        await asyncio.sleep(0.05)
        await answer(body=said(asked.json["messages"][0]["content"]))(asked, writer)

    async def go():
        async with world(
            tmp_path, a=echo, endpoint="concurrency: 16, queue: {max: 1000, timeout: 60s}"
        ) as it:
            answers = await asyncio.gather(*(it.ask(number_of(each)) for each in range(1000)))
            assert [each.content for each in answers] == [number_of(each) for each in range(1000)]
            assert it.attempts == (1000,)
            assert it.walls["a"].most == 16
            assert [each.outcome for each in it.seen.calls] == ["ok"] * 1000

    run(go)


def test_callers_who_leave_at_random_leave_nothing_behind(tmp_path):
    dice = random.Random(7)

    async def sometimes(asked, writer):
        turn = dice.random()
        await asyncio.sleep(dice.random() * 0.01)
        if turn < 0.2:
            await mute(asked, writer)
        elif turn < 0.6:
            await stream(*[piece("word ")] * 5, piece("", "stop"), "[DONE]", pause=0.002)(asked, writer)
        else:
            await GOOD(asked, writer)

    async def one(it, number):
        # Some before they have a place, some before an answer, some in the middle of it.
        patience = dice.choice([0.0, 0.01, 0.03, 0.1])
        try:
            async with asyncio.timeout(patience):
                if number % 2:
                    return await it.ask()
                async with it.router.stream("hello") as reply:
                    return [delta async for delta in reply]
        except (TimeoutError, Shed) as error:
            return error

    async def go():
        async with world(
            tmp_path,
            a=sometimes,
            endpoint="concurrency: 8, queue: {max: 3000, timeout: 30s}",
            rest="breaker: off",
        ) as it:
            waves = [await asyncio.gather(*(one(it, n) for n in range(100))) for _ in range(30)]
            assert sum(isinstance(each, TimeoutError) for wave in waves for each in wave) > 500
            assert sum(not isinstance(each, Exception) for wave in waves for each in wave) > 20
            assert len(it.seen.calls) == 3000
            assert it.walls["a"].most <= 8
            server = it.walls["a"]
            server.replies[:] = [GOOD]
            healthy = await asyncio.gather(*(it.ask() for _ in range(50)))
            assert [each.content for each in healthy] == ["from a"] * 50
            assert len(it.seen.calls) == 3050
            assert server.running == 0

    run(go)
