"""The pool as an httpx transport: what any `httpx.AsyncClient` may ask of it, and a router given one."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import subprocess
import sys

import httpx
import pytest
from support.faults import run as run_world
from support.faults import world
from support.wall import Hangup, answer, mute, piece, raw, reset, said, stream, wall

import router
from router import FastTransport, load_router
from router.core.errors import CallFailed
from router.core.request import Endpoint
from router.providers._http import transport_for
from router.providers._transport import HttpRequest


def run(coro):
    return asyncio.run(asyncio.wait_for(coro, 30))


async def hangup(_, __):
    raise Hangup


def test_a_client_gets_answers_streams_and_redirects_as_ever():
    async def go():
        replies = [
            answer(body={"a": 1}),
            stream({"x": 1}),
            answer(302, headers={"location": "/there"}),
            answer(body=b"moved"),
            answer(body=gzip.compress(b"unpacked"), headers={"content-encoding": "gzip"}),
        ]
        async with (
            wall(*replies) as server,
            httpx.AsyncClient(transport=FastTransport(), base_url=server.url) as client,
        ):
            first = await client.post("/x", json={"q": "ü"}, params={"a": "b c"})
            async with client.stream("GET", "/s") as streamed:
                lines = [line async for line in streamed.aiter_lines()]
            moved = await client.get("/here", follow_redirects=True)
            unpacked = await client.get("/z")
            asked = [(each.method, each.path) for each in server.asked]
            return first.json(), lines, moved.text, unpacked.text, asked, server.accepted, first.http_version

    first, lines, moved, unpacked, asked, accepted, version = run(go())
    assert (first, lines[0], moved, unpacked, accepted) == (
        {"a": 1},
        'data: {"x": 1}',
        "moved",
        "unpacked",
        1,
    )
    assert asked == [("POST", "/x?a=b+c"), ("GET", "/s"), ("GET", "/here"), ("GET", "/there"), ("GET", "/z")]
    assert version == "HTTP/1.1"


@pytest.mark.parametrize("length", [True, False])
def test_a_body_that_is_made_on_the_way_is_sent_as_it_is_made(length):
    async def parts():
        yield b"ab"
        yield b""
        yield b"x" * 300_000

    async def chunked_or_not(asked, writer):
        seen.append((asked.headers.get("transfer-encoding"), asked.body[:2]))
        await answer(body=b"ok")(asked, writer)
        raise Hangup

    seen = []

    async def go():
        async with wall(chunked_or_not) as server, httpx.AsyncClient(transport=FastTransport()) as client:
            fields = {"content-length": "300002"} if length else {}
            return (await client.post(server.url, content=parts(), headers=fields)).text

    assert run(go()) == "ok"
    assert seen == [(None, b"ab")] if length else [("chunked", b"")]


SMUGGLED = b"0\r\n\r\nGET /other HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize(
    "fields",
    [
        [("content-length", "3")],
        [("content-length", "400")],
        [("content-length", "3"), ("content-length", "37")],
        [("content-length", "+37")],
        [("transfer-encoding", "gzip")],
        [("transfer-encoding", "chunked, identity")],
    ],
)
def test_a_body_that_ends_elsewhere_than_its_head_says_is_no_request(fields, made):
    async def parts():
        yield SMUGGLED

    async def go():
        async with wall(mute) as server, httpx.AsyncClient(transport=FastTransport()) as client:
            with pytest.raises(httpx.LocalProtocolError):
                await client.post(server.url, content=parts() if made else SMUGGLED, headers=fields)
            return await server.empties(1.0)

    assert run(go())


def test_a_body_that_is_announced_in_chunks_is_sent_in_chunks():
    seen = []

    async def told(reader, writer):
        seen.append(await reader.readuntil(b"hello\r\n0\r\n\r\n"))
        writer.close()

    async def go():
        server = await asyncio.start_server(told, "127.0.0.1", 0)
        async with server, httpx.AsyncClient(transport=FastTransport()) as client:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(
                    f"http://127.0.0.1:{port}", content=b"hello", headers={"transfer-encoding": "chunked"}
                )

    run(go())
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert body == b"5\r\nhello\r\n0\r\n\r\n"
    assert b"content-length" not in head.lower()


@pytest.mark.parametrize("fields", [{"content-length": "400"}, {}])
def test_an_answer_before_the_end_of_its_request_leaves_no_connection_for_another(fields):
    heard = []

    async def hasty(reader, writer):
        got = bytearray(await reader.readuntil(b"\r\n\r\n"))
        heard.append(got)
        writer.write(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno")
        while part := await reader.read(65536):
            got += part
        writer.close()

    async def go():
        answered = asyncio.Event()

        async def parts():
            yield b"ab"
            await answered.wait()
            yield b"cd"

        server = await asyncio.start_server(hasty, "127.0.0.1", 0)
        async with server, httpx.AsyncClient(transport=FastTransport()) as client:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            asyncio.get_running_loop().call_later(0.1, answered.set)
            first = await client.post(url, content=parts(), headers=fields)
            second = await client.post(url, headers={"authorization": "Bearer theirs"})
            return first.status_code, second.status_code

    assert run(go()) == (413, 413)
    assert [b"theirs" in each for each in heard] == [False, True]


def test_a_body_whose_making_fails_leaves_no_connection():
    async def parts():
        yield b"ab"
        raise KeyError("no more")

    async def go():
        async with wall(mute) as server, httpx.AsyncClient(transport=FastTransport()) as client:
            with pytest.raises(KeyError):
                await client.post(server.url, content=parts(), headers={"content-length": "9"})
            return await server.empties(1.0)

    assert run(go())


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (hangup, httpx.RemoteProtocolError),
        (reset, httpx.ReadError),
        (raw(b"nonsense\r\n\r\n"), httpx.RemoteProtocolError),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"), httpx.RemoteProtocolError),
        (stream(piece("a"), end="cut"), httpx.RemoteProtocolError),
        (mute, httpx.ReadTimeout),
        (stream(piece("a"), end="mute"), httpx.ReadTimeout),
    ],
)
def test_what_fails_is_raised_as_httpx_raises_it(reply, kind):
    async def go():
        found = []
        async with wall(reply) as server:
            for transport in (FastTransport(), None):
                async with httpx.AsyncClient(
                    transport=transport, timeout=httpx.Timeout(5, read=0.1)
                ) as client:
                    with pytest.raises(httpx.TransportError) as caught:
                        await client.get(server.url)
                    found.append(type(caught.value))
                    assert caught.value.request.url.path == "/"
            return found, await server.empties(1.0)

    assert run(go()) == ([kind, kind], True)


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (("GET", "http://127.0.0.1:1"), httpx.ConnectError),
        (("GET", "http://no-such-host.invalid"), httpx.ConnectError),
        (("GET", "ftp://127.0.0.1"), httpx.UnsupportedProtocol),
        (("PO ST", "http://127.0.0.1:1"), httpx.LocalProtocolError),
    ],
)
def test_what_cannot_be_sent_is_raised_as_httpx_raises_it(request_, kind):
    async def go():
        async with httpx.AsyncClient(transport=FastTransport()) as client:
            with pytest.raises(kind):
                await client.request(*request_)

    run(go())


def test_a_header_that_would_be_two_is_not_sent():
    async def go():
        async with wall(answer()) as server, httpx.AsyncClient(transport=FastTransport()) as client:
            with pytest.raises(httpx.LocalProtocolError):
                await client.get(server.url, headers={"x": "a\r\nevil: 1"})
            return server.accepted

    assert run(go()) == 0


def test_a_head_request_has_no_body():
    async def go():
        async def head(_, writer):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")

        async with wall(head) as server, httpx.AsyncClient(transport=FastTransport()) as client:
            answers = [await client.head(server.url) for _ in range(2)]
            return [(each.status_code, each.content) for each in answers]

    assert run(go()) == [(200, b"")] * 2


def test_a_stream_that_is_left_early_closes_its_connection():
    async def go():
        async with (
            wall(stream(piece("a"), end="mute")) as server,
            httpx.AsyncClient(transport=FastTransport()) as client,
        ):
            async with client.stream("GET", server.url) as streamed:
                async for _ in streamed.aiter_raw():
                    break
            return await server.empties(1.0)

    assert run(go())


def test_a_unix_socket_and_a_context_of_ones_own_are_used(tmp_path):
    async def go():
        async with wall(answer(body=b"ok"), unix=str(tmp_path / "s")):
            transport = FastTransport(ssl.create_default_context(), uds=str(tmp_path / "s"))
            async with httpx.AsyncClient(transport=transport) as client:
                return (await client.get("http://box/x")).text

    assert run(go()) == "ok"


def test_many_hosts_are_not_all_remembered(monkeypatch):
    monkeypatch.setattr("router.providers.transport.face.MOST_TARGETS", 3)

    async def go():
        async with wall(answer(body=b"ok")) as server:
            transport = FastTransport()
            async with httpx.AsyncClient(transport=transport) as client:
                for number in range(9):
                    named = {"sni_hostname": f"host{number}"}
                    assert (await client.get(server.url, extensions=named)).text == "ok"
            return len(transport._targets)

    assert run(go()) <= 3


def test_a_sync_request_is_refused():
    async def go():
        async def nothing():
            yield b""

        request = httpx.Request("POST", "http://127.0.0.1:1", content=iter([b"a"]))
        with pytest.raises(RuntimeError, match="async"):
            await FastTransport().handle_async_request(request)

    run(go())


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_router_sends_with_the_client_or_transport_it_is_given_and_closes_neither(tmp_path, wrapped):
    file = tmp_path / "router.yaml"

    async def go():
        async with wall(answer(body=said("hi"))) as server:
            file.write_text(
                f"version: 1\nendpoints: {{a: {{kind: openai, url: '{server.url}/v1', health: off}}}}\n"
                "models: {m: {at: a}}\nrules: [{use: m}]\n",
                encoding="utf-8",
            )
            seen = []

            class Counting(FastTransport):
                async def handle_async_request(self, request):
                    seen.append(request.url.path)
                    return await super().handle_async_request(request)

            carrying = Counting()
            given = httpx.AsyncClient(transport=carrying) if wrapped else carrying
            async with load_router(file, http=given) as it:
                assert (await it.complete("x")).content == "hi"
            kept = carrying._pools.here().idle
            await carrying.aclose()
            return seen, kept

    assert run(go()) == (["/v1/chat/completions"], 1)


def test_the_guard_of_a_router_looks_at_addresses_of_this_transport_too(monkeypatch):
    monkeypatch.setattr("router.providers._guard.why_refused", lambda _: "is bad")

    async def go():
        async with wall(answer(body=b"ok")) as server:
            endpoint = Endpoint("box", "openai", "remote", server.url)
            with pytest.raises(CallFailed, match="is bad"):
                async with transport_for(endpoint, FastTransport()).open(HttpRequest("GET", "/")):
                    pass
            return server.accepted

    assert run(go()) == 0


def test_importing_the_package_does_not_import_the_transport_and_its_absence_is_told():
    code = (
        "import sys; sys.modules['httptools'] = None; import router\n"
        "assert 'router.providers.transport.face' not in sys.modules\n"
        "try: router.FastTransport\n"
        "except ImportError as error: print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'pantheon-router[fast]'" in shown
    with pytest.raises(AttributeError):
        router.FasterTransport  # noqa: B018


def test_without_the_extra_calls_go_through_httpx(tmp_path, monkeypatch):
    monkeypatch.setattr("router.core.carrier.fast_installed", lambda: False)

    async def go():
        async with world(tmp_path, a=answer(body=said("hi"))) as standing:
            assert (await standing.ask()).content == "hi"
            return standing.walls["a"].asked[0].headers["user-agent"]

    assert run_world(go).startswith("python-httpx")


def test_a_body_that_is_made_faster_than_it_is_taken_waits():
    made = []

    async def parts():
        for _ in range(400):
            made.append(1)
            yield b"x" * 100_000

    async def reluctant(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        seen.append(len(made))
        await reader.readexactly(40_000_000)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    seen = []

    async def go():
        server = await asyncio.start_server(reluctant, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, httpx.AsyncClient(transport=FastTransport()) as client:
            return (await client.post(url, content=parts(), headers={"content-length": "40000000"})).text

    assert run(go()) == "ok"
    assert seen[0] < 300


@pytest.mark.parametrize(
    "early", [b"", b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"]
)
def test_a_server_that_has_had_enough_of_a_body_is_sent_no_more(early):
    async def parts():
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)

    async def curt(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(early)
            await writer.drain()
            await reader.read(200_000)
            if early:
                await asyncio.sleep(0.2)
        finally:
            writer.transport.abort()
            ended.set()

    ended = asyncio.Event()

    async def go():
        server = await asyncio.start_server(curt, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, httpx.AsyncClient(transport=FastTransport()) as client:
            try:
                return (await client.post(url, content=parts())).status_code
            except httpx.ReadError:
                return None
            finally:
                await ended.wait()
                await asyncio.sleep(0)

    assert run(go()) == (413 if early else None)


def test_a_failing_transport_of_a_router_is_told_in_its_own_kinds():
    async def go():
        async with wall(mute) as server:
            endpoint = Endpoint("box", "openai", "local", server.url)
            given = httpx.AsyncClient(transport=FastTransport())
            with pytest.raises(TimeoutError):
                async with (
                    asyncio.timeout(0.05),
                    transport_for(endpoint, given).open(HttpRequest("GET", "/")),
                ):
                    pass
            gone = await server.empties(1.0)
            await given.aclose()
            return gone

    assert run(go())
