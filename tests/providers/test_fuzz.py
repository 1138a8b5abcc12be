"""Whatever bytes an endpoint sends, and however they are cut: the same answer, or a failure of a known kind."""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.core.errors import AllAttemptsFailed
from router.core.events import Done, Garbled, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.messages import Message
from router.core.secret import Secret
from router.providers import _openai_answer, _source
from router.providers._errors import error_for_status, error_in_answer
from router.providers._openai_answer import AnswerDecoder
from router.providers._opencode_errors import error_of_opencode
from router.providers._source import Source
from router.providers._sse import SseParser

SOURCE = Source("box", (Secret("hunter22"),), (Message.user("a prompt of some length"),))
DATA = Path(__file__).parent / "data"
BODIES = [
    case.get("body", case.get("error"))
    for path in sorted(DATA.glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]


def piece(delta, finish=None, **fields):
    return {
        "id": "1",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **fields,
    }


CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
REAL = [
    piece({"role": "assistant", "content": ""}),
    piece({"reasoning_content": "hm"}),
    piece({"content": "Grüße 😀\n"}),
    piece({"content": [{"type": "text", "text": "part"}]}),
    piece({"tool_calls": [CALL]}),
    piece({}, "stop"),
    {"id": "1", "choices": [], "usage": USAGE},
]
STREAM = (
    "".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in REAL).encode()
    + b"data: [DONE]\n\n"
)

