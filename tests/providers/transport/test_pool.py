"""Connections are kept, given up and never lost, whatever callers and servers do; on both transports where both can."""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import socket
import threading
import time
import tracemalloc
from contextlib import asynccontextmanager

import pytest
from support.wall import Hangup, answer, mute, piece, raw, reset, said, stream, wall

from router.core.errors import CallFailed, ConnectFailed, ConnectionLost, MalformedResponse
from router.core.request import Endpoint, Timeouts
from router.providers import _transport
from router.providers._http import transport_for
from router.providers._transport import HttpRequest
from router.providers.transport.failures import Lost
from router.providers.transport.message import Message

REQUEST = HttpRequest("POST", "/x", body=b"{}")
OK = answer(body=b"ok")


@asynccontextmanager
async def to(url, **fields):
    transport = transport_for(Endpoint("box", "openai", "local", url, **fields))
    try:
        yield transport
    finally:
        await transport.close()


async def fetch(transport, request=REQUEST):
    async with transport.open(request) as response:
        return await response.read()


def run(coro):
    return asyncio.run(asyncio.wait_for(coro, 60))


async def once(asked, writer):
    """Answer, and hang up as soon as the next request comes."""
    await OK(asked, writer)
    raise Hangup


# On both transports.


@pytest.mark.usefixtures("carried")
def test_after_3000_calls_with_random_cancels_on_8_places_50_healthy_ones_are_answered():
    dice = random.Random(11)
    kinds = [mute, stream(piece("a"), piece("b"), pause=0.001), OK, reset, once]

    async def moody(asked, writer):
        await (dice.choice(kinds) if asked.path.endswith("/x") else OK)(asked, writer)

    async def one(transport, places):
        async with places:
            task = asyncio.create_task(fetch(transport))
            for _ in range(dice.choice([0, 0, 1, 3])):
                await asyncio.sleep(dice.random() * 0.004)
                task.cancel()
            done, _ = await asyncio.wait({task}, timeout=0.004)
            if not done:
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def go():
        async with wall(moody) as server, to(server.url) as transport:
            places = asyncio.Semaphore(8)
            before = asyncio.all_tasks() - server.tasks
            await asyncio.gather(*(one(transport, places) for _ in range(3000)))
            healthy = HttpRequest("POST", "/y", body=b"{}")
            answers = await asyncio.wait_for(
                asyncio.gather(*(fetch(transport, healthy) for _ in range(50))), 20
            )
            await transport.close()
            empty = await server.empties(2.0)
            left = {each for each in asyncio.all_tasks() - before - server.tasks if not each.done()}
            return answers, empty, left

    answers, empty, left = run(go())
    assert answers == [b"ok"] * 50
    assert empty
    assert not left


@pytest.mark.usefixtures("carried")
def test_a_server_that_closes_between_requests_costs_no_call():
    async def go():
        async with wall(once) as server, to(server.url) as transport:
            found = []
            for _ in range(20):
                found.append(await fetch(transport))
                await asyncio.sleep(0.002)
            return found, server.attempts

    assert run(go()) == ([b"ok"] * 20, 20)


@pytest.mark.usefixtures("carried")
def test_a_slow_drip_is_read_to_its_end():
    async def drip(_, writer):
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: y\r\n\r\nok":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.001)

    async def go():
        async with wall(drip) as server, to(server.url) as transport:
            return [await fetch(transport) for _ in range(2)], server.accepted

    assert run(go()) == ([b"ok", b"ok"], 1)


