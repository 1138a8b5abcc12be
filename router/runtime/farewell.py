"""Old snapshots: each is closed when its last call is over, or its time."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING

from router.runtime.engine import DRAIN

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from router.runtime.engine import Engine
    from router.runtime.snapshot import Snapshot


class Farewell:
    """The snapshots that a reload replaced, oldest first; a later one may use what an earlier one uses.

    Its changing state: `_old`, guarded by `_lock`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._old: deque[tuple[Snapshot, float]] = deque()

    def __len__(self) -> int:
        return len(self._old)

    def add(self, snapshot: Snapshot) -> None:
        """Take in a snapshot that is no longer in force."""
        until = self._engine.clock.now() + DRAIN
        with self._lock:
            self._old.append((snapshot, until))

    async def wait(self) -> None:
        """Close each when its calls are over, at the latest a minute after it was replaced."""
        await self._end(DRAIN)

    async def close(self, drain: float = 0.0) -> None:
        """Close all, once their calls are over or so many seconds have passed."""
        await self._end(drain)

    async def _end(self, seconds: float) -> None:
        clock = self._engine.clock
        limit = clock.now() + seconds
        while self._old:
            snapshot, until = self._old[0]
            await self._engine.drained(snapshot, min(until, limit) - clock.now())
            with self._lock:
                mine = bool(self._old) and self._old[0][0] is snapshot
                if mine:
                    self._old.popleft()
            if mine:
                await _whole(snapshot.retire())


async def _whole(closing: Coroutine[object, object, None]) -> None:
    """See it to its end although this is cancelled: a client that is half closed is never closed."""
    task = asyncio.ensure_future(closing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
