"""Streamed answers: `stream` and its keys, what a stream is made of, and readers who stop reading."""

from __future__ import annotations

import asyncio

import pytest
from support.faults import run
from support.played import DONE, OK, Part, config, now, played, says
from support.wall import USAGE, answer, piece, wall
from support.wall import stream as events

from router import ReasoningDelta, RouterError, TextDelta, ToolCallDelta, load_router
from router.core.errors import ServerError, StreamInterrupted
from router.core.events import Done
from router.core.usage import Usage

CUT = [TextDelta("one "), TextDelta("two "), StreamInterrupted("cut")]
BUFFERED = "stream: {delivery: buffered%s}"


async def read(it, **options):
    """Read a stream; return its words and when each came, and the reply."""
    words = []
    async with it.router.stream("hello", **options) as reply:
        async for delta in reply:
            words.append((delta.text, now()))
    return words, reply.completion


def test_live_words_come_as_they_are_said(tmp_path):
    async def work(it):
        words, done = await read(it)
        return words, done.content

    a = Part(says("one ", "two ", "three", pace=1.0))
    words, content = played(tmp_path, config("a"), work, a=a)
    assert words == [("one ", 0.0), ("two ", 1.0), ("three", 2.0)]
    assert content == "one two three"


def test_buffered_words_come_when_the_answer_is_whole(tmp_path):
    async def work(it):
        words, done = await read(it)
        return words, done.content, done.attempts[0].first_ms

    a = Part(says("one ", "two ", "three", pace=1.0))
    words, content, first = played(tmp_path, config("a", rest=BUFFERED % ""), work, a=a)
    assert words == [("one ", 3.0), ("two ", 3.0), ("three", 3.0)]
    assert (content, first) == ("one two three", 0.0)


def test_an_interrupted_stream_says_so_and_gives_what_came(tmp_path):
    async def work(it):
        words = []
        with pytest.raises(StreamInterrupted) as caught:
            async with it.router.stream("hello") as reply:
                async for delta in reply:
                    words.append(delta.text)
        assert it.b.calls == 0
        return words, caught.value.partial_text, [each.outcome for each in caught.value.attempts]

    found = played(tmp_path, config(), work, a=Part(CUT), b=Part())
    assert found == (["one ", "two "], "one two ", ["stream_interrupted"])


def test_a_buffered_stream_that_breaks_off_is_an_error_where_the_file_says_nothing_else(tmp_path):
    async def work(it):
        with pytest.raises(StreamInterrupted) as caught:
            async with it.router.stream("hello"):
                pass
        return caught.value.partial_text, it.b.calls, [each.outcome for each in it.seen.calls]

    found = played(tmp_path, config(rest=BUFFERED % ", on_interrupt: error"), work, a=Part(CUT), b=Part())
    assert found == ("one two ", 0, ["stream_interrupted"])


def test_a_buffered_stream_begins_anew_where_the_file_says_so(tmp_path):
    async def work(it):
        words, done = await read(it)
        return "".join(word for word, _ in words), [each.outcome for each in done.attempts], done.endpoint

    found = played(tmp_path, config(rest=BUFFERED % ", on_interrupt: restart"), work, a=Part(CUT), b=Part())
    assert found == ("fine", ["stream_interrupted", "ok"], "b")


@pytest.mark.parametrize("rest", ["", BUFFERED % ""])
def test_before_the_first_word_a_failure_moves_on_unseen(tmp_path, rest):
    async def work(it):
        words, done = await read(it)
        return [word for word, _ in words], done.endpoint

    a = Part([1.0, ServerError("broken", status=500)])
    assert played(tmp_path, config(rest=f"{rest}\nretry: {{same: 0}}"), work, a=a, b=Part()) == (
        ["fine"],
        "b",
    )


@pytest.mark.parametrize(("inside", "streamed"), [("true", True), ("false", False)])
def test_a_whole_answer_is_streamed_inside_where_the_file_says_so(tmp_path, inside, streamed):
    async def work(it):
        await it.ask()
        return it.a.asked[0][1].stream

    text = config("a", rest=f"stream: {{inside: {inside}}}")
    assert played(tmp_path, text, work, a=Part()) is streamed


def test_a_stream_is_all_kinds_of_pieces_and_its_completion_holds_them(tmp_path):
    pieces = [
        ReasoningDelta("let me "),
        ReasoningDelta("think"),
        TextDelta("I look "),
        ToolCallDelta(0, "call-1", "weather", '{"city":'),
        ToolCallDelta(1, "call-2", "time", "{}"),
        TextDelta("it up"),
        ToolCallDelta(0, arguments='"Oslo"}'),
    ]

    async def work(it):
        async with it.router.stream("hello") as reply:
            came = [delta async for delta in reply]
        return came, reply.completion, await it.ask()

    a = Part([*pieces, Done("tool_calls", Usage(7, 9, reasoning_tokens=4))])
    came, done, whole = played(tmp_path, config("a"), work, a=a)
    assert came == pieces
    assert done.content == "I look it up"
    assert done.reasoning == "let me think"
    calls = [(each.id, each.name, each.arguments) for each in done.tool_calls]
    assert calls == [("call-1", "weather", '{"city":"Oslo"}'), ("call-2", "time", "{}")]
    assert (done.finish_reason, done.usage) == ("tool_calls", Usage(7, 9, reasoning_tokens=4))
    assert (whole.content, whole.reasoning, whole.tool_calls) == (
        done.content,
        done.reasoning,
        done.tool_calls,
    )


