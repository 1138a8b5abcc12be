"""What the router adds to a call and to a streamed event; `python benchmarks/overhead.py`.

A real server in another process answers at once. Rounds of the bare provider (the HTTP client alone) and of the whole
router are interleaved in one run, so that whatever else the machine does hits both. Figures are microseconds of this
process's processor time, medians of the rounds. Not for Windows.
"""

from __future__ import annotations

import asyncio
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from upstream import EVENTS

from router import load_router
from router.core.messages import Message
from router.core.request import Request
from router.providers.openai import OpenAiProvider

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

ROUNDS, CALLS, STREAMS = 15, 200, 10
AT_ONCE = 1000
TARGETS = {"call": 100.0, "event": 10.0}
FILE = """version: 1
endpoints:
  here: {{kind: openai, url: "http://127.0.0.1:{port}/{path}", concurrency: {places}, queue: {{max: 100000, timeout: 60s}}, health: off}}
  there: {{kind: openai, url: "http://127.0.0.1:{port}/plain", health: off}}
models: {{main: {{at: here, context: 8192}}, spare: {{at: there, context: 8192}}}}
rules:
  - {{name: code, when: {{task: code, tokens: "> 4000"}}, use: [main, spare]}}
  - {{name: otherwise, use: [main, spare]}}
"""
SAID = [{"role": "user", "content": "What is the capital of France?"}]


@contextmanager
def upstream() -> Iterator[int]:
    """Run the server, and give its port."""
    path = Path(__file__).parent / "upstream.py"
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - asked for above
            yield int(server.stdout.readline())
        finally:
            server.terminate()


async def spent(run: Callable[[], Awaitable[object]], times: int) -> float:
    """Return microseconds of processor time for one of so many runs."""
    start = time.process_time()
    for _ in range(times):
        await run()
    return (time.process_time() - start) / times * 1e6


async def interleaved(runs: dict[str, Callable[[], Awaitable[object]]], times: int) -> dict[str, float]:
    """Return the median of each run over rounds in which they take turns."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for name, run in runs.items():
        await spent(run, times)
        del name
    for _ in range(ROUNDS):
        for name, run in runs.items():
            found[name].append(await spent(run, times))
    return {name: statistics.median(values) for name, values in found.items()}


async def calls(port: int, folder: Path) -> dict[str, float]:
    """Measure whole answers."""
    file = folder / "calls.yaml"
    file.write_text(FILE.format(port=port, path="plain", places=64), encoding="utf-8")
    router = load_router(file)
    endpoint = router._engine.program.endpoints["here"]  # noqa: SLF001 - the same endpoint, without the router
    provider = OpenAiProvider(endpoint)
    asked = Request("main", [Message.user("What is the capital of France?")], stream=False)
    client = httpx.AsyncClient()
    body = {"model": "main", "messages": SAID, "stream": False}

    async def bare() -> None:
        async with provider.open(asked) as events:
            async for _ in events:
                pass

    async def plain_httpx() -> None:
        (await client.post(f"http://127.0.0.1:{port}/plain/chat/completions", json=body)).json()

    try:
        return await interleaved(
            {"httpx": plain_httpx, "bare": bare, "routed": lambda: router.complete(SAID, task="code")}, CALLS
        )
    finally:
        await router.close()
        await provider.close()
        await client.aclose()


async def streams(port: int, folder: Path) -> dict[str, float]:
    """Measure streamed answers; figures are for one event."""
    file = folder / "streams.yaml"
    file.write_text(FILE.format(port=port, path="stream", places=64), encoding="utf-8")
    router = load_router(file)
    endpoint = router._engine.program.endpoints["here"]  # noqa: SLF001 - the same endpoint, without the router
    provider = OpenAiProvider(endpoint)
    asked = Request("main", [Message.user("What is the capital of France?")], stream=True)

    async def bare() -> None:
        async with provider.open(asked) as events:
            async for _ in events:
                pass

    async def routed() -> None:
        async with router.stream(SAID) as reply:
            async for _ in reply:
                pass

    try:
        found = await interleaved({"bare": bare, "routed": routed}, STREAMS)
    finally:
        await router.close()
        await provider.close()
    return {name: value / EVENTS for name, value in found.items()}


async def at_once(port: int, folder: Path) -> tuple[int, float]:
    """Make many calls of 50 ms at once; return how many were answered, and the share of the ideal speed."""
    file = folder / "many.yaml"
    file.write_text(FILE.format(port=port, path="slow", places=AT_ONCE), encoding="utf-8")
    async with load_router(file) as router:
        await asyncio.gather(*(router.complete(SAID) for _ in range(AT_ONCE)))  # opens the connections
        start = time.perf_counter()
        found = await asyncio.gather(*(router.complete(SAID) for _ in range(AT_ONCE)), return_exceptions=True)
        seconds = time.perf_counter() - start
    good = sum(getattr(each, "text", None) == "Paris." for each in found)
    return good, 0.05 / seconds


def line(what: str, value: float, unit: str, target: float | None = None) -> str:
    """Return one line of the table."""
    aim = "" if target is None else f"{target:>8g} {unit}"
    missed = "  MISSED" if target is not None and value > target else ""
    return f"{what:<58}{value:>9.1f} {unit:<3}{aim}{missed}"


def main() -> None:
    """Print the table."""
    print(f"{platform.machine()}, Python {platform.python_version()}, httpx {version('httpx')}")
    print(f"processor time, medians of {ROUNDS} interleaved rounds\n")
    with upstream() as port, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = asyncio.run(calls(port, folder))
        pieces = asyncio.run(streams(port, folder))
        good, share = asyncio.run(at_once(port, folder))
    print(line("one call, httpx.AsyncClient alone", whole["httpx"], "µs"))
    print(line("one call, our HTTP client alone", whole["bare"], "µs"))
    print(line("one call, routed", whole["routed"], "µs"))
    print(line("  the engine's own part", whole["routed"] - whole["bare"], "µs", TARGETS["call"]))
    print(line("one streamed event, our HTTP client alone", pieces["bare"], "µs"))
    print(line("one streamed event, routed", pieces["routed"], "µs"))
    print(line("  the engine's own part", pieces["routed"] - pieces["bare"], "µs", TARGETS["event"]))
    print(f"{AT_ONCE:,} calls of 50 ms at once: {good:,} answered, {share:.0%} of the ideal speed")


if __name__ == "__main__":
    main()
