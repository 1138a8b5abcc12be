"""A program that forks while its router is warm: `forking.py FILE outside|inside|sync|leaving`; prints what happened as JSON.

Each of three children answers a call of its own and ends; the parent answers before, between and after.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import TYPE_CHECKING

from router import RouterError, SyncRouter, load_router

if TYPE_CHECKING:
    from collections.abc import Callable

CHILDREN = 3
TOO_LONG = 8.0


def timed(call: Callable[[], str]) -> tuple[str, float]:
    """Return what a call gives, or its error, and how long it took."""
    began = time.monotonic()
    try:
        found = call()
    except Exception as error:  # noqa: BLE001 - told to the test
        found = repr(error)
    return found, time.monotonic() - began


def fork(call: Callable[[], str], *, leaving: bool = False) -> tuple[str, float]:
    """Run a call in a child; with `leaving` it ends as a program ends, else at once."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(timed(call)).encode())
        if leaving:
            raise SystemExit(0)
        os._exit(0)
    os.close(writing)
    until = time.monotonic() + TOO_LONG
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > until:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return "the child hangs", TOO_LONG
        time.sleep(0.005)
    with os.fdopen(reading, "rb") as pipe:
        return tuple(json.loads(pipe.read() or b'["the child said nothing", 0]'))


def outside(file: str) -> list[tuple[str, float]]:
    """Fork between two runs of a loop that stays."""
    router = load_router(file)
    found = []

    async def ask() -> str:
        await asyncio.to_thread(len, "")  # needs the loop's own wake-up pipe
        return (await router.complete("x")).content

    with asyncio.Runner() as runner:
        for _ in range(CHILDREN):
            found.append(timed(lambda: runner.run(ask())))
            found.append(fork(lambda: asyncio.run(ask())))
        found.append(timed(lambda: runner.run(ask())))
        runner.run(router.close())
    return found


def inside(file: str) -> list[tuple[str, float]]:
    """Fork in the middle of a coroutine, while other calls are under way."""

    async def main() -> list[tuple[str, float]]:
        found = []
        async with load_router(file) as router:
            for _ in range(CHILDREN):
                others = [asyncio.create_task(router.complete("x")) for _ in range(4)]
                await asyncio.sleep(0.01)
                found.append(fork(lambda: asyncio.run(router.complete("x")).content))
                found += [((await other).content, 0.0) for other in others]
        return found

    return asyncio.run(main())


def sync(file: str, *, leaving: bool = False) -> list[tuple[str, float]]:
    """Fork while the blocking face has its thread, and a stream open."""
    found = []
    with SyncRouter(file) as router:
        for _ in range(CHILDREN):
            found.append(timed(lambda: router.complete("x").content))
            with router.stream("x") as reply:
                found.append(fork(lambda: in_child(router, reply), leaving=leaving))
                found.append(("".join(event.text for event in reply), 0.0))
    return found


def in_child(router: SyncRouter, reply: object) -> str:
    """Answer, and find that the parent's stream is not ours."""
    answer = router.complete("x").content
    try:
        next(iter(reply))
    except RouterError:
        router.close()
        return answer
    return "the stream was read"


WAYS = {"outside": outside, "inside": inside, "sync": sync, "leaving": lambda file: sync(file, leaving=True)}

if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[2]](sys.argv[1])))  # noqa: T201
