"""Answers that are late, stand still, break off or are garbled, on real sockets: F10-F20 of the list of faults.

The times of that list are written smaller here: the time to the first content 10 s as 0.5 s (by 20), the time
between two events 15 s as 0.5 s (by 30).
"""

from __future__ import annotations

import asyncio

import pytest
from support.faults import SLACK, TOKEN, outcomes, run, tokens, world
from support.wall import USAGE, head_only, mute, piece, stream

from router import (
    DeadlineExceeded,
    MalformedResponse,
    RateLimited,
    StreamInterrupted,
    StreamStalled,
    TextDelta,
)

pytestmark = pytest.mark.usefixtures("carried")

FIRST, IDLE = 0.5, 0.5
QUICK = "timeout: {first: 500ms, idle: 500ms}"
INSIDE = "stream: {inside: true}"
B = stream(*tokens(60, "stop"), USAGE, "[DONE]")
PING = b": ping\n\n"


def endless(beat, chunk):
    """Begin an answer, and then send nothing but this."""

    async def reply(asked, writer):
        await stream(piece(""), end="open")(asked, writer)
        while True:
            await asyncio.sleep(beat)
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await writer.drain()

    return reply


async def read(it, **options):
    """Read a stream as far as it goes; return its pieces, and the error or the reply."""
    pieces = []
    reply = it.router.stream("hello", **options)
    try:
        async with reply:
            async for delta in reply:
                assert isinstance(delta, TextDelta)
                pieces.append(delta.text)
    except StreamInterrupted as error:
        return pieces, error
    return pieces, reply


def abandoned(it):
    """Return after how many seconds the first endpoint was left by the first call."""
    server = it.walls["a"]
    return server.left[0] - server.asked[0].at


@pytest.mark.parametrize("live", [False, True])
def test_f10_a_silent_endpoint_is_left_and_its_connection_closed(tmp_path, live):
    async def go():
        async with world(tmp_path, a=mute, b=B, endpoint=QUICK) as it:
            if live:
                pieces, reply = await read(it)
                done = reply.completion
                assert "".join(pieces) == done.content
            else:
                done = await it.ask()
            assert done.content == TOKEN * 60
            assert it.attempts == (1, 1)
            assert outcomes(done.attempts) == [("a", "first_token_timeout"), ("b", "ok")]
            assert abs(abandoned(it) - FIRST) <= 0.1 + SLACK
            assert 1000 * FIRST <= done.ms <= 1000 * (FIRST + 0.1 + SLACK)

    run(go)


def test_f11_the_head_of_an_answer_is_no_content(tmp_path):
    async def go():
        late = endless(2 * FIRST, b"data: [DONE]\n\n")
        for silent in (late, head_only):
            async with world(tmp_path, a=silent, b=B, endpoint=QUICK) as it:
                done = await it.ask()
                assert it.attempts == (1, 1)
                assert outcomes(done.attempts) == [("a", "first_token_timeout"), ("b", "ok")]
                assert abs(abandoned(it) - FIRST) <= 0.1 + SLACK

    run(go)


def test_f11_a_lone_endpoint_may_be_given_more_time(tmp_path):
    async def go():
        slow = stream(piece(""), 2 * FIRST, *tokens(3, "stop"), "[DONE]")
        async with world(tmp_path, a=slow, endpoint="timeout: {first: 3s, idle: 3s}") as it:
            done = await it.ask()
            assert done.content == TOKEN * 3
            assert it.attempts == (1,)
            assert done.ms >= 2000 * FIRST
            assert done.attempts[0].first_ms >= 2000 * FIRST

    run(go)


@pytest.mark.parametrize("end", ["cut", "close"])
def test_f12_a_whole_answer_that_is_cut_comes_whole_from_elsewhere(tmp_path, end):
    async def go():
        async with world(tmp_path, a=stream(*tokens(40), end=end), b=B, rest=INSIDE) as it:
            done = await it.ask()
            assert done.content == TOKEN * 60
            assert it.attempts == (1, 1)
            cut, whole = done.attempts
            assert outcomes(done.attempts) == [("a", "stream_interrupted"), ("b", "ok")]
            assert (cut.usage.output_tokens, cut.usage.estimated) == (40, True)
            assert cut.cost > 0
            assert not whole.usage.estimated
            assert done.cost == cut.cost + whole.cost
            assert done.degraded is None

    run(go)


