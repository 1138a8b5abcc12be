"""Ollama: what is sent, what every kind of answer becomes, and how its models come and go."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_ollama import FakeOllama, Pulled, fake_ollama
from support.wall import answer, mute, raw, wall

from router.core.cloud import answered_elsewhere
from router.core.errors import CallFailed, MalformedResponse, ResponseTooLarge
from router.core.events import Done, Garbled, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.messages import ImagePart, Message, TextPart, ToolCall
from router.core.port import Listed, Lister, Probed, Resident
from router.core.request import Endpoint, HealthPolicy, Request
from router.core.secret import Secret
from router.core.usage import Usage
from router.providers import create
from router.providers._ollama_answer import LineParser, OllamaDecoder
from router.providers._ollama_models import cuts_unseen, listed
from router.providers._source import Source
from router.testing.contract import ProviderContract, collect, joined

HELLO = Request("llama3.2", (Message.user("hello"),))
PLAIN = Request("llama3.2", (Message.user("hello"),), stream=False)
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
SAID = {"model": "llama3.2", "message": {"role": "assistant", "content": "hello"}, "done": False}
END = {
    "model": "llama3.2",
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 2,
}


@pytest.fixture
def ollama():
    with fake_ollama("llama3.2", "qwen3:8b") as server:
        yield server


@asynccontextmanager
async def provider_of(url, **fields):
    provider = create(Endpoint("box", "ollama", fields.pop("locality", "local"), url, **fields))
    try:
        yield provider
    finally:
        await provider.close()


def lines(*objects, cut=False):
    """Answer with a line for each object; texts and bytes are sent as they are."""
    sent = [each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in objects]
    body = b"".join(sent)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n"
    return raw(head % (len(body) + 10 * cut) + body)


def ask(*replies, request=HELLO, **fields):
    """Return events or the error, and what the wall saw."""

    async def go():
        async with wall(*replies) as server, provider_of(server.url, **fields) as provider:
            try:
                return await collect(provider, request), server
            except CallFailed as error:
                return error, server

    return asyncio.run(go())


def talk(url, request=HELLO, **fields):
    async def go():
        async with provider_of(url, **fields) as provider:
            try:
                return await collect(provider, request)
            except CallFailed as error:
                return error

    return asyncio.run(go())


def sent(request):
    """Return the body that a request becomes."""
    _, server = ask(lines(SAID, END), request=request)
    return server.asked[0].json


def refused(request):
    error, server = ask(lines(SAID, END), request=request)
    assert not server.asked
    return error


class TestContract(ProviderContract):
    replies: ClassVar = {
        "silent": mute,
        "unknown_model": answer(404, {"error": "model 'model' not found"}),
        "empty": lines(END),
        "malformed": lines(b"{]\n"),
    }

    @pytest.fixture(autouse=True)
    def _servers(self):
        with fake_ollama("model") as self.fake:
            yield

    async def make(self, situation):
        if situation == "answers":
            return create(Endpoint("box", "ollama", "local", self.fake.url))
        replies = {**self.replies, "endless": endless}
        standing = wall(replies[situation])
        self.wall = await standing.__aenter__()
        provider = create(Endpoint("wall", "ollama", "local", self.wall.url))
        close = provider.close

        async def close_both():
            await close()
            await standing.__aexit__(None, None, None)

        provider.close = close_both
        return provider

    async def is_free(self, provider):
        del provider
        return not hasattr(self, "wall") or self.wall.connections == 0


async def endless(_, writer):
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    line = json.dumps(SAID).encode() + b"\n"
    while True:
        writer.write(b"%x\r\n%s\r\n" % (len(line), line))
        await writer.drain()
        await asyncio.sleep(0.001)


def test_it_can_be_probed_lists_its_models_and_loads_them():
    provider = create(Endpoint("box", "ollama", "local", "http://127.0.0.1:1"))
    assert isinstance(provider, Probed)
    assert isinstance(provider, Lister)
    assert isinstance(provider, Resident)


def test_a_streamed_answer_is_read(ollama):
    *words, done = talk(ollama.url)
    assert [type(word) for word in words] == [TextDelta] * 4
    assert joined(words) == "Hello from llama3.2: hello"
    assert done == Done("stop", Usage(1, 4), "llama3.2")


def test_a_whole_answer_is_read(ollama):
    assert talk(ollama.url, PLAIN) == [
        TextDelta("Hello from llama3.2: hello"),
        Done("stop", Usage(1, 4), "llama3.2"),
    ]


def test_nothing_of_a_prompt_or_an_answer_may_be_cut_away_unseen(ollama):
    talk(ollama.url)
    assert (ollama.asked[0]["truncate"], ollama.asked[0]["shift"]) == (False, False)
    tries = {"truncate": True, "shift": True, "options": {"top_k": 7}}
    body = sent(Request("m", (Message.user("hi"),), extra=tries))
    assert (body["truncate"], body["shift"], body["options"]) == (False, False, {"top_k": 7})


@pytest.mark.parametrize("stream", [True, False])
def test_a_prompt_over_the_window_is_an_error_of_its_own(ollama, stream):
    long = Request("llama3.2", (Message.user("much " * 100),), stream=stream, context=64)
    error = talk(ollama.url, long)
    assert error.kind == "context_length"
    assert "exceeds the available context size (64 tokens)" in str(error)
    assert '"error"' not in str(error)


def test_options_have_their_names_and_their_place(ollama):
    params = {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 2,
        "stop": ["END"],
        "seed": 7,
    }
    *words, done = talk(ollama.url, Request("llama3.2", HELLO.messages, params, context=8192))
    assert ollama.asked[0]["options"] == {
        "temperature": 0.5,
        "top_p": 0.9,
        "num_predict": 2,
        "stop": ["END"],
        "seed": 7,
        "num_ctx": 8192,
    }
    assert (joined(words), done.finish_reason) == ("Hello from ", "length")
    assert ollama.memory["llama3.2:latest"].context == 8192


def test_what_is_not_said_is_left_to_ollama(ollama):
    talk(ollama.url)
    assert set(ollama.asked[0]) == {"model", "messages", "stream", "truncate", "shift"}


def test_further_fields_and_options_are_sent_as_they_are():
    extra = {"keep_alive": "1h", "think": False, "options": {"num_gpu": 0, "temperature": 1}}
    body = sent(Request("m", HELLO.messages, {"temperature": 0, "seed": 1}, extra=extra))
    assert (body["keep_alive"], body["think"]) == ("1h", False)
    assert body["options"] == {"temperature": 1, "seed": 1, "num_gpu": 0}


@pytest.mark.parametrize(
    ("effort", "think"),
    [("none", False), ("minimal", "low"), ("low", "low"), ("high", "high"), ("xhigh", "high")],
)
def test_reasoning_effort_is_how_it_thinks(effort, think):
    assert sent(Request("m", HELLO.messages, {"reasoning_effort": effort}))["think"] == think


def test_thinking_is_reasoning_and_not_part_of_the_answer():
    with fake_ollama(**{"r1:latest": Pulled(capabilities=("completion", "thinking"))}) as server:
        events = talk(server.url, Request("r1", HELLO.messages, {"reasoning_effort": "low"}))
    assert events[0] == ReasoningDelta("Let me see.")
    assert joined(events) == "Hello from r1: hello"


def test_a_model_that_cannot_think_says_so(ollama):
    error = talk(ollama.url, Request("llama3.2", HELLO.messages, {"reasoning_effort": "low"}))
    assert error.kind == "unsupported_feature"


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("wanted", "form"),
    [
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}, SCHEMA),
        ({"type": "text"}, None),
    ],
)
def test_a_response_format_is_ollamas_format(wanted, form):
    assert sent(Request("m", HELLO.messages, response_format=wanted)).get("format") == form


@pytest.mark.parametrize("wanted", [{}, {"type": "grammar"}, {"type": "json_schema", "json_schema": {}}])
def test_another_response_format_is_refused(wanted):
    assert refused(Request("m", HELLO.messages, response_format=wanted)).kind == "invalid_request"


@pytest.mark.parametrize("stream", [True, False])
def test_tool_calls_come_out_in_the_common_form(ollama, stream):
    call, done = talk(ollama.url, Request("llama3.2", HELLO.messages, tools=[TOOL], stream=stream))
    assert call == ToolCallDelta(0, "call_abc12345", "get_weather", '{"city": "Rome"}')
    assert done.finish_reason == "tool_calls"
    assert ollama.asked[0]["tools"] == [TOOL]


def test_calls_without_a_number_or_a_name_of_their_own_are_told_apart():
    before = (
        Message.user("both"),
        Message("assistant", "", (ToolCall("call_0", "f", "{}"),)),
        Message("tool", "1", tool_call_id="call_0"),
    )
    one = {
        **SAID,
        "message": {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
    }
    two = {**SAID, "message": {"role": "assistant", "tool_calls": [{"function": {"name": "g"}}]}}
    events, _ = ask(lines(one, two, END), request=Request("m", before, tools=[TOOL]))
    assert events[:2] == [
        ToolCallDelta(0, "call_1", "f", '{"a": 1}'),
        ToolCallDelta(1, "call_2", "g", "{}"),
    ]


def test_the_messages_of_a_conversation_with_tools_are_ollamas():
    talked = (
        Message("developer", "Be brief."),
        Message.user("Weather?"),
        Message(
            "assistant", "", (ToolCall("c1", "get_weather", '{"city": "Rome"}'), ToolCall("c2", "now", ""))
        ),
        Message("tool", "20", tool_call_id="c1"),
        Message("tool", "noon", tool_call_id="c9"),
    )
    assert sent(Request("m", talked))["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "c1", "function": {"name": "get_weather", "arguments": {"city": "Rome"}}},
                {"id": "c2", "function": {"name": "now", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "20", "tool_call_id": "c1", "tool_name": "get_weather"},
        {"role": "tool", "content": "noon", "tool_call_id": "c9"},
    ]


@pytest.mark.parametrize("arguments", ["[1]", "{", "[" * 100_000])
def test_arguments_of_earlier_calls_that_are_no_object_are_refused(arguments):
    talked = (Message.user("x"), Message("assistant", "", (ToolCall("c", "f", arguments),)))
    assert refused(Request("m", talked)).kind == "invalid_request"


def test_tools_are_not_sent_where_none_may_be_called():
    assert "tools" not in sent(Request("m", HELLO.messages, tools=[TOOL], tool_choice="none"))
    assert "tools" in sent(Request("m", HELLO.messages, tools=[TOOL], tool_choice="auto"))


def test_a_call_of_a_tool_cannot_be_demanded():
    error = refused(Request("m", HELLO.messages, tools=[TOOL], tool_choice="required"))
    assert error.kind == "unsupported_feature"
    assert "tool_choice" in str(error)


def test_images_are_sent_as_data():
    picture = ImagePart("data:image/png;base64,iVBORw0=")
    body = sent(Request("m", (Message.user((TextPart("What is "), picture, TextPart("this?"))),)))
    assert body["messages"] == [{"role": "user", "content": "What is this?", "images": ["iVBORw0="]}]


@pytest.mark.parametrize("url", ["https://example.org/cat.png", "data:image/png,abc"])
def test_an_image_that_is_no_data_is_refused(url):
    assert refused(Request("m", (Message.user((ImagePart(url),)),))).kind == "unsupported_feature"


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "kimi-k2:cloud", "me/gpt-oss:20b:cloud"])
def test_what_ollama_com_would_answer_does_not_leave_a_local_endpoint(name):
    error = refused(Request(name, HELLO.messages))
    assert error.kind == "unsupported_feature"
    assert "locality: remote" in str(error)
    events, _ = ask(lines(SAID, END), request=Request(name, HELLO.messages), locality="remote")
    assert joined(events) == "hello"


@pytest.mark.parametrize("name", ["cloud", "llama3.2", "cloud/llama3.2:latest", "my-cloud:8b", "x:cloudy"])
def test_other_names_are_answered_where_ollama_runs(name):
    assert not answered_elsewhere(name)


@pytest.mark.parametrize("ending", ["", "/v1", "/api"])
def test_the_address_of_another_interface_of_it_is_understood(ollama, ending):
    assert joined(talk(ollama.url + ending)) == "Hello from llama3.2: hello"
    assert ollama.paths == ["POST /api/chat"]


def test_its_paths_are_the_same_on_a_socket(tmp_path):
    async def go():
        async with (
            wall(lines(SAID, END), unix=str(tmp_path / "s")) as server,
            provider_of(server.url) as provider,
        ):
            return joined(await collect(provider, HELLO)), server.asked[0].path

    assert asyncio.run(go()) == ("hello", "/api/chat")


def test_a_key_is_a_bearer_token():
    _, server = ask(lines(SAID, END), keys=(Secret("hunter22"),))
    assert server.asked[0].headers["authorization"] == "Bearer hunter22"


def test_a_full_queue_is_overload(ollama):
    ollama.busy = True
    error = talk(ollama.url)
    assert (error.kind, error.status, error.retryable) == ("overloaded", 503, True)


def test_an_unknown_model_is_told(ollama):
    error = talk(ollama.url, Request("nope", HELLO.messages))
    assert error.kind == "model_not_found"
    assert "model 'nope' not found" in str(error)


@pytest.mark.parametrize(("pieces", "stream"), [(0, True), (2, True), (2, False)])
def test_an_error_inside_an_answer_is_one(ollama, pieces, stream):
    ollama.breaks = pieces
    error = talk(ollama.url, Request("llama3.2", HELLO.messages, stream=stream))
    assert error.kind == "server_error"
    assert "unexpected EOF" in str(error)


def kind_of(*objects, **more):
    error, _ = ask(lines(*objects, **more))
    return error.kind


def test_a_full_queue_inside_a_stream_is_overload():
    assert (
        kind_of({"error": "server busy, please try again.  maximum pending requests exceeded"})
        == "overloaded"
    )


def test_an_answer_that_stops_before_its_end_is_interrupted():
    assert kind_of(SAID) == "stream_interrupted"
    assert kind_of(SAID, b'{"message": {"conte') == "stream_interrupted"
    assert kind_of(SAID, cut=True) == "stream_interrupted"


def test_the_last_line_needs_no_end():
    events, _ = ask(lines(SAID, json.dumps(END).encode()))
    assert events == [TextDelta("hello"), Done("stop", Usage(3, 2), "llama3.2")]


def test_what_comes_after_the_end_is_not_read():
    assert joined(ask(lines(SAID, END, SAID, b"garbage\n"))[0]) == "hello"


@pytest.mark.parametrize(
    "line",
    [
        b"x\n",
        b"[]\n",
        b'{"message": 1}\n',
        b'{"message": {"tool_calls": 1}}\n',
        b'{"message": {"tool_calls": [1]}}\n',
    ],
)
def test_a_line_that_cannot_be_read_spoils_an_answer_only_before_its_begin(line):
    assert kind_of(line, SAID, END) == "malformed_response"
    events, _ = ask(lines(SAID, line, END))
    assert [type(event) for event in events] == [TextDelta, Garbled, Done]


def test_usage_that_is_left_out_is_unknown_not_nothing():
    bare = {name: value for name, value in END.items() if not name.endswith("count")}
    assert ask(lines(SAID, bare))[0][-1].usage is None
    assert ask(lines(SAID, {**bare, "prompt_eval_count": 5}))[0][-1].usage == Usage(5, 0)


def test_an_end_without_a_reason_is_a_stop():
    assert ask(lines(SAID, {**END, "done_reason": ""}))[0][-1].finish_reason == "stop"


def test_a_web_page_is_no_answer():
    error, _ = ask(answer(200, b"<html>", kind="text/html"))
    assert (error.kind, "web page" in str(error)) == ("malformed_response", True)


def test_an_answer_of_another_content_type_is_read_as_asked():
    whole = {**END, "message": SAID["message"]}
    for request in (HELLO, PLAIN):
        assert joined(ask(answer(200, whole, kind="text/plain"), request=request)[0]) == "hello"


def test_a_line_without_an_end_has_a_cap():
    parser = LineParser("here", cap=10)
    assert list(parser.feed(b"123456789\n")) == [b"123456789"]
    with pytest.raises(ResponseTooLarge, match="here sent a line of more than 10 bytes"):
        list(parser.feed(b"12345678901"))


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12), max_size=6)


@given(LINES, st.lists(st.integers(0, 80), max_size=8))
def test_lines_are_the_same_however_the_bytes_are_cut(texts, cuts):
    content = "\n".join(texts).encode()
    places = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    parser = LineParser()
    found = [line for a, b in itertools.pairwise(places) for line in parser.feed(content[a:b])]
    assert [*found, *parser.flush()] == [text.encode().strip() for text in texts if text.encode().strip()]


@given(st.lists(st.integers(0, 600), max_size=12))
def test_an_answer_is_the_same_however_its_bytes_are_cut(cuts):
    pieces = [{**SAID, "message": {"role": "assistant", "content": text}} for text in ("né", "👍", '"\\n"')]
    content = b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in (*pieces, END))
    places = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    parser, decoder = LineParser(), OllamaDecoder(Source("here"))
    events = [
        event
        for a, b in itertools.pairwise(places)
        for line in parser.feed(content[a:b])
        for event in decoder.feed_event(line)
    ]
    assert [*events, decoder.end()] == [
        TextDelta("né"),
        TextDelta("👍"),
        TextDelta('"\\n"'),
        Done("stop", Usage(3, 2), "llama3.2"),
    ]


def with_provider(server, work, **fields):
    async def go():
        async with provider_of(server.url, **fields) as provider:
            return await work(provider)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("reply", "vitality"),
    [
        (answer(200, {"version": "0.24.0"}), "up"),
        (answer(401, {"error": "unauthorized"}), "up"),
        (answer(500, b""), "down"),
        (raw(b""), "down"),
    ],
)
def test_it_tells_how_it_is(reply, vitality):
    async def go():
        async with wall(reply) as server, provider_of(server.url) as provider:
            return await provider.probe(), server.asked[0].path

    assert asyncio.run(go()) == (vitality, "/api/version")


def test_a_probe_of_ones_own_is_used():
    async def go():
        async with (
            wall(answer(200, b"")) as server,
            provider_of(server.url, health=HealthPolicy(probe="/up")) as it,
        ):
            return await it.probe(), server.asked[0].path

    assert asyncio.run(go()) == ("up", "/up")


def test_the_models_are_listed_with_what_is_in_memory(ollama):
    async def work(provider):
        before = await provider.listed()
        await provider.load("llama3.2", 8192)
        return before, await provider.listed()

    before, after = with_provider(ollama, work)
    assert before == (
        Listed("llama3.2:latest", size=2**31, state="unloaded", aliases=("llama3.2",)),
        Listed("qwen3:8b", size=2**31, state="unloaded"),
    )
    assert after[0] == Listed(
        "llama3.2:latest",
        context=8192,
        size=2**31,
        memory=2**31 + 16 * 2**20,
        state="loaded",
        aliases=("llama3.2",),
    )
    assert after[0].goes_by("llama3.2")
    assert not after[0].goes_by("qwen3:8b")


def test_a_model_that_was_removed_while_in_memory_is_listed(ollama):
    async def work(provider):
        await provider.load("qwen3:8b")
        del ollama.models["qwen3:8b"]
        return await provider.listed()

    assert [(each.id, each.state) for each in with_provider(ollama, work)] == [
        ("llama3.2:latest", "unloaded"),
        ("qwen3:8b", "loaded"),
    ]


def test_where_a_model_is_answered_elsewhere_is_told():
    with fake_ollama(**{"gpt-oss:120b-cloud": Pulled(remote_host="https://ollama.com:443")}) as server:
        (found,) = with_provider(server, lambda provider: provider.listed())
    assert found.elsewhere == "https://ollama.com:443"


def test_a_loaded_model_stays_with_the_window_it_has(ollama):
    async def work(provider):
        await provider.load("llama3.2", 2048)
        await provider.load("llama3.2", 2048)
        await collect(provider, HELLO)
        await collect(provider, Request("llama3.2", HELLO.messages, context=2048))

    with_provider(ollama, work)
    assert ollama.started == ["llama3.2:latest"]
    assert ollama.memory["llama3.2:latest"].keep == -1
    assert [body.get("keep_alive") for body in ollama.asked] == [-1, -1, -1, -1]


def test_an_unloaded_model_is_left_to_ollama_again(ollama):
    async def work(provider):
        await provider.load("llama3.2")
        await provider.unload("llama3.2")
        await provider.unload("llama3.2")
        gone = dict(ollama.memory)
        await collect(provider, HELLO)
        return gone

    assert with_provider(ollama, work) == {}
    assert "keep_alive" not in ollama.asked[-1]


def test_unloading_waits_until_the_memory_is_free():
    models = [{"name": "llama3.2:latest", "model": "llama3.2:latest", "size": 1}]
    there, gone = answer(200, {"models": models}), answer(200, {"models": []})

    async def go():
        async with wall(answer(200, END), there, there, gone) as server, provider_of(server.url) as provider:
            await provider.unload("llama3.2")
            return [asked.path for asked in server.asked]

    assert asyncio.run(go()) == ["/api/chat", "/api/ps", "/api/ps", "/api/ps"]


def test_a_model_that_is_not_there_cannot_be_loaded_or_unloaded(ollama):
    async def work(provider):
        kinds = []
        for verb in (provider.load, provider.unload):
            with pytest.raises(CallFailed) as caught:
                await verb("nope")
            kinds.append(caught.value.kind)
        return kinds

    assert with_provider(ollama, work) == ["model_not_found", "model_not_found"]


def test_what_ollama_com_answers_is_not_loaded(ollama):
    async def work(provider):
        with pytest.raises(CallFailed) as caught:
            await provider.load("kimi-k2:cloud")
        return caught.value.kind

    assert with_provider(ollama, work) == "unsupported_feature"


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, b"<html><body>hello</body></html>", kind="text/html"),
        answer(200, b"hello"),
        answer(200, []),
        answer(200, {"models": [1]}),
        answer(404, b"404 page not found"),
        raw(b""),
    ],
)
def test_a_server_that_is_no_ollama_cannot_be_listed(reply):
    async def go():
        async with wall(reply) as server, provider_of(server.url) as provider:
            with pytest.raises(CallFailed):
                await provider.listed()

    asyncio.run(go())


def test_names_of_older_versions_are_understood():
    tags = answer(200, {"models": [{"name": "a", "size": True}, {"size": 1}]})

    async def go():
        async with wall(tags, tags) as server, provider_of(server.url) as provider:
            return await provider.listed()

    (found,) = asyncio.run(go())
    assert (found.id, found.size, found.aliases) == ("a", None, ("a:latest",))


@pytest.mark.parametrize(
    ("version", "cuts"),
    [
        ("0.12.5", True),
        ("0.12.6", False),
        ("0.24.0-rc1", False),
        ("0.9", True),
        ("0.0.0", False),
        ("main", False),
    ],
)
def test_versions_that_cut_prompts_unseen_are_known(version, cuts):
    assert cuts_unseen(version) == cuts


@pytest.mark.skipif(
    find_spec("ollama") is None, reason="the official client is not installed: pip install ollama"
)
class TestTheFakeAgreesWithTheOfficialClient:
    """What the fake sends is what the official client reads, so that it may stand for the server."""

    @pytest.fixture
    def client(self, ollama: FakeOllama):
        with import_module("ollama").Client(host=ollama.url) as client:
            yield client

    def test_it_chats(self, client):
        found = client.chat("llama3.2", [{"role": "user", "content": "hello"}])
        assert found.message.content == "Hello from llama3.2: hello"
        assert (found.done_reason, found.prompt_eval_count, found.eval_count) == ("stop", 1, 4)

    def test_it_streams(self, client):
        found = list(client.chat("llama3.2", [{"role": "user", "content": "hello"}], stream=True))
        assert "".join(each.message.content for each in found) == "Hello from llama3.2: hello"
        assert [each.done for each in found] == [False] * 4 + [True]

    def test_it_calls_tools(self, client):
        found = client.chat("llama3.2", [{"role": "user", "content": "hello"}], tools=[TOOL])
        assert found.message.tool_calls[0].function.arguments == {"city": "Rome"}

    def test_it_lists_loads_and_unloads(self, client):
        assert [each.model for each in client.list().models] == ["llama3.2:latest", "qwen3:8b"]
        client.chat("qwen3:8b", [], keep_alive=-1, options={"num_ctx": 2048})
        (there,) = client.ps().models
        assert (there.model, there.context_length) == ("qwen3:8b", 2048)
        assert there.expires_at.year > 2100
        client.chat("qwen3:8b", [], keep_alive=0)
        assert list(client.ps().models) == []

    def test_errors_are_errors(self, client, ollama):
        error = import_module("ollama").ResponseError
        with pytest.raises(error, match="not found") as caught:
            client.chat("nope", [{"role": "user", "content": "hello"}])
        assert caught.value.status_code == 404
        ollama.breaks = 1
        with pytest.raises(error, match="unexpected EOF"):
            list(client.chat("llama3.2", [{"role": "user", "content": "hello"}], stream=True))
        ollama.busy = True
        with pytest.raises(error, match="server busy"):
            client.chat("llama3.2", [{"role": "user", "content": "hello"}])

    def test_a_long_prompt_is_cut_unseen_unless_it_is_forbidden(self, client, ollama):
        long = [{"role": "user", "content": " ".join(map(str, range(100)))}]
        found = client.chat("llama3.2", long, options={"num_ctx": 64})
        assert "0 1 2" not in found.message.content
        error = talk(ollama.url, Request("llama3.2", (Message.user(long[0]["content"]),), context=64))
        assert error.kind == "context_length"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def named(*names):
    return st.dictionaries(st.sampled_from(names), JSON)


MODELS = st.fixed_dictionaries(
    {"models": st.lists(named("name", "model", "size", "remote_host", "context_length") | JSON, max_size=3)}
)


@given(MODELS | JSON, MODELS | JSON)
def test_whatever_is_listed_is_models_or_is_malformed(tags, ps):
    with suppress(MalformedResponse):
        assert all(isinstance(each, Listed) for each in listed(tags, ps, "here"))


MESSAGE = named("content", "thinking", "tool_calls", "role") | JSON
LINE = st.fixed_dictionaries(
    {}, optional={"message": MESSAGE, "done": JSON, "error": JSON, "done_reason": JSON}
)


@given(st.lists(LINE | JSON, max_size=4))
def test_whatever_is_said_is_events_or_a_failure(objects):
    decoder = OllamaDecoder(Source("here"))
    with suppress(CallFailed):
        for each in objects:
            for event in decoder.feed_event(json.dumps(each)):
                assert not isinstance(event, Done)
        assert isinstance(decoder.end(), Done)