PAYLOADS = st.one_of(st.sampled_from(REAL), st.sampled_from(BODIES))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["stop", "error", "content_filter", "[DONE]", "429", 429, 503, "\ud800", "hunter22", 1e999]
    ),
)
KEYS = st.one_of(
    st.text(max_size=3),
    st.sampled_from(
        [
            *(
                "choices",
                "delta",
                "message",
                "content",
                "text",
                "finish_reason",
                "error",
                "code",
                "type",
                "status",
            ),
            *(
                "tool_calls",
                "function",
                "arguments",
                "index",
                "id",
                "name",
                "usage",
                "prompt_tokens",
                "object",
            ),
            *(
                "reasoning",
                "refusal",
                "metadata",
                "raw",
                "headers",
                "details",
                "innererror",
                "reasons",
                "detail",
            ),
            *(
                "model",
                "completion_tokens_details",
                "data",
                "statusCode",
                "responseHeaders",
                "responseBody",
                "msg",
            ),
        ]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw):
    """Return a real payload in which one value, somewhere, is another."""
    payload = json.loads(json.dumps(draw(PAYLOADS)))
    if not isinstance(payload, dict | list) or not payload:
        return draw(JSON)
    here = payload
    while True:
        key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        inner = here[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            here[key] = draw(JSON)
            return payload
        here = inner


@st.composite
def cut(draw, content):
    """Return the same bytes in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(content)), max_size=12)))
    ends = [0, *places, len(content)]
    return [content[begin:end] for begin, end in itertools.pairwise(ends)]


@st.composite
def streams(draw):
    """Return a stream made of real events, changed ones, and noise; perhaps with a byte changed or its end missing."""
    events = draw(st.lists(st.one_of(PAYLOADS, mutated(), JSON), max_size=6))
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    lines = [
        b"data: "
        + json.dumps(event, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
        + end
        + end
        for event in events
    ]
    noise = st.one_of(
        st.sampled_from([b"data: [DONE]", b": ping", b"event: error", b"id: 1", b""]), st.binary(max_size=9)
    )
    for _ in range(draw(st.integers(0, 3))):
        lines.insert(draw(st.integers(0, len(lines))), draw(noise) + end)
    content = bytearray(b"".join(lines))
    if content and draw(st.booleans()):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


def read(chunks, cap=1 << 20):
    """Return what a stream gives: its events, and the failure that ends it; anything else is raised."""
    parser, decoder = SseParser("box", cap), AnswerDecoder(SOURCE)
    found = []
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                found += decoder.feed_event(event)
        for event in parser.flush():
            found += decoder.feed_event(event)
        found.append(decoder.end())
    except AllAttemptsFailed as error:
        found.append((type(error), str(error), error.status, error.retry_after))
    return found


def well_formed(events):
    """Assert that events are of the types the port promises."""
    for event in events[:-1]:
        assert isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta | Garbled)
    if isinstance(events[-1], Done):
        done = events[-1]
        assert done.finish_reason in {"stop", "length", "tool_calls"}
        assert isinstance(done.model, str)
        counts = [] if done.usage is None else [done.usage.input_tokens, done.usage.output_tokens]
        assert all(type(count) is int and count >= 0 for count in counts)
    for event in events[:-1]:
        texts = [
            getattr(event, name)
            for name in ("text", "id", "name", "arguments", "why")
            if hasattr(event, name)
        ]
        assert all(isinstance(text, str) for text in texts)


@given(st.data(), st.binary(max_size=200))
def test_arbitrary_bytes_in_arbitrary_pieces_give_one_result(data, content):
    whole = read([content])
    well_formed(whole)
    assert read(data.draw(cut(content))) == whole


@given(st.data(), streams())
def test_changed_streams_in_arbitrary_pieces_give_one_result(data, content):
    whole = read([content])
    well_formed(whole)
    assert read(data.draw(cut(content))) == whole


@given(st.data())
def test_a_real_stream_is_read_whole_however_it_is_cut(data):
    events = read(data.draw(cut(STREAM)))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Grüße 😀\npart"
    assert events[-1].finish_reason == "tool_calls"
    assert events[-1].usage.input_tokens == 3


def test_a_real_stream_is_read_byte_by_byte():
    assert read([bytes([each]) for each in STREAM]) == read([STREAM])


def slowly(chunks):
    """Return what a stream gives to the reader of every form alone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_openai_answer, "usual", lambda _: None)
        return read(chunks)


@given(st.lists(st.one_of(mutated(), JSON), max_size=4), st.binary(max_size=3), st.integers(0))
@example([piece({"content": ""}, message={"content": "a"})], b"", 0)
@example([piece({"content": "a", "refusal": "b"}), piece({"content": None, "refusal": "b"}, "stop")], b"", 0)
@example([piece({"reasoning": "a", "reasoning_content": ""}), piece({"tool_calls": [CALL]})], b"", 0)
@example([piece({"tool_calls": {}}), piece({"tool_calls": [], "content": "a"}, "stop", usage=3)], b"", 0)
@example([piece({"content": "a"}, "stop", usage={**USAGE, "completion_tokens": 2.0})], b"", 0)
@example(
    [piece({"content": "a"}, "stop", error={"code": 429}), piece({"content": "b"}, object="error")], b"", 0
)
@example([{"choices": [{"delta": {}, "message": {"content": "a"}, "finish_reason": "stop"}]}], b"", 0)
@example([{"choices": [{"delta": {"content": "a"}, "index": 1}, {"delta": {"content": "b"}}]}], b"", 0)
@example([{"choices": [{"delta": {"content": "a"}, "index": False, "error": "b"}]}], b"", 0)
@example([piece({"content": "a"}, "stop", odd="x")], b"\xff", -5)
@example([piece({"content": "a"}, "stop", usage={}), piece({}, usage={"total_tokens": 1})], b"", 0)
@example([piece({"content": "a"}, "stop", usage={**USAGE, "completion_tokens_details": {}})], b"", 0)
@example(
    [
        piece(
            {"content": "a"},
            "stop",
            usage={**USAGE, "prompt_tokens_details": None, "prompt_cache_hit_tokens": 1},
        )
    ],
    b"",
    0,
)
@example([piece({"content": "a"}, "stop", usage={**USAGE, "prompt_tokens": -1, "cost": 0.5})], b"", 0)
@example(
    [piece({"content": "a"}, "stop", usage={**USAGE, "completion_tokens_details": {"reasoning_tokens": 1}})],
    b"",
    0,
)
def test_what_is_read_at_once_is_read_as_the_reader_of_every_form_does(payloads, junk, place):
    lines = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in payloads)
    place %= len(lines) + 1
    for content in (lines, lines[:place] + junk + lines[place:]):
        assert read([content]) == slowly([content])


@given(st.integers(0, len(STREAM) - 1))
def test_a_real_stream_that_ends_early_is_never_a_success_before_its_reason(place):
    events = read([STREAM[:place]])
    told = STREAM.index(b'"finish_reason": "stop"')
    assert not isinstance(events[-1], Done) or place > told


