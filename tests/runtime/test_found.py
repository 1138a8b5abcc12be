"""What the fault simulator found, each as a small story of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from router import (
    AllAttemptsFailed,
    AllCircuitsOpen,
    DeadlineExceeded,
    InvalidRequest,
    QuotaExhausted,
    ServerError,
    load_router,
)
from router.core.events import Done, TextDelta
from router.core.observer import Observer
from router.testing import ScriptedProvider, run_virtual

BASE = """\
version: 1
endpoints:
  a: {{kind: mock, concurrency: {places}{more}}}
  b: {{kind: mock}}
models: {{one: {{at: a}}, two: {{at: b}}}}
rules: [{{use: [{use}]}}]
{tail}
"""


class Slow:
    """Says its pieces at the times of a list, and takes its time when it is left."""

    def __init__(self, *times, leaving=0.0, error=None, pieces=("x", "y", "z")):
        self.times, self.leaving, self.error, self.pieces = times, leaving, error, pieces
        self.arrived, self.open = [], 0

    @asynccontextmanager
    async def opened(self):
        self.arrived.append(asyncio.get_running_loop().time())
        self.open += 1
        try:
            yield self.events()
        finally:
            self.open -= 1
            if self.leaving:
                await asyncio.sleep(self.leaving)

    async def events(self):
        for number, seconds in enumerate(self.times):
            await asyncio.sleep(seconds)
            if self.error is not None:
                raise self.error
            yield TextDelta(self.pieces[number % len(self.pieces)])
        yield Done("stop")


def slow(*times, **more):
    made = Slow(*times, **more)

    class Provider:
        state = made

        def open(self, _request):
            return made.opened()

        async def close(self):
            pass

    return Provider()


def router(folder, a, b, *, places=1, use="one", more="", tail="", observers=()):
    file = folder / "router.yaml"
    file.write_text(BASE.format(places=places, use=use, more=more, tail=tail), encoding="utf-8")
    return load_router(file, env={}, providers={"a": a, "b": b}, observers=observers)


class Told(Observer):
    def __init__(self):
        self.calls = []

    def call_ended(self, record):
        self.calls.append(record)


def test_a_place_that_comes_too_late_is_not_used(tmp_path):
    a = ScriptedProvider(first_token=4.9)

    async def go():
        port = router(tmp_path, a, ScriptedProvider())
        first = asyncio.create_task(port.complete("first"))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded):
            await port.complete("second", deadline=5.0)
        return await first, asyncio.get_running_loop().time()

    answer, _ = run_virtual(go())
    assert answer.content
    assert a.calls == 1


def test_a_probe_when_nothing_else_is_left_keeps_to_the_rate(tmp_path):
    a = ScriptedProvider(500)

    async def go():
        limits = ", limits: {requests_per_minute: 3}"
        tail = "retry: {attempts: 1, wait_alone: 1s}\nbreaker: {open: 60s, max_open: 60s}"
        port = router(tmp_path, a, ScriptedProvider(), more=limits, tail=tail)
        for _ in range(6):
            with pytest.raises(AllAttemptsFailed if a.calls < 3 else AllCircuitsOpen):
                await port.complete("hi", deadline=2.0)
            await asyncio.sleep(2.5 if a.calls == 3 else 0)

    run_virtual(go())
    assert a.calls == 3


def test_a_winner_is_left_when_its_caller_goes_in_the_same_moment(tmp_path):
    loser, winner = slow(100, leaving=0.5), slow(0.2, 50)
    told = Told()

    async def go():
        port = router(
            tmp_path, loser, winner, use="one, two", tail="hedge: {after: 1s, max: 100%}", observers=(told,)
        )
        call = asyncio.create_task(port.complete("hi"))
        await asyncio.sleep(1.4)  # the winner has content, the loser is on its way out
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(1)
        assert (loser.state.open, winner.state.open) == (0, 0)
        assert sorted(each.outcome for each in told.calls[0].attempts) == ["cancelled", "hedge_lost"]

    run_virtual(go())


def test_a_fault_of_the_call_is_final_when_the_second_attempt_shows_it(tmp_path):
    a, b = slow(5), ScriptedProvider(400)

    async def go():
        with pytest.raises(InvalidRequest):
            await router(tmp_path, a, b, use="one, two", tail="hedge: {after: 1s}").complete("hi")

    run_virtual(go())
    assert len(a.state.arrived) == 1
    assert b.calls == 1


def test_a_second_attempt_may_end_when_it_is_too_late_to_begin_the_first(tmp_path):
    a, b = slow(9), slow(3.4)

    async def go():
        tail = "hedge: {after: 0.5s, max: 100%}"
        port = router(tmp_path, a, b, use="one, two", tail=tail)
        other = asyncio.create_task(port.complete("hi", model="one"))  # takes the only place
        await asyncio.sleep(0)
        answer = await port.complete("hi", deadline=4)
        other.cancel()
        return answer

    assert run_virtual(go()).endpoint == "b"


def test_a_slow_reader_is_not_the_endpoints_fault(tmp_path):
    async def go():
        port = router(tmp_path, slow(0.1, 0.1, 0.1), ScriptedProvider(), more=", timeout: 5s")
        async with port.stream("hi") as reply:
            async for _ in reply:
                await asyncio.sleep(10)
            return reply.completion

    assert run_virtual(go()).content == "xyz"


def test_a_slow_endpoint_still_has_its_own_time(tmp_path):
    async def go():
        port = router(tmp_path, slow(0.1, 4, 4), ScriptedProvider(), more=", timeout: 5s")
        with pytest.raises(Exception, match="stopped in its answer"):
            async with port.stream("hi") as reply:
                async for _ in reply:
                    await asyncio.sleep(0.5)

    run_virtual(go())


def test_a_reader_who_waits_for_more_than_a_minute_is_still_reading(tmp_path):
    async def go():
        port = router(
            tmp_path, slow(0.1, 90, 0.1), ScriptedProvider(), more=", timeout: 300s", tail="deadline: 300s"
        )
        async with port.stream("hi") as reply:
            return [delta.text async for delta in reply]

    assert run_virtual(go()) == ["x", "y", "z"]


def test_a_stream_that_is_opened_and_never_read_gives_its_place_back(tmp_path):
    a = slow(0.1, 1)

    async def go():
        port = router(tmp_path, a, ScriptedProvider(), tail="deadline: 300s")
        async with port.stream("hi"):
            await asyncio.sleep(61)
            return a.state.open

    assert run_virtual(go()) == 0


def test_a_call_has_one_second_attempt_and_no_third(tmp_path):
    text = BASE.format(places=1, use="one, two, three", more="", tail="hedge: {after: 1s, max: 100%}")
    text = text.replace("  b: {kind: mock}", "  b: {kind: mock}\n  c: {kind: mock}")
    file = tmp_path / "router.yaml"
    file.write_text(text.replace("two: {at: b}", "two: {at: b}, three: {at: c}"), encoding="utf-8")
    a, b, c = slow(2, error=ServerError("down")), slow(0.5, error=QuotaExhausted("no money")), slow(1)

    async def go():
        port = load_router(file, env={}, providers={"a": a, "b": b, "c": c})
        return await port.complete("hi", deadline=4)

    with pytest.raises(DeadlineExceeded):
        run_virtual(go())
    assert len(b.state.arrived) == 1
    assert len(a.state.arrived) == 2  # as slow as before
    assert c.state.arrived == []


def test_waiting_for_a_rate_gives_no_right_to_second_attempts(tmp_path):
    from router.policy.hedge import HedgeShare  # noqa: PLC0415

    counted = []
    before = HedgeShare.called

    async def go():
        limits = ", limits: {requests_per_minute: 6}"
        port = router(
            tmp_path,
            ScriptedProvider(),
            ScriptedProvider(500),
            use="one, two",
            more=limits,
            tail="hedge: {after: 5s}",
            places=8,
        )
        await asyncio.gather(*(port.complete("hi") for _ in range(12)), return_exceptions=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HedgeShare, "called", lambda self, now: (counted.append(now), before(self, now)))
        run_virtual(go())
    assert len(counted) == 12


def test_who_lost_a_race_is_asked_again_when_the_winner_breaks_off(tmp_path):
    a, b = slow(2), ScriptedProvider("cut", delay=0.2)

    async def go():
        tail = "hedge: {after: 1s, max: 100%}\nstream: {inside: true}"
        return await router(tmp_path, a, b, use="one, two", tail=tail).complete("hi there how are you")

    answer = run_virtual(go())
    assert answer.endpoint == "a"
    assert [each.outcome for each in answer.attempts] == ["hedge_lost", "stream_interrupted", "ok"]
