"""Whether anything is left behind: `python benchmarks/soak.py [CALLS]`; 100,000 calls by default.

After a warm-up, calls, streams, streams that are left, calls that are cancelled and calls that fail over run against a
real server; then memory, tasks, places and connections are counted. Ends with 1 when something grew. Linux only.
"""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import sys
import tempfile
from pathlib import Path

from drivers import FILE, MESSAGES
from overhead import upstream

from router import Router, load_router

WARM, MOST_GROWTH = 12_000, 5.0  # more calls than are remembered without a ledger
AT_ONCE = 50


async def one(router: Router, dice: random.Random) -> None:
    """Make a call of some kind."""
    kind = dice.random()
    if kind < 0.6:  # noqa: PLR2004 - shares of kinds
        await router.complete(MESSAGES, task="code")
    elif kind < 0.8:  # noqa: PLR2004
        async with router.stream(MESSAGES) as reply:
            async for _ in reply:
                pass
    elif kind < 0.9:  # noqa: PLR2004
        async with router.stream(MESSAGES):
            pass
    else:
        task = asyncio.create_task(router.complete(MESSAGES))
        await asyncio.sleep(dice.random() * 0.002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def some(router: Router, count: int, dice: random.Random) -> None:
    """Make so many calls, a few at once."""
    left = iter(range(count))

    async def worker() -> None:
        for number in left:
            await one(router, dice)
            if number % 10_000 == 0 and sys.stderr.isatty():
                print(f"\r{number:,} of {count:,}", end="", file=sys.stderr)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def memory() -> float:
    """Return MiB that this process occupies."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def open_files() -> int:
    """Return how many files and sockets are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def soak(address: str, folder: Path, count: int) -> list[str]:
    """Return what was left behind."""
    file = folder / "soak.yaml"
    file.write_text(
        FILE.format(base=f"{address}/plain", plenty=16, transport="fast", more=""), encoding="utf-8"
    )
    dice = random.Random(7)
    async with load_router(file) as router:
        await some(router, min(WARM, count), dice)
        before, sockets = memory(), open_files()
        await some(router, count, dice)
        await asyncio.sleep(0.2)
        grown = memory() - before
        open_now = open_files()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        held = [gate.busy for gate in router._engine.snapshot.gates.values()]  # noqa: SLF001 - looked at from inside
    print(
        f"{count:,} calls: memory {before:.1f} -> {before + grown:.1f} MiB, open files {sockets} -> {open_now}"
    )
    left = []
    if grown > MOST_GROWTH:
        left.append(f"memory grew by {grown:.1f} MiB (at most {MOST_GROWTH:g})")
    if tasks:
        left.append(f"{len(tasks)} tasks")
    if any(held):
        left.append(f"places: {held}")
    if open_now > sockets + 2 * AT_ONCE:
        left.append(f"{open_now - sockets} open files")
    return left


def main() -> int:
    """Run, print, and say by the exit code whether anything was left."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with upstream() as address, tempfile.TemporaryDirectory() as name:
        left = asyncio.run(soak(address, Path(name), count))
    print("left behind: " + ("; ".join(left) or "nothing"))
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
