"""OpenAI-compatible endpoints: what is sent, and what every kind of answer becomes."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
import traceback
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from support.scripted_gguf import TOOLS
from support.wall import USAGE, answer, head_only, loading, mute, piece, raw, said, stream, wall

from router.core.errors import CallFailed, InvalidRequest, MalformedResponse
from router.core.events import Done, Garbled, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.messages import ImagePart, Message, TextPart, ToolCall
from router.core.request import Endpoint, Request, Timeouts
from router.core.secret import Secret
from router.core.usage import Usage
from router.providers.openai import OpenAiProvider
from router.testing.contract import collect, joined

pytestmark = pytest.mark.usefixtures("carried")
HELLO = Request("m", (Message.user("hello"),))
PLAIN = Request("m", (Message.user("hello"),), stream=False)
COUNTED = Usage(3, 2)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@asynccontextmanager
async def provider_of(url, **fields):
    provider = OpenAiProvider(Endpoint("box", "openai", "local", url, **fields))
    try:
        yield provider
    finally:
        await provider.close()


def ask(*replies, request=HELLO, **fields):
    """Return events or the error, and what the wall saw."""

    async def go():
        async with wall(*replies) as server, provider_of(server.url, **fields) as provider:
            try:
                return await collect(provider, request), server
            except CallFailed as error:
                return error, server

    return asyncio.run(go())


def kind_of(*replies, request=HELLO, **fields):
    error, _ = ask(*replies, request=request, **fields)
    return error.kind


def test_a_whole_answer_is_read():
    events, _ = ask(answer(body=said("hello")), request=PLAIN)
    assert events == [TextDelta("hello"), Done("stop", COUNTED, "m")]


def test_a_streamed_answer_is_read():
    events, _ = ask(stream(piece("one "), piece("two"), piece(finish="stop"), USAGE, "[DONE]"))
    assert events == [TextDelta("one "), TextDelta("two"), Done("stop", COUNTED, "m")]


def test_a_whole_answer_to_a_streamed_request_is_a_success_and_the_other_way_round():
    assert joined(ask(answer(body=said("hello")))[0]) == "hello"
    assert joined(ask(stream(piece("hello", "stop")), request=PLAIN)[0]) == "hello"


def test_a_stream_under_another_content_type_is_read_as_asked():
    content = b"data: " + json.dumps(piece("hello", "stop")).encode() + b"\n\n"
    assert joined(ask(answer(body=content, kind="text/plain"))[0]) == "hello"


def test_reasoning_refusals_and_parts_are_read():
    first = {"choices": [{"delta": {"reasoning_content": "hm"}}]}
    second = {"choices": [{"delta": {"reasoning": "mh", "content": [{"type": "text", "text": "a"}, "x"]}}]}
    third = {
        "choices": [
            {"delta": {"refusal": "no"}, "finish_reason": "length"},
            {"index": 1, "delta": {"content": "z"}},
        ]
    }
    events, _ = ask(stream(first, second, third))
    assert events[:-1] == [ReasoningDelta("hm"), ReasoningDelta("mh"), TextDelta("a"), TextDelta("no")]
    assert events[-1].finish_reason == "length"


def test_parallel_tool_calls_keep_their_index():
    def calls(*items):
        return {"choices": [{"delta": {"tool_calls": list(items)}}]}

    events, _ = ask(
        stream(
            calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}),
            calls(
                {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
                {"index": 0, "function": {"arguments": "{}"}},
            ),
            piece(finish="tool_calls"),
            "[DONE]",
        )
    )
    assert events == [
        ToolCallDelta(0, "a", "f", ""),
        ToolCallDelta(1, "b", "g", "{}"),
        ToolCallDelta(0, "", "", "{}"),
        Done("tool_calls", None, "m"),
    ]


def test_whole_tool_calls_without_index_are_numbered_and_objects_become_text():
    message = {
        "content": None,
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "2"}],
    }
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    events, _ = ask(answer(body=body), request=PLAIN)
    assert events[:2] == [ToolCallDelta(0, "", "f", '{"a": 1}'), ToolCallDelta(1, "2")]
    assert events[2].finish_reason == "tool_calls"


def test_usage_with_details_is_read():
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 6},
    }
    events, _ = ask(stream(piece("a", "stop", usage=usage), end="mute"))
    assert events[-1].usage == Usage(9, 8, 7, 6)


def test_the_request_is_written_in_the_openai_form():
    request = Request(
        "m",
        (
            Message.system("be brief"),
            Message.user((TextPart("see"), ImagePart("data:x"), ImagePart("https://a/b", "low"))),
            Message("assistant", "", tool_calls=(ToolCall("c1", "f", "{}"),)),
            Message("tool", "42", tool_call_id="c1", name="f"),
        ),
        {"temperature": 0.5, "stop": ["x"]},
        tools=(WEATHER,),
        tool_choice="auto",
        response_format={"type": "json_object"},
        extra={"top_k": 3, "model": "evil", "messages": [], "stream": False},
    )
    _, server = ask(stream(piece("a", "stop")), request=request)
    assert server.asked[0].path == "/chat/completions"
    assert server.asked[0].json == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": "data:x"}},
                    {"type": "image_url", "image_url": {"url": "https://a/b", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "content": "42", "tool_call_id": "c1", "name": "f"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "stop": ["x"],
        "tools": [WEATHER],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "top_k": 3,
    }


def test_the_first_key_and_the_headers_are_sent_and_compression_is_declined():
    fields = {"keys": (Secret("k1"), Secret("k2")), "headers": {"x-a": "1", "x-b": Secret("s")}}
    _, server = ask(answer(body=said()), request=PLAIN, **fields)
    headers = server.asked[0].headers
    assert (headers["authorization"], headers["x-a"], headers["x-b"]) == ("Bearer k1", "1", "s")
    assert headers["accept-encoding"] == "identity"


def test_a_request_that_is_no_json_is_refused_before_it_is_sent():
    error, server = ask(answer(), request=Request("m", HELLO.messages, {"temperature": float("nan")}))
    assert error.kind == "invalid_request"
    assert not server.asked


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (stream(piece("a"), end="cut"), "stream_interrupted"),
        (stream(piece("a")), "stream_interrupted"),
        (stream(piece("a"), b'data: {"choi'), "stream_interrupted"),
        (stream(piece("a"), b"data: {]"), "stream_interrupted"),
        (stream("[" * 100_000), "malformed_response"),
        (stream({"choices": 3}), "malformed_response"),
        (stream({"choices": [3]}), "malformed_response"),
        (stream({"choices": [{"delta": {"content": 3}}]}), "malformed_response"),
        (stream("3"), "malformed_response"),
        (stream(piece(""), piece(finish="stop")), "malformed_response"),
        (stream("[DONE]"), "malformed_response"),
        (stream(piece("a"), piece(finish="content_filter")), "content_filtered"),
        (stream(piece("a"), {"error": {"message": "died", "type": "server_error"}}), "server_error"),
        (stream({"object": "error", "message": "prompt is too long", "code": 400}), "context_length"),
        (stream({"choices": [{"error": {"code": 429, "message": "slow"}}]}), "rate_limited"),
        (stream(b"data: " + b"x" * 1_100_000), "response_too_large"),
        (answer(body=b"<html>", kind="text/html"), "malformed_response"),
        (answer(body=b"nonsense"), "malformed_response"),
        (answer(body={"choices": []}), "malformed_response"),
        (answer(302, headers={"location": "http://127.0.0.1:9/"}), "upstream_redirect"),
        (answer(429, headers={"retry-after": "2"}), "rate_limited"),
        (answer(headers={"content-encoding": "gzip"}, body=b"\x1f\x8b"), "malformed_response"),
        (answer(headers={"content-length": str(10**9)}), "response_too_large"),
        (loading(), "model_loading"),
        (raw(b""), "connection_lost"),
        (raw(b"HTTP/1.1 200 OK\r\nconte"), "connection_lost"),
        (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "malformed_response"),
        (raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "malformed_response"),
        (raw(b"HTTP/1.1 500 Oops\r\ncontent-length: 99\r\n\r\npartial"), "server_error"),
    ],
)
def test_what_goes_wrong_has_its_kind(reply, kind):
    assert kind_of(reply) == kind


@pytest.mark.parametrize(
    ("reply", "vitality"),
    [
        (answer(body={"data": []}), "up"),
        *((answer(status), "up") for status in (401, 404, 429)),
        *((answer(status), "down") for status in (500, 502, 503, 504)),
        (loading(), "loading"),
        (raw(b""), "down"),
    ],
)
def test_a_probe_tells_how_the_server_is_without_a_prompt(reply, vitality):
    async def go():
        async with wall(reply) as server, provider_of(server.url) as provider:
            return await provider.probe(), server.asked

    found, asked = asyncio.run(go())
    assert found == vitality
    assert [(each.method, each.path, each.body) for each in asked] == [("GET", "/models", b"")]


NAMED = {"x-request-id": "req_7"}


def test_the_endpoints_id_of_the_request_comes_with_the_answer():
    events, _ = ask(answer(body=said("hello"), headers=NAMED))
    assert events[-1] == Done("stop", COUNTED, "m", "req_7")


@pytest.mark.parametrize(
    "reply",
    [
        answer(500, headers=NAMED),
        answer(body={"error": "died"}, headers=NAMED),
        answer(body=b"nonsense", headers=NAMED),
        answer(kind="text/html", headers=NAMED),
        raw(b"HTTP/1.1 200 OK\r\nx-request-id: req_7\r\ncontent-length: 99\r\n\r\n{"),
    ],
    ids=["refusal", "error inside", "no JSON", "page", "cut"],
)
def test_the_endpoints_id_of_the_request_comes_with_the_failure(reply):
    assert ask(reply)[0].upstream_id == "req_7"


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource", "abort"])
def test_a_reason_to_finish_that_tells_of_a_failure_is_one(reason):
    assert kind_of(stream(piece("a"), piece(finish=reason), "[DONE]")) == "stream_interrupted"


def test_an_unreadable_event_in_the_middle_is_told_and_the_rest_is_read():
    events, _ = ask(stream(piece("a"), "{]", {"choices": 3}, piece("b", "stop"), "{]", "[DONE]"))
    assert [type(event) for event in events] == [TextDelta, Garbled, Garbled, TextDelta, Done]
    assert joined(events) == "ab"
    assert "not JSON" in events[1].why


def test_a_comment_in_a_stream_is_a_sign_of_life():
    events, _ = ask(stream(b": ping\n\n", piece("a", "stop"), USAGE, "[DONE]", pause=0.01))
    assert events == [TextDelta(""), TextDelta("a"), Done("stop", COUNTED, "m")]


def test_an_endpoint_that_refuses_connections_is_told_by_name_and_port():
    async def go():
        async with wall(mute) as server:
            url = server.url
        async with provider_of(url) as provider:
            with pytest.raises(CallFailed) as caught:
                await collect(provider, HELLO)
        return caught.value, url

    error, url = asyncio.run(go())
    assert error.kind == "connect_failed"
    assert str(error).startswith(f"box ({url.removeprefix('http://')}) cannot be reached")


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("ftp://127.0.0.1", {}),
        ("http://127.0.0.1:1", {"proxy": "gopher://x"}),
        ("https://127.0.0.1:1", {"ca": "/nowhere"}),
        ("https://127.0.0.1:1", {"verify": False}),
        ("https://127.0.0.1:1", {}),
        ("http://127.0.0.1:1", {"proxy": "http://127.0.0.1:1"}),
        ("unix:/nowhere", {}),
    ],
)
def test_an_address_that_does_not_work_fails_to_connect(url, settings):
    async def go():
        async with provider_of(url, settings=settings, timeouts=Timeouts(connect=2)) as provider:
            with pytest.raises(CallFailed) as caught:
                await collect(provider, HELLO)
        return caught.value.kind

    assert asyncio.run(go()) == "connect_failed"


def test_a_reason_to_finish_without_done_is_a_success_at_once():
    began = time.monotonic()
    events, _ = ask(stream(piece("a"), piece(finish="stop"), end="mute"))
    assert events == [TextDelta("a"), Done("stop", None, "m")]
    assert time.monotonic() - began < 0.6


def test_half_an_event_after_the_reason_does_no_harm():
    events, _ = ask(stream(piece("a"), piece(finish="stop"), b'data: {"usa'))
    assert events == [TextDelta("a"), Done("stop", None, "m")]


def test_done_without_an_empty_line_or_a_reason_ends_a_stream():
    events, _ = ask(stream(piece("a"), b"data: [DONE]"))
    assert events == [TextDelta("a"), Done("stop", None, "m")]


def test_usage_after_the_reason_is_waited_for():
    events, _ = ask(stream(piece("a"), piece(finish="stop"), USAGE, pause=0.05, end="mute"))
    assert events[-1].usage == COUNTED


def test_an_error_body_that_never_comes_does_not_hide_the_status(monkeypatch):
    monkeypatch.setattr("router.providers._refusal.ERROR_SECONDS", 0.05)

    async def stuck(_, writer):
        writer.write(b"HTTP/1.1 401 No\r\ncontent-length: 9\r\n\r\n")
        await mute(_, writer)

    assert kind_of(stuck) == "authentication"


def test_a_body_over_the_cap_is_refused(monkeypatch):
    monkeypatch.setattr("router.providers._transport.BODY_CAP", 1000)
    assert kind_of(stream(*[piece("a" * 100)] * 20, end="mute")) == "response_too_large"


def test_a_connection_is_kept_for_the_next_call():
    async def go():
        replies = stream(piece("a"), piece(finish="stop"), USAGE, "[DONE]")
        async with wall(replies) as server, provider_of(server.url) as provider:
            for _ in range(5):
                await collect(provider, HELLO)
            return server.accepted

    assert asyncio.run(go()) == 1


def test_a_unix_socket_is_spoken_to(tmp_path):
    async def go():
        async with (
            wall(answer(body=said("hi")), unix=str(tmp_path / "s")) as server,
            provider_of(server.url) as provider,
        ):
            return joined(await collect(provider, PLAIN)), server.asked[0].path

    assert asyncio.run(go()) == ("hi", "/v1/chat/completions")


def test_a_given_client_is_used_and_not_closed():
    async def go():
        async with (
            wall(answer(body=said("hi"))) as server,
            httpx.AsyncClient(headers={"x-mine": "1"}) as client,
        ):
            provider = OpenAiProvider(Endpoint("box", "openai", "local", server.url), client)
            text = joined(await collect(provider, PLAIN))
            await provider.close()
            return text, client.is_closed, server.asked[0].headers["x-mine"]

    assert asyncio.run(go()) == ("hi", False, "1")


def test_secrets_never_show():
    key = "topsecretvalue"
    error, _ = ask(
        answer(401, {"error": {"message": f"bad key {key}"}}), keys=(Secret(key),), headers={"x": Secret(key)}
    )
    assert key not in "".join(traceback.format_exception(error))
    broken = Secret("topsecret\nvalue")
    error, server = ask(answer(), keys=(broken,))
    assert isinstance(error, InvalidRequest)
    assert "topsecret" not in "".join(traceback.format_exception(error))
    assert not server.asked


def test_no_client_and_no_repr_holds_a_secret():
    async def go():
        endpoint = Endpoint("box", "openai", "remote", "http://127.0.0.1:1", keys=(Secret("topsecret"),))
        provider = OpenAiProvider(endpoint)
        with pytest.raises(CallFailed):
            await collect(provider, HELLO)
        transport = provider.transport
        clients = getattr(transport, "_clients", None)
        fields = transport._aim() if clients is None else clients.here().headers
        shown = f"{endpoint} {provider.__dict__} {fields!r} {provider.source}"
        await provider.close()
        return shown

    assert "topsecret" not in asyncio.run(go())


@pytest.mark.parametrize(
    "reply", [mute, head_only, stream(*[piece("a")] * 3, end="mute")], ids=["mute", "head", "mid"]
)
def test_a_cancelled_call_frees_its_connection_within_100_ms(reply):
    async def go():
        async with wall(reply) as server, provider_of(server.url) as provider:
            task = asyncio.create_task(collect(provider, HELLO))
            await asyncio.wait({task}, timeout=0.05)
            assert server.connections == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await server.empties(0.1)

    assert asyncio.run(go())


def test_the_real_engine_answers_with_usage(engine):
    async def go():
        async with provider_of(engine("The engine is real.").url) as provider:
            return await collect(provider, HELLO)

    events = asyncio.run(go())
    assert joined(events) == "The engine is real."
    assert events[-1].finish_reason == "stop"
    assert events[-1].usage.output_tokens > 3


def test_the_real_engine_calls_a_tool(engine):
    reply = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
    request = Request("m", (Message.user("weather?"),), {"temperature": 0}, tools=(WEATHER,))

    async def go():
        async with provider_of(engine(reply, template=TOOLS).url) as provider:
            return await collect(provider, request)

    events = asyncio.run(go())
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert calls[0].name == "get_weather"
    assert json.loads("".join(call.arguments for call in calls)) == {"city": "Rome"}
    assert events[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        ((Message.user("long " * 2000),), "context_length"),
        ((Message.user((ImagePart("data:image/png;base64,iVBORw0KGgo="),)),), "unsupported_feature"),
    ],
)
def test_the_real_engines_refusals_have_their_kinds(engine, messages, kind):
    async def go():
        async with provider_of(engine("Short.", context=512, parallel=1).url) as provider:
            with pytest.raises(CallFailed) as caught:
                await collect(provider, Request("m", messages))
        return caught.value.kind

    assert asyncio.run(go()) == kind


def test_the_real_engine_refuses_a_wrong_key_and_takes_the_right_one(engine):
    url = engine("Locked.", key="right").url

    async def go(key):
        async with provider_of(url, keys=(Secret(key),)) as provider:
            return joined(await collect(provider, HELLO))

    assert asyncio.run(go("right")) == "Locked."
    with pytest.raises(CallFailed) as caught:
        asyncio.run(go("wrong"))
    assert caught.value.kind == "authentication"


def test_a_killed_engine_interrupts_the_stream_and_then_refuses(engine):
    server = engine("never ever ends and more", loop=True)

    async def go():
        kinds = []
        async with provider_of(server.url) as provider:
            for _ in range(2):
                try:
                    async with provider.open(HELLO) as events:
                        await anext(events)
                        server.kill()
                        async for _ in events:
                            pass
                except CallFailed as error:
                    kinds.append(error.kind)
        return kinds

    assert asyncio.run(go()) == ["stream_interrupted", "connect_failed"]


def test_without_msgspec_answers_are_read_and_requests_written_as_with_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "msgspec", None)
    usual, json_ = (fresh(name) for name in ("_openai_usual", "_json"))
    assert usual.usual(json.dumps(said())) is None
    assert json_.parse(json.dumps(said())) == said()
    body = {"model": "m", "messages": [{"role": "user", "content": "Grüße"}], "top_p": 0.5}
    assert json_.parse(json_.quick_bytes(body)) == body


def fresh(name):
    """Return a module made anew, which nobody else sees."""
    spec = importlib.util.find_spec(f"router.providers.{name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_whole_answer_that_cannot_be_read_fails_when_it_is_read_with_its_id():
    async def go():
        reply = answer(body=b"{", headers={"x-request-id": "r-1"})
        async with (
            wall(reply) as server,
            provider_of(server.url) as provider,
            provider.open(PLAIN) as events,
        ):
            with pytest.raises(MalformedResponse) as caught:
                await anext(events)
            with pytest.raises(StopAsyncIteration):
                await anext(events)
            return caught.value.upstream_id

    assert asyncio.run(go()) == "r-1"


def test_the_answers_of_many_calls_at_once_are_told_apart():
    async def go():
        async def echo(asked, writer):
            await answer(body=said(json.loads(asked.body)["messages"][0]["content"]))(asked, writer)

        async def one(provider, text):
            return joined(await collect(provider, replace(PLAIN, messages=(Message.user(text),))))

        async with wall(echo) as server, provider_of(server.url) as provider:
            texts = [f"answer {number}" for number in range(100)]
            found = await asyncio.gather(*(one(provider, text) for text in texts))
            return [each == text for each, text in zip(found, texts, strict=True)]

    assert all(asyncio.run(go()))
