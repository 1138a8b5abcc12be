"""However an answer is cut into packets, it is read as the same answer, or refused; it never hangs and is never another."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.providers.transport import connection as subject
from router.providers.transport.failures import WireError
from router.providers.transport.message import Message
from router.providers.transport.target import Target

SECOND = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"


class Wire(asyncio.Transport):
    """A transport to nowhere that remembers."""

    def __init__(self):
        super().__init__()
        self.aborted = False

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def get_write_buffer_size(self):
        return 0

    def write(self, data):
        pass

    def is_closing(self):
        return self.aborted

    def abort(self):
        self.aborted = True

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


class Shelf:
    """A pool that remembers what it is given back."""

    def __init__(self):
        self.given = []

    def give(self, connection):
        self.given.append(connection)

    def forget(self, connection):
        pass


LOOP = asyncio.new_event_loop()


@pytest.fixture(scope="module", autouse=True)
def _closed():
    yield
    LOOP.close()


def read(packets, *, closed=True, bodiless=False):
    """Return status, fields and body, or the kind of failure; and whether the connection may be used again."""
    shelf, wire = Shelf(), Wire()
    connection = subject.Connection(shelf, Target("box", 80))
    connection.connection_made(wire)
    answer = connection.send(LOOP, Message(b"", b"", bodiless=bodiless))
    for packet in packets:
        if wire.aborted:
            break
        connection.data_received(packet)
    kept = bool(shelf.given) and not wire.aborted
    if closed:
        connection.connection_lost(None)

    async def body():
        await answer.head()
        parts = []
        while (part := await answer.take()) is not None:
            parts.append(part)
        return answer.status, answer.headers, b"".join(parts)

    try:
        return LOOP.run_until_complete(asyncio.wait_for(body(), 5)), kept
    except WireError as error:
        return type(error).__name__, kept


def cut(content, places):
    marks = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[a:b] for a, b in itertools.pairwise(marks) if a < b]


def head(*lines, status=b"200 OK"):
    return b"".join(line + b"\r\n" for line in (b"HTTP/1.1 " + status, *lines, b""))


def chunked(*parts):
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


BODIES = st.binary(max_size=60)
PARTS = st.lists(st.binary(min_size=1, max_size=30), max_size=5)
INTERIM = st.sampled_from(
    [b"", head(status=b"100 Continue"), head(b"link: </x>", status=b"103 Early Hints") * 2]
)
FIELDS = st.lists(
    st.sampled_from([b"X-A: 1", b"x-a: 2", b"Server: nginx", b"Set-Cookie: a=b", b"Empty:"]), max_size=4
)
GOOD = st.one_of(
    st.builds(lambda i, f, b: i + head(*f, b"Content-Length: %d" % len(b)) + b, INTERIM, FIELDS, BODIES),
    st.builds(
        lambda i, f, p: i + head(b"Transfer-Encoding: chunked", *f) + chunked(*p), INTERIM, FIELDS, PARTS
    ),
    st.builds(lambda f, b: head(*f) + b, FIELDS, BODIES),
    st.builds(lambda f: head(*f, status=b"204 No Content"), FIELDS),
)
BROKEN = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda good, at, junk: good[: at % len(good)] + junk + good[at % len(good) :],
        GOOD,
        st.integers(0),
        st.binary(max_size=3),
    ),
    st.builds(lambda good, at: good[: at % len(good)], GOOD, st.integers(0)),
    st.builds(
        lambda good, after: good + after, GOOD, st.one_of(st.just(SECOND), st.binary(min_size=1, max_size=8))
    ),
)
PLACES = st.lists(st.integers(0, 10_000), max_size=12)


@settings(max_examples=300)
@given(st.one_of(GOOD, BROKEN), PLACES)
@example(SECOND + SECOND, [])
@example(head(b"Connection: close", b"Content-Length: 2") + b"hi" + SECOND, [5])
def test_every_cut_of_a_stream_of_bytes_is_read_as_the_same_answer(content, places):
    whole = read([content])
    assert read(cut(content, places)) == whole
    assert read([content[i : i + 1] for i in range(len(content))])[0] == whole[0]


@given(BODIES, PARTS, FIELDS, INTERIM)
def test_a_valid_answer_is_read_exactly(body, parts, fields, interim):
    said, kept = read([interim + head(*fields, b"Content-Length: %d" % len(body)) + body])
    assert (said[0], said[2], kept) == (200, body, True)
    said, kept = read([interim + head(*fields, b"Transfer-Encoding: chunked") + chunked(*parts)])
    assert (said[0], said[2], kept) == (200, b"".join(parts), True)
    said, kept = read([interim + head(*fields) + body])
    assert (said[0], said[2], kept) == (200, body, False)


@given(GOOD, st.integers(0), PLACES)
def test_an_answer_that_is_cut_short_fails_unless_its_end_is_the_connections(content, at, places):
    short = content[: at % len(content)]
    said, kept = read(cut(short, places))
    whole, _ = read([content])
    if isinstance(said, tuple):
        ends_itself = {"content-length", "transfer-encoding"} & said[1].keys()
        assert not ends_itself or said == whole
        assert whole[2].startswith(said[2])
        assert kept is False or said == whole
    else:
        assert said in {"Hangup", "CutOff", "NotHttp"}


@pytest.mark.parametrize("after", [SECOND, b"x", b"0", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("together", [True, False])
def test_what_follows_a_complete_answer_ends_its_connection_and_is_no_answer(after, together):
    first = head(b"Content-Length: 2") + b"hi"
    said, kept = read([first + after] if together else [first, after], closed=False)
    assert (said[2], kept) == (b"hi", False)


@pytest.mark.parametrize(
    "content",
    [
        head(b"Content-Length: 2", b"Transfer-Encoding: chunked") + chunked(b"hi"),
        head(b"Transfer-Encoding: chunked", b"Content-Length: 2") + chunked(b"hi"),
        head(b"Transfer-Encoding: gzip, chunked") + chunked(b"hi"),
        head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + chunked(b"hi"),
        head(b"Transfer-Encoding: identity") + b"hi",
        head(b"Transfer-Encoding: xchunked") + b"hi",
        head(b"Content-Length: 2", b"Content-Length: 2") + b"hi",
        head(b"Content-Length: 2, 2") + b"hi",
        head(b"Content-Length: +2") + b"hi",
        head(b"Content-Length: 0x2") + b"hi",
        head(b"Content-Length : 2") + b"hi",
        head(b"X: a", b" folded", b"Content-Length: 2") + b"hi",
        head(b"X: a\x00b", b"Content-Length: 2") + b"hi",
        head(b"Transfer-Encoding: chunked") + b"2\nhi\n0\n\n",
        head(b"Transfer-Encoding: chunked") + b"-2\r\nhi\r\n0\r\n\r\n",
        head(b"Transfer-Encoding: chunked") + b"2\r\nhiX0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hi"),
        head(b"Upgrade: h2c", status=b"101 Switching Protocols") + SECOND,
        b"ICY 200 OK\r\n\r\nhi",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_an_answer_whose_end_can_be_misread_is_refused(content):
    assert read([content])[0] == "NotHttp"


@pytest.mark.parametrize("size", [1, 1000, 70_000])
@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 200 " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nX:" + b" " * 200_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        head(b"Transfer-Encoding: chunked") + b"0\r\n" + b"X: y\r\n" * 40_000,
        head(b"Transfer-Encoding: chunked") + b"2;" + b"x" * 400_000,
    ],
    ids=["status", "field", "blanks", "fields", "interim", "trailers", "chunk line"],
)
def test_a_line_or_a_head_without_end_is_refused_before_it_fills_the_memory(endless, size):
    if size == 1:
        endless = endless[:1000] + endless[1000:1001] * 0 + endless[1000:140_000]
    assert read([endless[i : i + size] for i in range(0, len(endless), size)], closed=False)[0] == "NotHttp"


def test_a_head_of_just_the_cap_is_read_however_it_is_cut():
    room = subject.HEAD_CAP - len(head(b"X: ", b"Content-Length: 2"))
    for size in (10, 1000, 100_000):
        content = head(b"X: " + b"x" * room, b"Content-Length: 2") + b"hi"
        assert read([content[i : i + size] for i in range(0, len(content), size)])[0][2] == b"hi"
        longer = head(b"X: " + b"x" * (room + 1), b"Content-Length: 2") + b"hi"
        assert read([longer[i : i + size] for i in range(0, len(longer), size)])[0] == "NotHttp"


@pytest.mark.parametrize(
    ("lines", "kept"), [((), True), ((b"Connection: close",), False), ((b"Connection: Keep-Alive",), True)]
)
def test_a_connection_is_kept_unless_its_answer_says_no(lines, kept):
    assert read([head(*lines, b"Content-Length: 2") + b"hi"], closed=False)[1] is kept
    assert read([b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"], closed=False)[1] is False


def test_the_answer_to_a_head_has_no_body_whatever_it_announces():
    said, kept = read([head(b"Content-Length: 5")], bodiless=True, closed=False)
    assert (said[2], kept) == (b"", False)


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_that_has_no_body_ends_with_its_head(status):
    said, kept = read(
        [head(b"Content-Length: 5", status=status) if status[0:1] == b"3" else head(status=status)],
        closed=False,
    )
    assert (said[2], kept) == (b"", True)