@pytest.mark.usefixtures("carried")
def test_an_endless_line_and_a_bomb_fill_no_memory():
    async def line(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    bomb = gzip.compress(bytes(30_000_000))

    async def go():
        found = []
        for reply in (line, answer(body=bomb, headers={"content-encoding": "gzip"})):
            async with wall(reply) as server, to(server.url) as transport:
                with pytest.raises(MalformedResponse) as caught:
                    await fetch(transport)
                found.append(caught.value.kind)
        return found

    tracemalloc.start()
    assert run(go()) == ["malformed_response"] * 2
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


@pytest.mark.usefixtures("carried")
def test_a_mute_server_holds_nothing_of_a_caller_who_leaves():
    async def go():
        async with wall(mute) as server, to(server.url) as transport:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(fetch(transport), 0.05)
            return await server.empties(1.0)

    assert run(go())


@pytest.mark.usefixtures("carried")
def test_a_reader_who_lags_behind_holds_the_server_back():
    sent = []

    async def flood(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 60000000\r\n\r\n")
        for _ in range(600):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent.append(100_000)

    async def go():
        async with wall(flood) as server, to(server.url) as transport, transport.open(REQUEST) as response:
            await asyncio.sleep(0.3)
            ahead = sum(sent)
            size = 0
            async for chunk in response.chunks():
                size += len(chunk)
            return ahead, size

    ahead, size = run(go())
    assert size == 60_000_000
    assert ahead < 40_000_000


@pytest.mark.usefixtures("carried")
def test_an_unreachable_server_fails_to_connect():
    async def go():
        async with to("http://127.0.0.1:1") as transport:
            with pytest.raises(ConnectFailed, match="cannot be reached"):
                await fetch(transport)

    run(go())


@pytest.mark.usefixtures("carried")
def test_a_unix_socket_is_spoken_to(tmp_path):
    async def go():
        async with wall(OK, unix=str(tmp_path / "s")) as server, to(server.url) as transport:
            return [await fetch(transport) for _ in range(2)], server.accepted, server.asked[0].path

    assert run(go()) == ([b"ok", b"ok"], 1, "/v1/x")


@pytest.mark.usefixtures("carried")
@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_ipv6_is_spoken():
    async def go():
        async with wall(OK, host="::1") as server, to(server.url) as transport:
            return await fetch(transport), server.asked[0].headers["host"] == server.url.removeprefix(
                "http://"
            )

    assert run(go()) == (b"ok", True)


@pytest.mark.usefixtures("carried")
def test_a_body_of_megabytes_arrives_whole():
    body = random.Random(1).randbytes(5_000_000)

    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await fetch(transport, HttpRequest("POST", "/x", body=body))
            return server.asked[0].body == body

    assert run(go())


# On the fast one alone.


def fast(transport):
    return transport._pools.here()


def test_the_connection_that_became_idle_last_is_used_first():
    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await asyncio.gather(*(fetch(transport) for _ in range(4)))
            pool = fast(transport)
            (idle,) = pool._idle.values()
            last = idle[-1]
            for _ in range(3):
                await fetch(transport)
                assert idle[-1] is last
            return server.accepted, pool.idle, len(pool.open)

    assert run(go()) == (4, 4, 4)


def test_idle_connections_are_closed_by_one_sweep_which_then_ends(monkeypatch):
    monkeypatch.setattr(_transport, "KEEP_ALIVE", 0.1)

    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await asyncio.gather(*(fetch(transport) for _ in range(4)))
            pool = fast(transport)
            assert pool._timer is not None
            assert await server.empties(1.0)
            await asyncio.sleep(0)
            return pool._timer, pool.idle, len(pool.open), len(pool._idle)

    assert run(go()) == (None, 0, 0, 0)


def test_a_request_on_a_kept_connection_that_dies_before_its_first_byte_is_sent_once_more():
    async def dies(_, writer):
        await asyncio.sleep(0.01)
        await reset(_, writer)

    async def go():
        async with wall(OK, dies, OK, dies, dies) as server, to(server.url) as transport:
            assert [await fetch(transport), await fetch(transport)] == [b"ok", b"ok"]
            assert server.attempts == 3
            with pytest.raises(ConnectionLost):
                await fetch(transport)
            return server.attempts

    assert run(go()) == 5


def test_a_new_connection_that_dies_is_not_tried_again():
    async def go():
        async with wall(reset, OK) as server, to(server.url) as transport:
            with pytest.raises(ConnectionLost):
                await fetch(transport)
            return server.attempts

    assert run(go()) == 1


def test_a_kept_connection_that_dies_late_or_after_a_byte_is_not_tried_again(monkeypatch):
    monkeypatch.setattr("router.providers.transport.pool.RACE", 0.02)

    async def late(_, __):
        await asyncio.sleep(0.1)
        raise Hangup

    async def go():
        async with wall(OK, late, OK, raw(b"H"), OK) as server, to(server.url) as transport:
            for _ in range(2):
                assert await fetch(transport) == b"ok"
                with pytest.raises(ConnectionLost):
                    await fetch(transport)
            return server.attempts

    assert run(go()) == 4


def test_bytes_that_nobody_asked_for_are_not_taken_for_the_next_answer():
    async def smuggles(_, writer):
        await OK(_, writer)
        await asyncio.sleep(0.005)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await writer.drain()

    async def go():
        async with wall(smuggles) as server, to(server.url) as transport:
            found = [await fetch(transport)]
            time.sleep(0.02)  # noqa: ASYNC251 - the bytes arrive while the loop looks away
            await asyncio.sleep(0.01)
            time.sleep(0.02)  # noqa: ASYNC251
            found.append(await fetch(transport))
            return found, server.accepted

    assert run(go()) == ([b"ok", b"ok"], 2)


def test_no_task_is_made_for_a_request():
    seen = []

    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await fetch(transport)
            loop = asyncio.get_running_loop()
            loop.set_task_factory(
                lambda loop, coro, **more: (seen.append(coro), asyncio.Task(coro, loop=loop, **more))[1]
            )
            before = len(seen)
            async with transport.open(REQUEST) as response:
                ours = [each for each in seen[before:] if "router/" in each.cr_code.co_filename]
                await response.read()
            return ours

    assert run(go()) == []


def test_requests_leave_no_garbage_behind():
    def ours():
        return sum(type(each).__name__ in {"Answer", "Message"} for each in gc.get_objects())

    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await fetch(transport)
            gc.collect()
            gc.disable()
            try:
                before = ours()
                for _ in range(100):
                    await fetch(transport)
                return ours() - before  # freed by counting, not by the collector
            finally:
                gc.enable()

    assert run(go()) <= 0


def test_no_representation_shows_a_head_or_a_body():
    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await fetch(transport, HttpRequest("POST", "/x", {"x-key": "hunter22"}, b"the prompt"))
            shown = [
                repr(each)
                for each in gc.get_objects()
                if str(type(each).__module__).startswith("router.providers.transport")
            ]
            assert shown
            return [each for each in shown if "hunter22" in each or "prompt" in each]

    assert run(go()) == []


def test_a_closed_pool_is_opened_again():
    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            first = await fetch(transport)
            await transport.close()
            assert await server.empties(1.0)
            return first, await fetch(transport)

    assert run(go()) == (b"ok", b"ok")


def test_closing_ends_what_is_under_way():
    async def go():
        async with wall(mute) as server, to(server.url) as transport:
            task = asyncio.create_task(fetch(transport))
            while not server.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            await transport.close()
            with pytest.raises(ConnectionLost):
                await task
            return await server.empties(1.0)

    assert run(go())


@pytest.mark.parametrize("url", ["ftp://x/v1", "http://", "http://\ud800/v1"])
def test_an_address_that_cannot_be_one_fails_to_connect(url):
    async def go():
        async with to(url) as transport:
            with pytest.raises(ConnectFailed, match="no usable address"):
                await fetch(transport)

    run(go())


def test_a_connection_that_takes_too_long_fails_within_its_time(monkeypatch):
    async def forever(*_, **__):
        await asyncio.Event().wait()

    async def go():
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", forever)
        async with to("http://127.0.0.1:1", timeouts=Timeouts(connect=0.02)) as transport:
            with pytest.raises(ConnectFailed, match="within the time to connect"):
                await fetch(transport)

    run(go())


def test_a_body_over_the_cap_is_refused(monkeypatch):
    monkeypatch.setattr(_transport, "BODY_CAP", 1000)

    async def go():
        async with wall(stream(b"x" * 2000)) as server, to(server.url) as transport:
            with pytest.raises(CallFailed) as caught:
                await fetch(transport)
            return caught.value.kind

    assert run(go()) == "response_too_large"


def test_a_get_has_no_length_and_a_path_from_the_root():
    async def go():
        async with wall(answer(body=said())) as server, to(server.url + "/v1") as transport:
            await fetch(transport, HttpRequest("GET", "/health", rooted=True))
            return server.asked[0].path, "content-length" in server.asked[0].headers

    assert run(go()) == ("/health", False)


def test_fields_that_changed_since_are_sent_as_they_are_now():
    async def go():
        fields = {"x-a": "1"}
        async with wall(OK) as server, to(server.url) as transport:
            for value in ("1", "1", "2"):
                fields["x-a"] = value
                await fetch(transport, HttpRequest("POST", "/x", fields, b"{}"))
            return [asked.headers["x-a"] for asked in server.asked]

    assert run(go()) == ["1", "1", "2"]


def test_an_answer_that_is_all_there_is_read_without_waiting():
    async def go():
        async with wall(OK, ending_after(0.05)) as server, to(server.url) as transport:
            async with transport.open(REQUEST) as response:
                there = response.whole()
            async with transport.open(REQUEST) as response:
                return there, response.whole(), await response.read()

    assert run(go()) == (b"ok", None, b"okno")


def test_an_answer_that_broke_off_is_never_taken_for_whole():
    async def go():
        broken = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
        async with wall(broken) as server, to(server.url) as transport, transport.open(REQUEST) as response:
            await asyncio.sleep(0.02)
            with pytest.raises(CallFailed):
                while response.whole() is None:
                    await response.read()

    run(go())


def test_answers_that_arrive_at_the_same_time_are_not_mixed_up():
    async def echo(asked, writer):
        await answer(body=asked.body * 1000)(asked, writer)

    async def one(transport, number):
        body = b"%03d" % number
        return await fetch(transport, HttpRequest("POST", "/x", body=body)) == body * 1000

    async def go():
        async with wall(echo) as server, to(server.url) as transport:
            return await asyncio.gather(*(one(transport, number) for number in range(200)))

    assert all(run(go()))


def test_many_different_heads_are_not_all_kept():
    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            for number in range(200):
                await fetch(transport, HttpRequest("GET", f"/{number}"))
            return len(transport._heads)

    assert run(go()) <= 64


def ending_after(seconds):
    async def reply(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
        await asyncio.sleep(seconds)
        writer.write(b"2\r\nno\r\n0\r\n\r\n")
        await writer.drain()

    return reply


@pytest.mark.usefixtures("carried")
@pytest.mark.parametrize(("seconds", "kept"), [(0.0, True), (0.01, True), (0.3, False)])
def test_a_moment_is_given_to_the_end_of_a_body_so_that_its_connection_is_kept(seconds, kept):
    async def go():
        async with wall(ending_after(seconds)) as server, to(server.url) as transport:
            for _ in range(2):
                async with transport.open(REQUEST) as response:
                    assert (await anext(response.chunks())).startswith(b"ok")
                    await response.linger()
            return server.accepted

    assert run(go()) == (1 if kept else 2)


def test_nobody_waits_for_the_end_of_a_body_that_goes_on():
    async def go():
        endless = stream(*["x" * 1000] * 10_000, pause=0.001)
        async with wall(endless) as server, to(server.url) as transport:
            async with transport.open(REQUEST) as response:
                await anext(response.chunks())
                began = time.monotonic()
                await response.linger()
                took = time.monotonic() - began
            return took, await server.empties(1.0)

    took, gone = run(go())
    assert took < 1
    assert gone


def test_idle_connections_are_swept_each_in_its_time(monkeypatch):
    monkeypatch.setattr(_transport, "KEEP_ALIVE", 0.2)

    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await asyncio.gather(fetch(transport), fetch(transport))
            await asyncio.sleep(0.12)
            await fetch(transport)
            pool = fast(transport)
            await asyncio.sleep(0.12)
            left = pool.idle
            await asyncio.sleep(0.2)
            return left, pool.idle, pool._timer

    assert run(go()) == (1, 0, None)


def test_a_connection_that_is_closed_already_is_not_sent_on():
    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            await fetch(transport)
            pool = fast(transport)
            (connection,) = pool.open
            connection.drop()
            answer = connection.send(asyncio.get_running_loop(), Message(b"", b""))
            with pytest.raises(Lost):
                await answer.head()
            with pytest.raises(Lost):
                await connection.add(asyncio.get_running_loop(), b"more")
            assert await fetch(transport) == b"ok"
            return server.accepted

    assert run(go()) == 2


def test_closing_a_transport_whose_loop_runs_in_another_thread_closes_its_connections_there():
    async def go():
        async with wall(OK) as server, to(server.url) as transport:
            done, ready = threading.Event(), threading.Event()

            async def elsewhere():
                await fetch(transport)
                ready.set()
                while not done.is_set():  # noqa: ASYNC110 - set by another loop
                    await asyncio.sleep(0.005)

            thread = threading.Thread(target=asyncio.run, args=(elsewhere(),))
            thread.start()
            await asyncio.to_thread(ready.wait)
            await transport.close()
            gone = await server.empties(1.0)
            done.set()
            await asyncio.to_thread(thread.join)
            return gone, len(transport._pools)

    assert run(go()) == (True, 0)