@pytest.mark.parametrize("end", ["cut", "close"])
def test_f13_a_stream_that_is_cut_says_so_and_gives_what_came(tmp_path, end):
    async def go():
        async with world(tmp_path, a=stream(*tokens(40), end=end), b=B) as it:
            pieces, error = await read(it)
            assert pieces == [TOKEN] * 40
            assert isinstance(error, StreamInterrupted)
            assert error.partial_text == TOKEN * 40
            assert (error.usage.output_tokens, error.usage.estimated) == (40, True)
            assert outcomes(error.attempts) == [("a", "stream_interrupted")]
            assert it.attempts == (1, 0)
            assert [each.outcome for each in it.seen.calls] == ["stream_interrupted"]
            assert error.retryable

    run(go)


def test_a_stream_that_is_cut_before_its_first_content_comes_from_elsewhere(tmp_path):
    async def go():
        async with world(tmp_path, a=stream(piece(""), PING, piece(""), end="cut"), b=B) as it:
            pieces, reply = await read(it)
            assert pieces == [TOKEN] * 60
            assert outcomes(reply.completion.attempts) == [("a", "stream_interrupted"), ("b", "ok")]
            assert it.attempts == (1, 1)

    run(go)


def test_f17_an_answer_that_stands_still_is_left(tmp_path):
    async def go():
        stuck = stream(*tokens(20), end="mute")
        async with world(tmp_path, a=stuck, b=B, endpoint=QUICK) as it:
            done = await it.ask()
            assert done.content == TOKEN * 60
            assert outcomes(done.attempts) == [("a", "stream_stalled"), ("b", "ok")]
            assert it.attempts == (1, 1)
            assert abs(abandoned(it) - IDLE) <= 0.1 + SLACK
            assert done.attempts[0].usage.output_tokens == 20

    run(go)


def test_f17_a_stream_that_stands_still_is_told_with_what_came(tmp_path):
    async def go():
        stuck = stream(*tokens(20), end="mute")
        async with world(tmp_path, a=stuck, b=B, endpoint=QUICK) as it:
            with pytest.raises(StreamStalled) as caught:
                await read(it)
            assert caught.value.partial_text == TOKEN * 20
            assert it.attempts == (1, 0)

    run(go)


