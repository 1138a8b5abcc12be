"""Of several addresses the first that stands wins, and nothing is left of the others."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest
from support.wall import answer, wall

from router.core.request import Endpoint
from router.providers._http import transport_for
from router.providers._transport import HttpRequest
from router.providers.transport.race import race

NEVER = 60.0


def run(times, pause=0.01, patience=None):
    """Race addresses that take so many seconds, or fail at once where it is None; return the winner, the tried, the dropped."""
    tried, dropped = [], []

    async def dial(name):
        tried.append(name)
        seconds = times[name]
        if seconds is None:
            raise OSError(name)
        await asyncio.sleep(seconds)
        return name

    async def go():
        try:
            async with asyncio.timeout(patience):
                won = await race(list(times), dial, dropped.append, pause)
        except (OSError, TimeoutError) as error:
            won = repr(error)
        await asyncio.sleep(0.03)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return won

    return asyncio.run(go()), tried, dropped


def test_the_first_is_given_a_moment_before_the_next_is_tried():
    assert run({"a": 0.0, "b": 0.0}, pause=NEVER) == ("a", ["a"], [])
    assert run({"a": NEVER, "b": 0.0}) == ("b", ["a", "b"], [])


def test_one_that_fails_is_followed_at_once():
    assert run({"a": None, "b": None, "c": 0.0}, pause=NEVER) == ("c", ["a", "b", "c"], [])


def test_the_slow_may_still_win():
    assert run({"a": 0.05, "b": NEVER, "c": None}) == ("a", ["a", "b", "c"], [])


def test_where_all_fail_the_first_failure_is_told():
    assert run({"a": None, "b": None}) == ("OSError('a')", ["a", "b"], [])


def test_who_comes_second_at_the_same_moment_is_dropped():
    won, _, dropped = run({"a": 0.02, "b": 0.02}, pause=0.0)
    assert [won, *dropped] in (["a"], ["b"], ["a", "b"], ["b", "a"])


def test_a_caller_who_gives_up_leaves_nothing():
    assert run({"a": NEVER, "b": NEVER}, patience=0.05)[2] == []


def test_a_name_of_two_addresses_of_which_one_is_deaf_is_reached_and_cancels_leave_no_socket(monkeypatch):
    dice = random.Random(4)
    real = socket.getaddrinfo

    def lookup(host, port, *rest, **more):
        if host != "models.example":
            return real(host, port, *rest, **more)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("127.0.0.2", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)

    async def go():
        async with wall(answer(body=b"ok", headers={"connection": "close"})) as server:
            url = server.url.replace("127.0.0.1", "models.example")
            transport = transport_for(Endpoint("box", "openai", "remote", url))

            async def fetch():
                async with transport.open(HttpRequest("GET", "/")) as response:
                    return await response.read()

            assert await fetch() == b"ok"
            for _ in range(300):
                task = asyncio.create_task(fetch())
                for _ in range(dice.randrange(14)):
                    await asyncio.sleep(0)
                await asyncio.sleep(dice.choice([0, 0, 0.001, 0.002]))
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert await fetch() == b"ok"
            gone = await server.empties(1.0)
            await transport.close()
            return gone

    # A socket that is left to the garbage collector is a warning, and so an error.
    assert asyncio.run(go())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_name_and_an_address_lead_to_the_same_server(host):
    async def go():
        async with wall(answer(body=b"ok")) as server:
            transport = transport_for(
                Endpoint("box", "openai", "local", server.url.replace("127.0.0.1", host))
            )
            async with transport.open(HttpRequest("GET", "/")) as response:
                body = await response.read()
            await transport.close()
            return body

    assert asyncio.run(go()) == b"ok"