@given(st.data(), st.lists(st.sampled_from([b"x" * 7, b"data: ", b"\n", b"\r", b"data: 12\n"]), max_size=20))
def test_what_is_over_the_cap_is_refused_however_it_is_cut(data, parts):
    content = b"".join(parts)
    kinds = {
        read(pieces, cap=20)[-1]
        for pieces in ([content], data.draw(cut(content)), [bytes([b]) for b in content])
    }
    assert len(kinds) == 1


@given(st.one_of(mutated(), JSON))
@example(
    {"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": "3", "completion_tokens": -1}}
)
@example(
    {"choices": [{"message": {"content": None, "tool_calls": [{"function": {"arguments": {"a": 1e999}}}]}}]}
)
def test_a_changed_whole_answer_is_an_answer_or_a_known_failure(payload):
    decoder = AnswerDecoder(SOURCE)
    with contextlib.suppress(AllAttemptsFailed):
        well_formed([*decoder.feed_whole(json.dumps(payload)), decoder.end()])


def nested(depth, before, after, inside="1"):
    return before * depth + inside + after * depth


@pytest.mark.parametrize(
    "shape",
    [
        '{{"choices": [{{"message": {{"content": {}}}}}]}}',
        '{{"choices": [{{"message": {{"tool_calls": [{{"function": {{"arguments": {{"a": {}}}}}}}]}}}}]}}',
        '{{"choices": {}}}',
        '{{"error": {}}}',
        '{{"error": {{"message": {}}}}}',
        '{{"error": {{"metadata": {{"raw": {}}}}}}}',
        '{{"usage": {}}}',
    ],
)
@pytest.mark.parametrize(("before", "after"), [("[", "]"), ('[{"text": ', "}]"), ('{"error": ', "}")])
def test_depth_breaks_nothing(shape, before, after):
    for depth in (
        100,
        *range(300, 1010, 2),
        5000,
    ):  # what a parser still takes may be too deep for who comes after it
        text = shape.format(nested(depth, before, after))
        decoder = AnswerDecoder(SOURCE)
        with contextlib.suppress(AllAttemptsFailed):
            decoder.feed_whole(text)
            decoder.end()
        assert isinstance(error_for_status(SOURCE, 400, {}, text.encode()), AllAttemptsFailed)


@given(st.integers(300, 599), st.one_of(mutated(), JSON, st.sampled_from(BODIES)))
def test_a_changed_refusal_has_a_kind_and_keeps_its_status(status, payload):
    error = error_for_status(SOURCE, status, {}, json.dumps({"error": payload}).encode())
    assert error.status == status
    assert "hunter22" not in str(error)
    assert str(error).isprintable()
    assert error.retry_after is None or error.retry_after >= 0


@given(st.one_of(mutated(), JSON))
def test_a_changed_error_inside_an_answer_has_a_kind(payload):
    for error in (error_in_answer(SOURCE, payload), error_of_opencode(SOURCE, payload)):
        assert isinstance(error, AllAttemptsFailed)
        assert str(error).isprintable()
        assert "hunter22" not in f"{error} {error.upstream_id}"


@given(st.binary(max_size=100), st.text(max_size=100))
def test_what_is_quoted_is_printable_short_and_without_secrets(content, text):
    for said in (content.decode("utf-8", "replace"), text, f"{text}hunter22{text}"):
        shown = SOURCE.quote(said)
        assert shown.isprintable()
        assert len(shown) <= 300
        assert "hunter22" not in shown


PIECES = [
    "sk-",
    "PK_",
    "rk-",
    "gsk_",
    "xai-",
    "AIza",
    "Bearer ",
    "basic ",
    "?key=",
    "&KEY=",
    "abcdefghijklm",
    " ",
    "é",
    "\u017fk-",
]


@given(st.lists(st.sampled_from(PIECES), max_size=6))
def test_text_that_has_no_sign_of_a_key_is_what_the_search_for_keys_leaves(pieces):
    text = "".join(pieces)
    shown = Source("box").quote(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_source, "_may_show_key", lambda _: True)
        assert Source("box").quote(text) == shown