@pytest.mark.parametrize("first", [ToolCallDelta(0, "call-1", "weather"), ReasoningDelta("hm")])
def test_a_tool_call_or_a_thought_is_content_that_cannot_be_taken_back(tmp_path, first):
    async def work(it):
        with pytest.raises(StreamInterrupted):
            async with it.router.stream("hello") as reply:
                async for _ in reply:
                    pass
        return it.b.calls

    assert played(tmp_path, config(), work, a=Part([first, StreamInterrupted("cut")]), b=Part()) == 0


def test_an_empty_word_commits_to_nothing(tmp_path):
    async def work(it):
        words, done = await read(it)
        return [word for word, _ in words], done.endpoint

    a = Part([TextDelta(""), 1.0, TextDelta(""), StreamInterrupted("cut")])
    assert played(tmp_path, config(), work, a=a, b=Part()) == (["fine"], "b")


def test_parallel_tool_calls_and_usage_at_the_end_come_over_the_wire(tmp_path):
    def calls(*deltas):
        return {
            "model": "m",
            "choices": [{"index": 0, "delta": {"tool_calls": list(deltas)}, "finish_reason": None}],
        }

    chunks = [
        {"model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "hm"}}]},
        calls({"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}}),
        calls({"index": 0, "function": {"arguments": '{"city":'}}),
        calls({"index": 1, "id": "c2", "type": "function", "function": {"name": "time", "arguments": "{}"}}),
        calls({"index": 0, "function": {"arguments": '"Oslo"}'}}),
        piece(finish="tool_calls"),
        USAGE,
        "[DONE]",
    ]

    async def go():
        async with wall(events(*chunks)) as server:
            file = tmp_path / "router.yaml"
            file.write_text(config("a", a=f'url: "{server.url}/v1"'), encoding="utf-8")
            async with load_router(file, env={}) as router, router.stream("hello") as reply:
                came = [delta async for delta in reply]
            done = reply.completion
        assert server.asked[0].json["stream_options"] == {"include_usage": True}
        assert [type(each).__name__ for each in came] == ["ReasoningDelta"] + ["ToolCallDelta"] * 4
        found = [(each.id, each.name, each.arguments) for each in done.tool_calls]
        assert found == [("c1", "weather", '{"city":"Oslo"}'), ("c2", "time", "{}")]
        assert (done.reasoning, done.finish_reason) == ("hm", "tool_calls")
        assert (done.usage.input_tokens, done.usage.output_tokens, done.usage.estimated) == (3, 2, False)

    run(go)


def test_a_server_that_answers_whole_is_a_stream_of_few_pieces(tmp_path):
    async def go():
        body = {
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
            ]
        }
        async with wall(answer(body=body)) as server:
            file = tmp_path / "router.yaml"
            file.write_text(config("a", a=f'url: "{server.url}/v1"'), encoding="utf-8")
            async with load_router(file, env={}) as router, router.stream("hello") as reply:
                came = [delta.text async for delta in reply]
        assert "".join(came) == "hi"
        assert reply.completion.usage.estimated

    run(go)


LONG = [TextDelta("one"), TextDelta("two"), TextDelta("three"), DONE]


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_reader_who_stops_for_a_minute_loses_the_place(tmp_path, before):
    async def work(it):
        async with it.router.stream("hello") as reply:
            for _ in range(before):
                await anext(reply)
            await asyncio.sleep(59)
            assert it.a.running == 1
            await asyncio.sleep(2)
            assert it.a.running == 0
            answered = (await it.ask()).content
            with pytest.raises(RouterError, match="not read for 60 s"):
                async for _ in reply:
                    pass
        return answered, [each.outcome for each in it.seen.calls]

    answered, outcomes = played(tmp_path, config("a", each="concurrency: 1"), work, a=Part(LONG, OK))
    assert answered == "fine"
    assert sorted(outcomes) == ["cancelled", "ok"]


def test_a_slow_reader_who_goes_on_keeps_the_place(tmp_path):
    async def work(it):
        words = []
        async with it.router.stream("hello", deadline=600) as reply:
            async for delta in reply:
                words.append(delta.text)
                await asyncio.sleep(50)
        return words

    text = config("a", each="timeout: 300s", rest="deadline: 600s")
    assert played(tmp_path, text, work, a=Part(LONG)) == ["one", "two", "three"]


def test_a_buffered_answer_can_be_read_at_leisure_and_holds_no_place(tmp_path):
    async def work(it):
        words = []
        async with it.router.stream("hello") as reply:
            assert it.a.running == 0
            async for delta in reply:
                words.append(delta.text)
                await asyncio.sleep(100)
        return words

    assert played(tmp_path, config("a", rest=BUFFERED % ""), work, a=Part(LONG)) == ["one", "two", "three"]


def test_a_reader_who_leaves_frees_the_place_at_once(tmp_path):
    async def work(it):
        async with it.router.stream("hello") as reply:
            await anext(reply)
        left = now(), it.a.running
        return left, (await it.ask()).content, [each.outcome for each in it.seen.attempts]

    a = Part(says("one", "two", pace=10.0), OK)
    found = played(tmp_path, config("a", each="concurrency: 1"), work, a=a)
    assert found == ((0.0, 0), "fine", ["cancelled", "ok"])
