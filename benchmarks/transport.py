"""What carries the bytes, and what it costs: `python benchmarks/transport.py`.

A real server in another process answers at once. Each round runs every client once, in a new order; figures are
microseconds of this process's processor time, medians of the rounds. `floor` is the least that asyncio can do: a
protocol that knows only how long the answer is. Not for Windows.
"""

from __future__ import annotations

import asyncio
import functools
import platform
import random
import statistics
import subprocess
import sys
import time
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from upstream import EVENTS, PLAIN, STREAM

from router import FastTransport
from router.core.request import Endpoint
from router.providers._http import transport_for
from router.providers._sse import SseParser
from router.providers._transport import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from router.providers._transport import Transport

    Work = Callable[[], Awaitable[object]]

ROUNDS, CALLS, STREAMS, AT_ONCE, IN_A_ROW = 15, 100, 10, 1000, 10
BODY = b'{"model":"main","messages":[{"role":"user","content":"What is the capital of France?"}]}'
FIELDS = {"content-type": "application/json", "authorization": "Bearer sk-none", "accept": "application/json"}


@contextmanager
def upstream() -> Iterator[int]:
    """Run the server, and give its port."""
    path = Path(__file__).with_name("upstream.py")
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - asked for above
            yield int(server.stdout.readline())
        finally:
            server.terminate()


class Floor(asyncio.Protocol):
    """Counts bytes until an answer of a known size is there."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._left = 0
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Count."""
        self._left -= len(data)
        if not self._left and self._done is not None:
            self._done.set_result(None)

    def ask(self, request: bytes, size: int) -> asyncio.Future[None]:
        """Send, and wait for so many bytes."""
        self._left = size
        self._done = asyncio.get_running_loop().create_future()
        assert self._transport is not None  # noqa: S101 - connected
        self._transport.write(request)
        return self._done


def request(path: str) -> bytes:
    """Return a request as bytes."""
    fields = {**FIELDS, "host": "127.0.0.1", "content-length": str(len(BODY))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + BODY


def endpoint(port: int, name: str) -> Transport:
    """Return one of our transports."""
    address = f"http://127.0.0.1:{port}"
    return transport_for(Endpoint("here", "openai", "local", address, settings={"transport": name}))


async def read(transport: Transport, path: str) -> bytes:
    """Ask, and read the whole answer."""
    async with transport.open(HttpRequest("POST", path, FIELDS, BODY)) as response:
        return await response.read()


async def events(transport: Transport) -> int:
    """Ask, and count the events of the answer."""
    parser, count = SseParser(), 0
    async with transport.open(HttpRequest("POST", "/stream", FIELDS, BODY)) as response:
        async for chunk in response.chunks():
            count += sum(1 for _ in parser.feed(chunk))
        await response.linger()
    return count


async def events_of(client: httpx.AsyncClient, url: str) -> int:
    """Ask with an httpx client, and count the lines that are events."""
    async with client.stream("POST", url, content=BODY, headers=FIELDS) as response:
        return sum([line.startswith("data:") async for line in response.aiter_lines()])


async def measured(works: dict[str, Work], times: int, dice: random.Random) -> dict[str, float]:
    """Return the median of each over rounds in which they take turns."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(ROUNDS + 1):
        for name in dice.sample(list(works), len(works)):
            start = time.process_time()
            for _ in range(times):
                await works[name]()
            if number:  # the first warms up
                found[name].append((time.process_time() - start) / times * 1e6)
    return {name: statistics.median(values) for name, values in found.items()}


async def share(works: Sequence[Work]) -> float:
    """Return which part of the ideal speed many calls of 50 ms have, each work one after the other, all at once."""

    async def some(work: Work, times: int) -> None:
        for _ in range(times):
            await work()

    await asyncio.gather(*(some(work, 1) for work in works))  # opens the connections
    start = time.perf_counter()
    await asyncio.gather(*(some(work, IN_A_ROW) for work in works))
    return IN_A_ROW * 0.05 / (time.perf_counter() - start)


async def floors(port: int) -> list[Work]:
    """Return works that the floor does on connections of their own."""
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Floor, "127.0.0.1", port) for _ in range(AT_ONCE)]
    asked = request("/slow")
    return [functools.partial(floor.ask, asked, len(PLAIN)) for _, floor in made]


async def run(port: int) -> None:
    """Measure, and print."""
    dice = random.Random(5)
    base = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        _, floor = await loop.create_connection(Floor, "127.0.0.1", port)
        fast, over_httpx = endpoint(port, "fast"), endpoint(port, "httpx")
        plain = await stack.enter_async_context(httpx.AsyncClient())
        faced = await stack.enter_async_context(httpx.AsyncClient(transport=FastTransport()))
        calls: dict[str, Work] = {
            "floor": lambda: floor.ask(request("/plain"), len(PLAIN)),
            "transport fast": lambda: read(fast, "/plain"),
            "transport httpx": lambda: read(over_httpx, "/plain"),
            "httpx.AsyncClient": lambda: plain.post(f"{base}/plain", content=BODY, headers=FIELDS),
            "the same over FastTransport": lambda: faced.post(f"{base}/plain", content=BODY, headers=FIELDS),
        }
        streams: dict[str, Work] = {
            "floor": lambda: floor.ask(request("/stream"), len(STREAM)),
            "transport fast": lambda: events(fast),
            "transport httpx": lambda: events(over_httpx),
            "httpx.AsyncClient": lambda: events_of(plain, f"{base}/stream"),
            "the same over FastTransport": lambda: events_of(faced, f"{base}/stream"),
        }
        whole = await measured(calls, CALLS, dice)
        pieces = await measured(streams, STREAMS, dice)
        print(f"{'':<30}{'µs a call':>12}{'µs an event':>14}")
        for name, value in whole.items():
            print(f"{name:<30}{value:>12.1f}{pieces[name] / EVENTS:>14.2f}")
        found: dict[str, list[float]] = {"floor": [], "transport fast": []}
        works = {
            "floor": await floors(port),
            "transport fast": [functools.partial(read, fast, "/slow") for _ in range(AT_ONCE)],
        }
        for _ in range(5):
            for name, each in works.items():
                found[name].append(await share(each))
        for name, parts in found.items():
            shown = f"{statistics.median(parts):.0%}, at best {max(parts):.0%}"
            print(f"{AT_ONCE:,} calls of 50 ms in flight, {name}: {shown} of the ideal speed")
        await fast.close()
        await over_httpx.close()


def main() -> None:
    """Print the table."""
    print(f"{platform.machine()}, Python {platform.python_version()}, httpx {httpx.__version__}")
    with upstream() as port:
        asyncio.run(run(port))


if __name__ == "__main__":
    main()
