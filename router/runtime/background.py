"""What runs beside the calls: health checks, the watch over the file, and the farewell of old snapshots."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

from router.core.errors import RouterError
from router.core.observer import Notice
from router.runtime.farewell import Farewell
from router.runtime.forks import follow
from router.runtime.notify import secrets_of
from router.runtime.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from router.diagnostics.diagnostic import Diagnostic
    from router.runtime.engine import Engine
    from router.runtime.reload import Found, Reloader

LOG = logging.getLogger("router")


class Background:
    """Begins with the first `async with`, and ends with the last one to leave, of whatever loop.

    Its changing state, guarded by `_lock`: how often each loop is inside, and the one loop that runs the tasks.
    When that loop leaves, another one takes them over.

    Args:
        engine: The router's engine.
        reloader: Compiles the file anew, or None where there is no file.
        findings: Warnings and infos of the first load.
        watch: Whether to look after the file.
    """

    def __init__(
        self,
        engine: Engine,
        reloader: Reloader | None = None,
        findings: tuple[Diagnostic, ...] = (),
        *,
        watch: bool = False,
    ) -> None:
        self._engine = engine
        self._reloader = reloader
        self._watched = watch
        self.findings = findings
        self._start_anew()
        follow(self)

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._inside: dict[asyncio.AbstractEventLoop, int] = {}
        self._home: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._prober: Prober | None = None
        self._care: asyncio.Task[None] | None = None
        self._farewell = Farewell(self._engine)

    def forked(self) -> object:
        """Begin anew in a child process; see `forks`."""
        parents = (self._inside, self._home, self._tasks, self._prober, self._farewell)
        self._start_anew()
        return parents

    async def begin(self) -> None:
        """Count a visitor in; the first one begins the tasks on its loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._inside = {each: count for each, count in self._inside.items() if not each.is_closed()}
            self._inside[loop] = self._inside.get(loop, 0) + 1
        self._settle()

    async def end(self) -> bool:
        """Count a visitor out, and tell whether nobody is left; a loop's last one takes its tasks along."""
        loop = asyncio.get_running_loop()
        prober = None
        with self._lock:
            if loop not in self._inside:
                return False  # in a child process: it was its parent that came in
            self._inside[loop] -= 1
            if not self._inside[loop]:
                del self._inside[loop]
            going = loop not in self._inside and self._home is loop
            if going:
                self._home = None
                prober, self._prober = self._prober, None
            others = [each for each in self._inside if not each.is_closed()]
        if going:
            await self._stop(loop, prober)
        if going and others:
            try:
                others[0].call_soon_threadsafe(self._settle)
            except RuntimeError:  # it was closed in the same moment
                LOG.debug("no other loop took over")
        return not others

    async def close(self, drain: float) -> None:
        """Free what all snapshots hold, once their calls are over or so many seconds have passed."""
        until = self._engine.now() + drain
        await self._farewell.close(drain)
        await self._engine.close(max(until - self._engine.now(), 0.0))

    async def reload(self) -> None:
        """Put the file as it is now in force, changed or not.

        Raises:
            ConfigError: It has errors; nothing has changed.
            RouterError: There is no file.
        """
        if self._reloader is None:
            raise RouterError("this router was not loaded from a file")
        found = await asyncio.to_thread(self._reloader.load)
        self._take(found)
        if found.error is not None:
            raise found.error

    def _settle(self) -> None:
        """Begin the tasks on the running loop, unless they run on another."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._inside or (self._home is not None and not self._home.is_closed()):
                return
            self._home = loop
            self._prober = Prober(self._engine)
            self._prober.update()
        self._look_after_memory()
        if self._reloader is not None and self._watched:
            self._spawn(self._watch(self._reloader))
        if self._farewell:
            self._spawn(self._farewell.wait())

    def _look_after_memory(self) -> None:
        """Load and unload local models as the configuration in force says, where it says anything of it."""
        snapshot, before = self._engine.snapshot, self._care
        self._care = None
        if before is not None and before.get_loop() is asyncio.get_running_loop():
            before.cancel()
        if snapshot.residency is not None:
            from router.runtime.residency_care import Care  # noqa: PLC0415 - only who declares it needs it

            self._care = self._spawn(Care(snapshot.residency, snapshot, self._engine.clock).run())

    async def _stop(self, loop: asyncio.AbstractEventLoop, prober: Prober | None) -> None:
        tasks = [task for task in list(self._tasks) if task.get_loop() is loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if prober is not None:
            await prober.stop()

    async def _watch(self, reloader: Reloader) -> None:
        while True:
            await self._engine.clock.sleep(reloader.pause)
            try:
                # Compiling takes its time: not on the loop that answers calls.
                found = await asyncio.to_thread(reloader.look)
            except Exception:  # a fault of ours must not end the watch unseen
                LOG.exception("the changed %s cannot be compiled", self._engine.program.file)
                continue
            if found is None:
                continue
            if found.error is not None:
                file = self._engine.program.file
                LOG.error(
                    "the changed %s is refused, the configuration before goes on: %s", file, found.error
                )
            self._take(found)

    def _take(self, found: Found) -> None:
        """Put what was found in force, unless something newer is; tell of it."""
        if self._reloader is None or not self._reloader.took(found):
            return
        engine, program = self._engine, found.program
        if program is None:
            engine.audience.noticed(Notice("reload", engine.program.file, "refused", str(found.error)))
            return
        engine.audience.conceal(secrets_of(program))
        self._farewell.add(engine.adopt(program))
        self.findings = found.findings
        if self._prober is not None and self._home is asyncio.get_running_loop():
            self._prober.update()
            self._look_after_memory()
        self._spawn(self._farewell.wait())
        LOG.info("%s is loaded anew", program.file)
        engine.audience.noticed(Notice("reload", program.file, "loaded"))

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