def test_f18_pings_are_no_content(tmp_path):
    async def go():
        for beat in (PING, b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n'):
            async with world(tmp_path, a=endless(0.2, beat), b=B, endpoint=QUICK) as it:
                done = await it.ask()
                assert it.attempts == (1, 1)
                assert outcomes(done.attempts) == [("a", "first_token_timeout"), ("b", "ok")]
                assert abs(abandoned(it) - FIRST) <= 0.1 + SLACK

    run(go)


def test_pings_keep_an_answer_alive_that_has_begun(tmp_path):
    async def go():
        pings = [PING, 0.3] * 4
        slow = stream(*tokens(2), *pings, *tokens(2, "stop"), "[DONE]")
        async with world(tmp_path, a=slow, b=B, endpoint=QUICK.replace("idle: 500ms", "idle: 900ms")) as it:
            done = await it.ask()
            assert done.content == TOKEN * 4
            assert done.ms > 1100
            assert it.attempts == (1, 0)

    run(go)


def test_f19_a_whole_answer_with_an_unreadable_event_is_asked_for_again(tmp_path):
    async def go():
        broken = stream(*tokens(9), "{not json", *tokens(50, "stop"), "[DONE]")
        async with world(tmp_path, a=broken, b=B, rest=INSIDE) as it:
            done = await it.ask()
            assert done.content == TOKEN * 60
            assert done.endpoint == "b"
            assert {each.outcome for each in done.attempts[:-1]} == {"malformed_response"}
            assert done.degraded is None
            assert it.attempts[0] <= 2

    run(go)


@pytest.mark.parametrize(
    "event", ["{not json", "[]", {"choices": 3}, {"choices": [{"delta": {"content": 3}}]}]
)
def test_f19_a_stream_leaves_one_unreadable_event_out_and_says_so(tmp_path, event):
    async def go():
        broken = stream(*tokens(9), event, *tokens(50, "stop"), USAGE, "[DONE]")
        async with world(tmp_path, a=broken, b=B) as it:
            pieces, reply = await read(it)
            assert pieces == [TOKEN] * 59
            done = reply.completion
            assert done.content == TOKEN * 59
            assert "left out" in done.degraded
            assert not done.usage.estimated
            assert it.attempts == (1, 0)
            assert it.seen.calls[0].degraded == done.degraded

    run(go)


def test_a_second_unreadable_event_ends_the_stream(tmp_path):
    async def go():
        broken = stream(*tokens(9), "{", *tokens(5), "{", *tokens(5, "stop"), "[DONE]")
        async with world(tmp_path, a=broken, b=B) as it:
            with pytest.raises(MalformedResponse) as caught:
                await read(it)
            assert caught.value.partial_text == TOKEN * 14
            assert "left out" in caught.value.degraded
            assert it.attempts == (1, 0)

    run(go)


def test_an_unreadable_event_before_the_first_content_sends_the_call_elsewhere(tmp_path):
    async def go():
        broken = stream(piece(""), "{", *tokens(5, "stop"), "[DONE]")
        async with world(tmp_path, a=broken, b=B) as it:
            pieces, reply = await read(it)
            assert pieces == [TOKEN] * 60
            assert {each.outcome for each in reply.completion.attempts[:-1]} == {"malformed_response"}
            assert reply.completion.degraded is None

    run(go)


def test_an_unreadable_event_after_the_end_of_the_text_harms_nothing(tmp_path):
    async def go():
        broken = stream(*tokens(5, "stop"), "{not json", "[DONE]")
        async with world(tmp_path, a=broken, b=B, rest=INSIDE) as it:
            done = await it.ask()
            assert (done.content, done.degraded) == (TOKEN * 5, None)
            assert done.usage.estimated
            assert it.attempts == (1, 0)

    run(go)


def test_an_unreadable_event_in_an_answer_that_is_kept_back_is_asked_for_again(tmp_path):
    async def go():
        broken = stream(*tokens(9), "{", *tokens(5, "stop"), "[DONE]")
        buffered = "stream: {delivery: buffered, on_interrupt: restart}"
        async with world(tmp_path, a=broken, b=B, rest=buffered) as it:
            pieces, reply = await read(it)
            assert pieces == [TOKEN] * 60
            assert reply.completion.degraded is None

    run(go)


LIMITED = {"error": {"code": 429, "message": "slow down", "type": "rate_limit_error"}}


def test_an_error_inside_a_stream_is_what_it_says(tmp_path):
    async def go():
        async with world(tmp_path, a=stream(piece(""), LIMITED), b=B, rest="retry: {same: 0}") as it:
            pieces, reply = await read(it)
            assert pieces == [TOKEN] * 60
            assert outcomes(reply.completion.attempts) == [("a", "rate_limited"), ("b", "ok")]

        async with world(tmp_path, a=stream(*tokens(3), LIMITED), b=B) as it:
            with pytest.raises(RateLimited) as caught:
                await read(it)
            assert caught.value.partial_text == TOKEN * 3
            assert it.attempts == (1, 0)
            assert (await it.ask()).endpoint == "b"  # it asked to be left alone

    run(go)


def test_a_deadline_ends_a_stream_in_the_middle(tmp_path):
    async def go():
        async with world(tmp_path, a=stream(*tokens(1000), pause=0.02), b=B) as it:
            with pytest.raises(DeadlineExceeded) as caught:
                await read(it, deadline=0.6)
            assert caught.value.partial_text.startswith(TOKEN)
            assert await it.walls["a"].empties(0.1 + SLACK)
            assert abs(abandoned(it) - 0.6) <= 0.1 + SLACK
            assert it.attempts == (1, 0)
            assert [each.outcome for each in it.seen.calls] == ["deadline_exceeded"]
            assert not it.seen.notices

    run(go)


@pytest.mark.parametrize("counted", [True, False])
def test_f20_a_finish_reason_ends_an_answer_whose_connection_stays_open(tmp_path, counted):
    async def go():
        last = [USAGE] if counted else []
        async with world(tmp_path, a=stream(*tokens(5, "stop"), *last, end="mute"), b=B) as it:
            pieces, reply = await read(it)
            assert pieces == [TOKEN] * 5
            done = reply.completion
            assert done.ms <= 1000 * (0.2 + SLACK)
            assert done.usage.estimated is not counted
            assert done.usage.output_tokens == (2 if counted else 5)
            assert outcomes(done.attempts) == [("a", "ok")]

    run(go)


def test_a_caller_who_leaves_a_stream_frees_its_connection_at_once(tmp_path):
    async def go():
        async with world(tmp_path, a=stream(*tokens(1000), pause=0.01), endpoint="concurrency: 1") as it:
            async with it.router.stream("hello") as reply:
                await anext(reply)
            assert await it.walls["a"].empties(0.1 + SLACK)
            async with it.router.stream("hello") as reply:
                await anext(reply)
            assert [each.outcome for each in it.seen.calls] == ["cancelled"] * 2
            assert [each.outcome for each in it.seen.attempts] == ["cancelled"] * 2
            assert not it.seen.notices

    run(go)
