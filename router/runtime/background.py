"""What runs beside the calls, inside `async with`: health checks, and the watch over the file."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from router.runtime.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from router.runtime.engine import Engine
    from router.runtime.reload import Reloader
    from router.runtime.snapshot import Snapshot


class Background:
    """The tasks beside the calls: begun by the first `async with`, ended by the last to leave.

    Its changing state belongs to the loop that began it; another loop's `async with` adds nothing.
    """

    def __init__(self, engine: Engine, reloader: Reloader | None = None) -> None:
        self._engine = engine
        self._reloader = reloader
        self._prober: Prober | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._entered = 0

    async def begin(self) -> None:
        """Begin, unless it runs already."""
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            return
        self._loop = loop
        self._entered += 1
        if self._entered > 1:
            return
        self._prober = Prober(self._engine, random.Random())  # noqa: S311 - spreads checks in time
        await self._prober.start()
        if self._reloader is not None:
            self._spawn(self._watch(self._reloader))

    async def end(self) -> None:
        """End with the last one to leave."""
        if self._loop is not asyncio.get_running_loop():
            return
        self._entered -= 1
        if self._entered > 0:
            return
        self._loop = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._prober is not None:
            await self._prober.stop()

    async def _watch(self, reloader: Reloader) -> None:
        while True:
            await self._engine.clock.sleep(reloader.pause)
            # Compiling takes its time: not on the loop that answers calls.
            old = await asyncio.to_thread(reloader.poll)
            if old is not None:
                self._spawn(self._retire(old))
                if self._prober is not None:
                    await self._prober.start()

    async def _retire(self, old: Snapshot) -> None:
        await self._engine.drained(old)
        await old.retire()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
