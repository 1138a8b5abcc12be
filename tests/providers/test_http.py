"""The transport loses no connection, whatever its callers do, and serves several loops."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from support.wall import Hangup, answer, mute, piece, said, stream, wall

from router.core.errors import CallFailed, ConnectFailed, ConnectionLost, InvalidRequest, StreamInterrupted
from router.core.request import Endpoint
from router.providers._http import HttpxTransport, transport_for
from router.providers._http_failures import failure
from router.providers._pump import Pump
from router.providers._transport import HttpRequest, place

REQUEST = HttpRequest("POST", "/x", body=b"{}")

pytestmark = pytest.mark.usefixtures("carried")


@asynccontextmanager
async def transport_to(url):
    transport = transport_for(Endpoint("box", "openai", "local", url))
    try:
        yield transport
    finally:
        await transport.close()


def kept(transport):
    """Return what a transport keeps for each loop."""
    return transport._clients if isinstance(transport, HttpxTransport) else transport._pools


async def fetch(transport):
    async with transport.open(REQUEST) as response:
        return await response.read()


def test_after_300_random_cancellations_every_healthy_call_is_answered():
    dice = random.Random(7)

    async def sometimes(asked, writer):
        if asked.path == "/x":
            await dice.choice([mute, stream(piece("a"), piece("b"), pause=0.002), answer(body=said())])(
                asked, writer
            )
        else:
            await answer(body=b"healthy")(asked, writer)

    async def cancelled(transport):
        task = asyncio.create_task(fetch(transport))
        for _ in range(dice.choice([1, 1, 3])):
            await asyncio.sleep(dice.random() * 0.01)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def healthy(transport):
        async with transport.open(HttpRequest("POST", "/y")) as response:
            return await response.read()

    async def go():
        async with wall(sometimes) as server, transport_to(server.url) as transport:
            for _ in range(6):
                await asyncio.gather(*(cancelled(transport) for _ in range(50)))
            answers = await asyncio.wait_for(asyncio.gather(*(healthy(transport) for _ in range(40))), 10)
            await transport.close()
            return answers, await server.empties(0.5)

    answers, empty = asyncio.run(go())
    assert answers == [b"healthy"] * 40
    assert empty


def test_reading_stops_at_the_limit():
    async def go():
        async with (
            wall(stream(*["x" * 100] * 100)) as server,
            transport_to(server.url) as transport,
            transport.open(REQUEST) as response,
        ):
            return len(await response.read(150))

    assert asyncio.run(go()) == 150


def test_an_answer_is_read_no_further_ahead_than_the_queue():
    async def go():
        emitted = []

        async def produce(emit):
            for n in range(1000):
                await emit(n)
                emitted.append(n)

        async with Pump(produce, ahead=8) as pump:
            assert await pump.take() == 0
            await asyncio.sleep(0.01)
            assert len(emitted) <= 10
            await pump.linger(1)
            return len(emitted)

    assert asyncio.run(go()) == 1000


def test_a_pump_hands_over_the_end_and_the_error():
    async def fails(emit):
        await emit(1)
        raise KeyError("x")

    async def go():
        async with Pump(fails) as pump:
            assert await pump.take() == 1
            with pytest.raises(KeyError):
                await pump.take()
        async with Pump(lambda emit: emit(2)) as pump:
            assert [await pump.take(), await pump.take(), await pump.take()] == [2, None, None]
        async with Pump(fails):
            pass

    asyncio.run(go())


def test_leaving_waits_for_the_producer_even_when_cancelled_again():
    async def go():
        cleaned = asyncio.Event()

        async def slow_to_leave(emit):
            try:
                await emit(1)
                await asyncio.Event().wait()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.03)
                cleaned.set()

        async def use():
            async with Pump(slow_to_leave) as pump:
                await pump.take()
                await pump.take()

        task = asyncio.create_task(use())
        await asyncio.sleep(0.005)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.005)
        with pytest.raises(asyncio.CancelledError):
            await task
        return cleaned.is_set()

    assert asyncio.run(go())


def test_one_transport_serves_loops_in_several_threads_and_closes_all():
    async def go():
        async with wall(answer(body=b"ok")) as server, transport_to(server.url) as transport:
            ready, done = threading.Event(), threading.Event()
            seen = []

            async def elsewhere():
                seen.append(await fetch(transport))
                ready.set()
                while not done.is_set():  # noqa: ASYNC110 - set by another loop
                    await asyncio.sleep(0.005)

            thread = threading.Thread(target=asyncio.run, args=(elsewhere(),))
            thread.start()
            await asyncio.to_thread(ready.wait)
            seen.append(await fetch(transport))
            assert len(kept(transport)) == 2
            await transport.close()
            assert len(kept(transport)) == 0
            done.set()
            await asyncio.to_thread(thread.join)
            return seen

    assert asyncio.run(go()) == [b"ok", b"ok"]


def test_a_loop_that_ends_closes_its_client():
    transport = HttpxTransport(Endpoint("box", "openai", "local", "http://127.0.0.1:1"))

    async def go():
        with pytest.raises(CallFailed):
            await fetch(transport)
        return transport._clients.here()

    client = asyncio.run(go())
    assert client.is_closed
    assert len(transport._clients) == 0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example.org/v1", "box (api.example.org:443)"),
        ("http://127.0.0.1:8080", "box (127.0.0.1:8080)"),
        ("http://[::1]", "box (::1:80)"),
        ("unix:/run/x", "box (unix:/run/x)"),
    ],
)
def test_an_endpoint_is_shown_by_name_and_address(url, shown):
    assert place(Endpoint("box", "openai", "local", url)) == shown


def test_a_request_that_is_no_http_is_refused_without_its_text():
    async def go():
        async with wall(mute) as server, transport_to(server.url) as transport:
            with pytest.raises(InvalidRequest) as caught:
                async with transport.open(HttpRequest("PO ST", "/x")):
                    pass
            return caught.value.__cause__

    assert asyncio.run(go()) is None


@pytest.mark.parametrize(("first", "kind"), [((), ConnectionLost), ((piece("a"),), StreamInterrupted)])
def test_a_reset_is_told_by_when_it_came(first, kind):
    async def reset(asked, writer):
        if first:
            await stream(*first, end="open")(asked, writer)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        raise Hangup

    async def go():
        async with wall(reset) as server, transport_to(server.url) as transport:
            with pytest.raises(kind):
                await fetch(transport)

    asyncio.run(go())


def test_a_connection_that_takes_too_long_is_told_as_such():
    error = failure("box", httpx.ConnectTimeout("slow"), begun=False)
    assert isinstance(error, ConnectFailed)
    assert "within the time to connect" in str(error)


def test_another_transport_may_be_handed_in():
    class Other:
        def open(self, request):
            """Do nothing."""

    other = Other()
    assert transport_for(Endpoint("box", "openai", "local", "http://x"), other) is other
