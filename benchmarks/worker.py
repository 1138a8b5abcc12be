"""One client in a process of its own: `python worker.py NAME ADDRESS`; takes a command of JSON a line, answers with one.

`{"do": "calls", "times": 200}` one after the other, `{"do": "at_once", "lanes": 128, "times": 1000}`,
`{"do": "events", "times": 10}` streams. With `"first": 1000` so many times more are done before, unmeasured: what was
idle while others had their turn opens its connections again. An answer has seconds of the clock and of the processor.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import TYPE_CHECKING

from drivers import DRIVERS

if TYPE_CHECKING:
    from drivers import Driver


async def calls(driver: Driver, times: int) -> int:
    """Make calls one after the other."""
    for _ in range(times):
        await driver.call()
    return times


async def at_once(driver: Driver, times: int, lanes: int) -> int:
    """Make calls in so many lanes; return how many were answered."""
    left = times

    async def lane() -> int:
        nonlocal left
        good = 0
        while left > 0:
            left -= 1
            good += bool(await driver.call())
        return good

    found = await asyncio.gather(*(lane() for _ in range(lanes)), return_exceptions=True)
    return sum(each for each in found if isinstance(each, int))


async def events(driver: Driver, times: int) -> int:
    """Read streams; return how many events they had."""
    count = 0
    for _ in range(times):
        async for text in driver.stream():
            count += bool(text)
    return count


async def measured(driver: Driver, command: dict[str, object]) -> dict[str, float]:
    """Carry out a command."""
    work = {"calls": calls, "at_once": at_once, "events": events}[str(command.pop("do"))]
    first = command.pop("first", 0)
    if first:
        await work(driver, **{**command, "times": first})
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    done = await work(driver, **command)
    return {"done": done, "seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}


async def main(name: str, base: str) -> None:
    """Answer commands until there are no more."""
    driver = DRIVERS[name][1](base)
    await driver.open()
    print(json.dumps({"ready": True}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await measured(driver, json.loads(line))), flush=True)
    await driver.close()


if __name__ == "__main__":
    run = asyncio.run
    if DRIVERS[sys.argv[1]][1].loop == "uvloop":
        from uvloop import run
    run(main(*sys.argv[1:3]))
