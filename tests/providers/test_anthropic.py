"""Anthropic's messages API: what is sent, what every kind of answer becomes, and the real engine that serves it too."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted_gguf import TOOLS
from support.wall import answer, loading, mute, stream, wall

from router import load_router
from router.core.errors import AllAttemptsFailed, CallFailed
from router.core.events import Done, Garbled, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.messages import ImagePart, Message, TextPart, ToolCall
from router.core.port import Listed, Lister, Probed
from router.core.request import Endpoint, Request
from router.core.secret import Secret
from router.core.usage import Usage
from router.providers import create
from router.providers._anthropic_answer import MessageDecoder
from router.providers._source import Source
from router.providers._sse import SseParser
from router.testing.contract import collect, joined

SOURCE = Source("box", (Secret("hunter22"),))
HELLO = Request("claude-sonnet-4-5", (Message.user("hello"),))
WHOLE = replace(HELLO, stream=False)
LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "look somewhere",
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
    },
}
USED = {"input_tokens": 5, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100}
STARTED = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "claude-x", "usage": {**USED, "output_tokens": 1}},
}
STOPPED = {"type": "message_stop"}


def said(*blocks, reason="end_turn", **fields):
    usage = {**USED, "output_tokens": 7}
    return {
        "type": "message",
        "model": "claude-x",
        "content": list(blocks),
        "stop_reason": reason,
        "usage": usage,
        **fields,
    }


def begin(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **fields):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index):
    return {"type": "content_block_stop", "index": index}


def ended(reason="end_turn", tokens=7):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": tokens}}


REAL = [
    STARTED,
    {"type": "ping"},
    begin(0, type="thinking", thinking="", signature=""),
    delta(0, "thinking_delta", thinking="hm"),
    delta(0, "signature_delta", signature="EqQB"),
    stop(0),
    begin(1, type="text", text=""),
    delta(1, "text_delta", text="Grüße 😀"),
    delta(1, "citations_delta", citation={}),
    stop(1),
    begin(2, type="tool_use", id="toolu_1", name="look", input={}),
    delta(2, "input_json_delta", partial_json=""),
    delta(2, "input_json_delta", partial_json='{"at": '),
    delta(2, "input_json_delta", partial_json='"Rome"}'),
    stop(2),
    begin(3, type="tool_use", id="toolu_2", name="rest", input={}),
    stop(3),
    ended("tool_use"),
    STOPPED,
]
CONTENT = b"".join(
    f"event: {each['type']}\ndata: {json.dumps(each, ensure_ascii=False)}\n\n".encode() for each in REAL
)
ALL_TOKENS = Usage(125, 7, cached_input_tokens=100)
EXPECTED = [
    TextDelta(""),
    ReasoningDelta("hm"),
    TextDelta("Grüße 😀"),
    ToolCallDelta(0, "toolu_1", "look"),
    ToolCallDelta(0, arguments='{"at": '),
    ToolCallDelta(0, arguments='"Rome"}'),
    ToolCallDelta(1, "toolu_2", "rest"),
    ToolCallDelta(1, arguments="{}"),
    Done("tool_calls", ALL_TOKENS, "claude-x"),
]


def ask(*replies, request=HELLO, **fields):
    """Return events or the error, and what the wall saw."""

    async def go():
        async with wall(*replies) as server:
            provider = create(Endpoint("box", "anthropic", "local", server.url, **fields))
            try:
                return await collect(provider, request), server
            except CallFailed as error:
                return error, server
            finally:
                await provider.close()

    return asyncio.run(go())


def sent(request=WHOLE, **fields):
    """Return the body that a request becomes."""
    events, server = ask(answer(body=said({"type": "text", "text": "ok"})), request=request, **fields)
    assert not isinstance(events, Exception), events
    return server.asked[0].json


def refused(request, **fields):
    """Return the error of a request that is not even sent."""
    error, server = ask(answer(body=said({"type": "text", "text": "ok"})), request=request, **fields)
    assert server.attempts == 0
    assert "nothing was sent" in str(error)
    return error


def conversation(*messages, **fields):
    return replace(WHOLE, messages=messages, **fields)


def test_a_whole_answer_is_read():
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hello"}]
    events, _ = ask(answer(body=said(*blocks)), request=WHOLE)
    assert events == [ReasoningDelta("hm"), TextDelta("hello"), Done("stop", ALL_TOKENS, "claude-x")]


def test_a_whole_answer_with_tool_calls_is_read():
    calls = [
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "t", "name": "look", "input": {"at": "Rome"}},
        {"type": "tool_use", "id": "u", "name": "rest", "input": {}},
    ]
    events, _ = ask(answer(body=said(*calls, reason="tool_use")), request=WHOLE)
    assert events[1:-1] == [
        ToolCallDelta(0, "t", "look", '{"at": "Rome"}'),
        ToolCallDelta(1, "u", "rest"),
        ToolCallDelta(1, arguments="{}"),
    ]
    assert events[-1].finish_reason == "tool_calls"


def test_a_streamed_answer_is_read():
    assert ask(stream(*REAL))[0] == EXPECTED


def test_a_whole_answer_to_a_streamed_request_is_a_success_and_the_other_way_round():
    assert joined(ask(answer(body=said({"type": "text", "text": "hello"})))[0]) == "hello"
    assert joined(ask(stream(*REAL), request=WHOLE)[0]) == "Grüße 😀"


def test_the_reason_of_the_end_is_enough_where_the_stop_never_comes():
    events, _ = ask(stream(STARTED, delta(0, "text_delta", text="a"), ended(), end="mute"))
    assert events[-1] == Done("stop", ALL_TOKENS, "claude-x")


def test_the_ids_of_request_and_refusal_are_kept():
    events, _ = ask(
        answer(body=said({"type": "text", "text": "a"}), headers={"request-id": "req_9"}), request=WHOLE
    )
    assert events[-1].request_id == "req_9"
    error, _ = ask(
        answer(529, {"type": "error", "error": {"type": "overloaded_error"}, "request_id": "req_8"})
    )
    assert (error.kind, error.upstream_id) == ("overloaded", "req_8")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("something_new", "stop"),
    ],
)
def test_every_reason_of_an_end_has_its_word(reason, told):
    events, _ = ask(stream(STARTED, delta(0, "text_delta", text="a"), ended(reason), STOPPED))
    assert events[-1].finish_reason == told


def test_a_refusal_is_a_content_filter():
    error, _ = ask(stream(STARTED, delta(0, "text_delta", text="a"), ended("refusal"), STOPPED))
    assert error.kind == "content_filtered"


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([STARTED, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}], "overloaded"),
        ([{"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}], "rate_limited"),
        ([{"type": "error", "error": {"type": "api_error", "message": "x"}}], "server_error"),
        ([{"type": "error"}], "server_error"),
        ([STARTED, delta(0, "text_delta", text="a")], "stream_interrupted"),
        ([STARTED, STOPPED], "malformed_response"),
        ([STARTED, ended(), STOPPED], "malformed_response"),
        (["{]"], "malformed_response"),
        ([[]], "malformed_response"),
        ([{"type": "message_start", "message": []}], "malformed_response"),
        ([delta(0.5, "input_json_delta", partial_json="x")], "malformed_response"),
        ([delta(0, "text_delta", text=7)], "malformed_response"),
        ([begin(0, type="tool_use", id="t", name="n", input=[1])], "malformed_response"),
    ],
)
def test_what_goes_wrong_inside_a_stream_has_its_kind(events, kind):
    error, _ = ask(stream(*events))
    assert error.kind == kind


@pytest.mark.parametrize(
    "body", [b"{]", b"[]", b'{"content": 3}', b'{"content": ["x"]}', b'{"content": []}', b"{}"]
)
def test_a_whole_answer_that_is_none_is_malformed(body):
    error, _ = ask(answer(body=body), request=WHOLE)
    assert error.kind == "malformed_response"


def test_an_error_under_200_has_its_kind():
    error, _ = ask(
        answer(body={"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}),
        request=WHOLE,
    )
    assert error.kind == "invalid_request"


def test_an_event_that_cannot_be_read_does_not_end_an_answer_that_has_begun():
    events, _ = ask(stream(STARTED, delta(0, "text_delta", text="a"), "{]", ended(), "{]", STOPPED))
    assert [type(each) for each in events] == [TextDelta, Garbled, Done]


def test_half_an_event_at_the_end_is_an_interruption():
    error, _ = ask(stream(STARTED, delta(0, "text_delta", text="a"), b'data: {"type": "message_de'))
    assert error.kind == "stream_interrupted"


def test_what_servers_own_tools_do_is_passed_over():
    events, _ = ask(
        stream(
            STARTED,
            begin(0, type="server_tool_use", id="s", name="web_search", input={}),
            delta(0, "input_json_delta", partial_json='{"q": 1}'),
            stop(0),
            {"type": "content_block_of_tomorrow"},
            delta(1, "text_delta", text="found"),
            ended(),
            STOPPED,
        )
    )
    assert events[:-1] == [TextDelta("found")]


REFUSALS = json.loads((Path(__file__).parent / "data" / "anthropic.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["name"])
def test_every_refusal_has_its_kind(case):
    if "body" in case:
        reply = answer(case["status"], case["body"], case.get("headers"))
    else:
        reply = stream({"type": "error", "error": case["error"]})
    error, _ = ask(reply)
    assert error.kind == case["kind"]
    if "retry_after" in case:
        assert error.retry_after == case["retry_after"]


def cut(content, places):
    ends = [0, *sorted(places), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(ends)]


def read(chunks):
    parser, decoder = SseParser("box"), MessageDecoder(SOURCE)
    found = []
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                found += decoder.feed_event(event)
        for event in parser.flush():
            found += decoder.feed_event(event)
        found.append(decoder.end())
    except AllAttemptsFailed as error:
        found.append((type(error), str(error)))
    return found


@given(st.lists(st.integers(0, len(CONTENT)), max_size=12))
def test_a_stream_is_read_whole_however_it_is_cut(places):
    assert read(cut(CONTENT, places)) == EXPECTED


@given(st.integers(0, len(CONTENT) - 1))
def test_a_stream_that_ends_early_is_never_a_success_before_its_reason(place):
    last = read([CONTENT[:place]])[-1]
    assert not isinstance(last, Done) or place > CONTENT.index(b'"stop_reason": "tool_use"')


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["hunter22"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def changed(draw):
    """Return a real event with one of its values changed."""
    event = json.loads(json.dumps(draw(st.sampled_from([*REAL, said({"type": "text", "text": "a"})]))))
    here = event
    while True:
        key = draw(st.sampled_from(sorted(here)))
        if not isinstance(here[key], dict) or not here[key] or draw(st.booleans()):
            here[key] = draw(JSON)
            return event
        here = here[key]


@given(st.lists(st.one_of(changed(), st.sampled_from(REAL), JSON), max_size=8))
def test_changed_streams_are_answers_or_known_failures(events):
    content = b"".join(f"data: {json.dumps(each)}\n\n".encode("utf-8", "surrogatepass") for each in events)
    *found, last = read([content])
    assert all(isinstance(each, TextDelta | ReasoningDelta | ToolCallDelta | Garbled) for each in found)
    if isinstance(last, Done):
        assert last.finish_reason in {"stop", "length", "tool_calls"}
    else:
        assert issubclass(last[0], AllAttemptsFailed)
        assert "hunter22" not in last[1]


@given(changed())
def test_a_changed_whole_answer_is_an_answer_or_a_known_failure(payload):
    decoder = MessageDecoder(SOURCE)
    with contextlib.suppress(AllAttemptsFailed):
        decoder.feed_whole(json.dumps(payload))
        assert isinstance(decoder.end(), Done)


def test_key_and_version_are_header_fields():
    reply = answer(body=said({"type": "text", "text": "ok"}))
    _, server = ask(reply, request=replace(WHOLE, key=1), keys=(Secret("k-one"), Secret("k-two")))
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/v1/messages")
    assert asked.headers["x-api-key"] == "k-two"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in asked.headers
    _, server = ask(
        reply, request=WHOLE, settings={"api_version": "2026-01-01"}, headers={"anthropic-beta": "b"}
    )
    assert server.asked[0].headers["anthropic-version"] == "2026-01-01"
    assert server.asked[0].headers["anthropic-beta"] == "b"


def test_an_address_may_end_in_v1():
    async def go():
        async with wall(answer(body=said({"type": "text", "text": "ok"}))) as server:
            provider = create(Endpoint("box", "anthropic", "local", f"{server.url}/v1"))
            await collect(provider, WHOLE)
            await provider.close()
            return server.asked[0].path

    assert asyncio.run(go()) == "/v1/messages"


def test_a_unix_socket_is_spoken_to(tmp_path):
    async def go():
        reply = answer(body=said({"type": "text", "text": "ok"}))
        async with wall(reply, unix=str(tmp_path / "s")) as server:
            provider = create(Endpoint("box", "anthropic", "local", server.url))
            await collect(provider, WHOLE)
            await provider.close()
            return server.asked[0].path

    assert asyncio.run(go()) == "/v1/messages"


def test_without_an_address_it_is_anthropics_own():
    provider = create(Endpoint("box", "anthropic", "remote"))
    assert provider.source.where == "box (api.anthropic.com:443)"


def test_a_plain_request_has_model_turns_and_a_number_of_tokens():
    assert sent() == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "stream": False,
    }


def test_options_have_their_own_names_and_extra_is_passed_on():
    params = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9, "stop": ["a", "b"], "seed": 3}
    body = sent(replace(WHOLE, params=params, extra={"top_k": 4, "model": "evil", "stream": True}))
    assert {name: body.get(name) for name in (*params, "stop_sequences", "top_k", "model", "stream")} == {
        **params,
        "stop": None,
        "stop_sequences": ["a", "b"],
        "seed": None,
        "top_k": 4,
        "model": "claude-sonnet-4-5",
        "stream": False,
    }


def test_system_and_developer_messages_become_one_parameter_wherever_they_stand():
    body = sent(
        conversation(
            Message.system("one"),
            Message.user("a"),
            Message("developer", (TextPart("two"),)),
            Message.user("b"),
            Message.system(""),
        )
    )
    assert body["system"] == "one\n\ntwo"
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]


def test_tool_calls_and_their_results_become_blocks_of_one_turn_each():
    body = sent(
        conversation(
            Message.user("weather?"),
            Message("assistant", "", (ToolCall("t1", "look", '{"at": "Rome"}'), ToolCall("t2", "rest", ""))),
            Message("tool", "sunny", tool_call_id="t1"),
            Message("tool", (TextPart("so"), TextPart("")), tool_call_id="t2"),
            Message.user("and?"),
            tools=(LOOK,),
        )
    )
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "Rome"}},
                {"type": "tool_use", "id": "t2", "name": "rest", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": [{"type": "text", "text": "sunny"}],
                },
                {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "so"}]},
                {"type": "text", "text": "and?"},
            ],
        },
    ]


@pytest.mark.parametrize("arguments", ["{]", "[1]", '"x"', "[" * 100_000])
def test_arguments_that_are_no_object_are_refused_before_anything_is_sent(arguments):
    error = refused(
        conversation(Message.user("a"), Message("assistant", "", (ToolCall("t", "f", arguments),)))
    )
    assert error.kind == "invalid_request"


def test_images_are_links_or_base64():
    parts = (TextPart("see"), ImagePart("https://x.org/a.png"), ImagePart("data:image/png;base64,AAAA"))
    content = sent(conversation(Message.user(parts)))["messages"][0]["content"]
    assert content[1:] == [
        {"type": "image", "source": {"type": "url", "url": "https://x.org/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
    ]
    image = ImagePart("data:image/svg+xml,<svg/>")
    assert refused(conversation(Message.user((image,)))).kind == "unsupported_feature"


def test_tools_are_declared_in_their_form():
    strict = {"type": "function", "function": {"name": "rest", "strict": True}}
    assert sent(replace(WHOLE, tools=(LOOK, strict)))["tools"] == [
        {
            "name": "look",
            "description": "look somewhere",
            "input_schema": LOOK["function"]["parameters"],
        },
        {"name": "rest", "input_schema": {"type": "object", "properties": {}}, "strict": True},
    ]


@pytest.mark.parametrize(
    ("choice", "extra", "told"),
    [
        (None, {}, None),
        ("auto", {}, {"type": "auto"}),
        ("none", {}, {"type": "none"}),
        ("required", {}, {"type": "any"}),
        ({"type": "function", "function": {"name": "look"}}, {}, {"type": "tool", "name": "look"}),
        (None, {"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, {"parallel_tool_calls": True}, None),
        ("required", {"parallel_tool_calls": False}, {"type": "any", "disable_parallel_tool_use": True}),
        ("none", {"parallel_tool_calls": False}, {"type": "none"}),
    ],
)
def test_the_choice_of_a_tool_has_its_form(choice, extra, told):
    body = sent(replace(WHOLE, tools=(LOOK,), tool_choice=choice, extra=extra))
    assert body.get("tool_choice") == told
    assert "parallel_tool_calls" not in body


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": ({"type": "custom", "custom": {"name": "x"}},)},
        {"tools": (LOOK,), "tool_choice": {"type": "allowed_tools"}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
    ],
)
def test_what_the_api_has_no_place_for_is_refused_before_anything_is_sent(fields):
    assert refused(replace(WHOLE, **fields)).kind == "unsupported_feature"


def test_an_answer_by_a_schema_is_asked_for():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    assert sent(replace(WHOLE, response_format=form))["output_config"] == {
        "format": {"type": "json_schema", "schema": schema}
    }
    assert "output_config" not in sent(replace(WHOLE, response_format={"type": "text"}))


@pytest.mark.parametrize(
    ("model", "params", "told"),
    [
        (
            "claude-sonnet-4-5-20250929",
            {"reasoning_effort": "low"},
            {"type": "enabled", "budget_tokens": 6400},
        ),
        ("claude-3-7-sonnet-20250219", {"reasoning_effort": "high", "max_tokens": 10_000}, 8000),
        ("claude-haiku-4-5", {"reasoning_effort": "minimal", "max_tokens": 2000}, 1024),
        ("anything", {"reasoning_effort": "xhigh", "max_tokens": 2000, "temperature": 1}, 1900),
        ("claude-sonnet-4-5", {"reasoning_effort": "none"}, None),
        ("claude-opus-4-6", {"reasoning_effort": "high"}, {"type": "adaptive"}),
        ("claude-sonnet-5", {"reasoning_effort": "none"}, {"type": "disabled"}),
        ("claude-opus-4-20250514", {"reasoning_effort": "medium"}, 16_000),
    ],
)
def test_an_effort_becomes_a_budget_or_an_effort_by_the_models_version(model, params, told):
    told = {"type": "enabled", "budget_tokens": told} if isinstance(told, int) else told
    assert sent(replace(WHOLE, model=model, params=params)).get("thinking") == told


def test_an_effort_of_a_newer_model_stands_beside_the_format():
    form = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    request = replace(
        WHOLE, model="claude-opus-4.6", params={"reasoning_effort": "xhigh"}, response_format=form
    )
    assert sent(request)["output_config"] == {
        "effort": "max",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
    }


THINKING = {"reasoning_effort": "low"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"params": {**THINKING, "max_tokens": 1024}}, "more than 1024"),
        ({"params": {**THINKING, "temperature": 0.2}}, "temperature"),
        ({"params": THINKING, "tools": (LOOK,), "tool_choice": "required"}, "tool_choice"),
        (
            {
                "params": THINKING,
                "messages": (
                    Message.user("a"),
                    Message("assistant", "", (ToolCall("t", "look", "{}"),)),
                    Message("tool", "x", tool_call_id="t"),
                ),
            },
            "signed thoughts",
        ),
        ({"params": THINKING, "messages": (Message.user("a"), Message("assistant", "b"))}, "begun"),
    ],
)
def test_thinking_that_is_impossible_is_refused_before_anything_is_sent(fields, why):
    error = refused(replace(WHOLE, **fields))
    assert (error.kind, why in str(error)) == ("unsupported_feature", True)


def test_a_newer_model_may_think_about_the_results_of_tools():
    messages = (
        Message.user("a"),
        Message("assistant", "", (ToolCall("t", "look", "{}"),)),
        Message("tool", "x", tool_call_id="t"),
    )
    body = sent(replace(WHOLE, model="claude-sonnet-4-6", messages=messages, params=THINKING))
    assert body["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("model", "params", "tokens"),
    [
        ("claude-3-haiku-20240307", {}, 4096),
        ("claude-3-5-sonnet-20241022", {}, 8192),
        ("claude-sonnet-4-5", THINKING, 32_000),
        ("claude-sonnet-4-5", {"max_tokens": 3}, 3),
    ],
)
def test_the_number_of_tokens_is_always_told(model, params, tokens):
    assert sent(replace(WHOLE, model=model, params=params))["max_tokens"] == tokens


def with_provider(check, *replies, **fields):
    async def go():
        async with wall(*replies) as server:
            provider = create(Endpoint("box", "anthropic", "local", server.url, **fields))
            assert isinstance(provider, Probed)
            assert isinstance(provider, Lister)
            try:
                return await check(provider), server
            except CallFailed as error:
                return error, server
            finally:
                await provider.close()

    return asyncio.run(go())


def test_models_are_listed_page_by_page():
    first = {"data": [{"id": "a", "max_input_tokens": 200_000}, {"x": 1}], "has_more": True, "last_id": "a b"}
    second = {"data": [{"id": "b"}], "has_more": False}
    found, server = with_provider(
        lambda provider: provider.listed(), answer(body=first), answer(body=second), keys=(Secret("k"),)
    )
    assert found == (Listed("a", context=200_000), Listed("b"))
    assert [each.path for each in server.asked] == [
        "/v1/models?limit=1000",
        "/v1/models?limit=1000&after_id=a%20b",
    ]
    assert server.asked[0].headers["x-api-key"] == "k"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(body=[]), "malformed_response"),
        (answer(body={"data": 1}), "malformed_response"),
        (answer(body=b"{]"), "malformed_response"),
        (answer(401, {"type": "error", "error": {"type": "authentication_error"}}), "authentication"),
    ],
)
def test_a_list_that_is_none_is_a_known_failure(reply, kind):
    error, _ = with_provider(lambda provider: provider.listed(), reply)
    assert error.kind == kind


@pytest.mark.parametrize(
    ("reply", "vitality"),
    [(answer(body={"data": []}), "up"), (loading(), "loading"), (answer(500), "down"), (answer(401), "up")],
)
def test_a_probe_asks_for_the_models(reply, vitality):
    found, server = with_provider(lambda provider: provider.probe(), reply)
    assert (found, server.asked[0].path) == (vitality, "/v1/models")


def test_leaving_while_nothing_comes_frees_the_connection():
    async def go():
        async with wall(mute) as server:
            provider = create(Endpoint("box", "anthropic", "local", server.url))
            task = asyncio.create_task(collect(provider, HELLO))
            while not server.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            task.cancel()
            await asyncio.wait({task})
            free = await server.empties(1.0)
            await provider.close()
            return free

    assert asyncio.run(go())


def on_engine(url, *requests):
    async def go():
        provider = create(Endpoint("engine", "anthropic", "local", url))
        try:
            return [await collect(provider, request) for request in requests]
        finally:
            await provider.close()

    return asyncio.run(go())


def test_the_real_engine_answers_whole_and_streamed(engine):
    server = engine("I answer from a real engine.")
    request = conversation(Message.system("be brief"), Message.user("hello"), params={"temperature": 0})
    whole, parts = on_engine(server.url, request, replace(request, stream=True))
    assert joined(whole) == joined(parts) == "I answer from a real engine."
    assert len(parts) > len(whole)
    for done in (whole[-1], parts[-1]):
        assert (done.finish_reason, done.usage.input_tokens > 5, done.usage.output_tokens > 5) == (
            "stop",
            True,
            True,
        )
    assert whole[-1].usage.input_tokens == parts[-1].usage.input_tokens


def test_the_real_engine_stops_at_the_number_of_tokens(engine):
    server = engine("never ever ends", loop=True)
    (events,) = on_engine(server.url, replace(WHOLE, params={"max_tokens": 5, "temperature": 0}))
    assert (events[-1].finish_reason, events[-1].usage.output_tokens) == ("length", 5)


def test_the_real_engine_calls_a_tool_and_takes_its_result(engine):
    server = engine(
        '<tool_call>\n{"name": "look", "arguments": {"at": "Rome"}}\n</tool_call>', template=TOOLS
    )
    request = replace(WHOLE, tools=(LOOK,), params={"temperature": 0})
    again = replace(
        request,
        messages=(
            Message.user("weather?"),
            Message("assistant", "", (ToolCall("t", "look", '{"at": "Rome"}'),)),
            Message("tool", "sunny", tool_call_id="t"),
        ),
    )
    for events in on_engine(server.url, request, replace(request, stream=True), again):
        calls = [each for each in events if isinstance(each, ToolCallDelta)]
        assert calls[0].name == "look"
        assert json.loads("".join(each.arguments for each in calls)) == {"at": "Rome"}
        assert events[-1].finish_reason == "tool_calls"


def test_the_real_engine_lists_its_models_and_is_probed(engine):
    server = engine("I answer from a real engine.")

    async def go():
        provider = create(Endpoint("engine", "anthropic", "local", server.url))
        try:
            return await provider.listed(), await provider.probe()
        finally:
            await provider.close()

    (model,), vitality = asyncio.run(go())
    assert (model.context, vitality) == (4096, "up")


def test_the_real_engine_refuses_a_prompt_that_is_too_long(engine):
    server = engine("short.", context=256)
    with pytest.raises(CallFailed) as failed:
        on_engine(server.url, conversation(Message.user("many words " * 900)))
    assert failed.value.kind == "context_length"


def test_a_file_with_an_anthropic_endpoint_answers_and_counts_what_it_cost(tmp_path):
    async def go():
        async with wall(stream(*REAL)) as server:
            file = tmp_path / "router.yaml"
            file.write_text(
                f"version: 1\nendpoints: {{a: {{kind: anthropic, url: '{server.url}', key: '${{env:K}}', api_version: '2024-01-01'}}}}\n"
                "models: {one: {at: a, id: claude-x, price: {input: $1, output: $10, cached_input: $0.10}}}\n"
                "rules: [{use: one}]\nstream: {inside: true}\n",
                encoding="utf-8",
            )
            async with load_router(file, env={"K": "k"}) as router:
                return await router.complete("weather?", tools=[LOOK]), server.asked[-1]

    found, asked = asyncio.run(go())
    assert (found.text, found.reasoning, found.finish_reason) == ("Grüße 😀", "hm", "tool_calls")
    assert [(each.name, each.arguments) for each in found.tool_calls] == [
        ("look", '{"at": "Rome"}'),
        ("rest", "{}"),
    ]
    assert found.cost * 1_000_000 == 25 * 1 + 100 * Decimal("0.1") + 7 * 10
    assert (asked.headers["anthropic-version"], asked.headers["x-api-key"]) == ("2024-01-01", "k")
