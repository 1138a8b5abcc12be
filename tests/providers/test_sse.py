"""The SSE parser gives the same events however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import ResponseTooLarge
from router.providers._sse import SseParser

LINES = st.sampled_from(
    [
        "data: a",
        "data:b",
        "data",
        "data:  é€😀",
        ": ping",
        "event: error",
        "id: 3",
        "retry: 9",
        "",
        "",
        "x",
        "data: [DONE]",
    ]
)
ENDS = st.sampled_from(["\n", "\r", "\r\n"])


def parse(chunks: list[bytes], cap: int = 1000) -> list[bytes | str]:
    parser = SseParser(cap=cap)
    events: list[bytes | str] = []
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                events.append(event)  # noqa: PERF402 - events before an error count
        events += parser.flush()
    except ResponseTooLarge:
        events.append("too large")
    return events


def cut(content: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[a:b] for a, b in itertools.pairwise(marks)]


@given(
    st.lists(st.tuples(LINES, ENDS)),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sampled_from([8, 1000]),
)
def test_any_cut_of_the_input_gives_the_same_events(lines, places, cap):
    content = "".join(line + end for line, end in lines).encode()
    whole = parse([content], cap)
    assert parse(cut(content, places), cap) == whole
    assert parse([content[i : i + 1] for i in range(len(content))], cap) == whole


@given(st.lists(st.binary(max_size=20)))
def test_arbitrary_bytes_never_break_it(chunks):
    assert parse(chunks) == parse([b"".join(chunks)])


def test_lines_end_with_cr_lf_or_both():
    assert parse([b"data: a\rdata: b\r\ndata: c\n\n"]) == [b"a\nb\nc"]


def test_comments_names_and_a_byte_order_mark_are_understood():
    events = parse([b"\xef\xbb\xbfdata: 1\n\n: ping\n\nevent: error\ndata: 2\n\ndata: 3\n\n"])
    assert events == [b"1", b"2", b"3"]


def test_an_event_without_its_empty_line_comes_at_the_end():
    assert parse([b"data: [DONE]"]) == [b"[DONE]"]


@pytest.mark.parametrize("content", [b"data: 123456789", b"data: 1234\ndata: 123456\n\n", b"x" * 20])
def test_a_line_or_an_event_over_the_cap_is_refused(content):
    assert parse([content], cap=8)[-1] == "too large"


def test_many_short_lines_that_make_one_event_over_the_cap_are_refused():
    assert parse([b"data: 123\n" * 9 + b"\n"], cap=10) == ["too large"]
    assert len(parse([b"data: 123\n\n" * 9], cap=10)) == 9


@given(st.lists(st.sampled_from([b"data: ", b"data:", b"\n\n", b"\n", b"a", b" "]), max_size=14))
def test_events_that_come_together_are_those_that_come_one_by_one(parts):
    content = b"".join(parts)
    assert parse([content]) == parse([content[i : i + 1] for i in range(len(content))])
