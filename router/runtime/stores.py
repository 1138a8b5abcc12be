"""Where answers are kept: in memory, or in an SQLite file that processes share."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from router.runtime.cachefile import CacheFile

if TYPE_CHECKING:
    from cachetools import LRUCache

    from router.core.clock import Clock
    from router.runtime.kept import Kept

PATIENCE = 0.25  # seconds a call waits for the file
REST = 5.0  # seconds a file that failed is left alone
WAITING = 8 * 2**20  # bytes that may wait to be written; what comes on top is not kept


class Store(Protocol):
    """Keeps answers by key. What it raises costs a call nothing."""

    async def get(self, key: str) -> Kept | None:
        """Return what is kept."""
        ...

    def near(self, key: str) -> Kept | None:
        """Return what is kept if that is known without waiting; None says nothing."""
        ...

    def put(self, key: str, kept: Kept) -> None:
        """Keep something, in the place of what is kept under the key; at once or soon."""
        ...

    async def close(self) -> None:
        """Finish writing and free what is open; the next use opens it again."""
        ...


class MemoryStore:
    """Keeps the answers used last, as many as fit. `_lock` guards them.

    Args:
        size: Bytes to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: LRUCache[str, Kept] | None = None

    async def get(self, key: str) -> Kept | None:
        """Return what is kept."""
        return self.near(key)

    def near(self, key: str) -> Kept | None:
        """Return what is kept."""
        with self._lock:
            return None if self._kept is None else self._kept.get(key)

    def put(self, key: str, kept: Kept) -> None:
        """Keep something, if it fits at all."""
        from cachetools import LRUCache  # noqa: PLC0415 - `import router` stays fast

        with self._lock:
            if self._kept is None:
                self._kept = LRUCache(self._size, getsizeof=_size)
            if kept.size <= self._size:
                self._kept[key] = kept

    async def close(self) -> None:
        """Do nothing: what is in memory stays as long as the router."""


def _size(kept: Kept) -> int:
    return kept.size


class SqliteStore:
    """Keeps answers in a file. One thread reads and another writes, in batches; the event loop's does neither.

    It must not cross a fork: the child's router makes one of its own.

    Its changing state, guarded by `_lock`: what waits to be written, keys that were read since, and the threads.

    Args:
        path: The file; made with the first answer.
        size: Bytes to keep.
        clock: Where time comes from.
    """

    def __init__(self, path: str, size: int, clock: Clock) -> None:
        self._path = path
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, Kept] = {}
        self._writing: dict[str, Kept] = {}
        self._bytes = 0
        self._used: dict[str, int] = {}
        self._busy = False
        self._rest_until = 0.0
        self._reader: _Thread | None = None
        self._writer: _Thread | None = None

    async def get(self, key: str) -> Kept | None:
        """Return what is kept, or waits to be.

        Raises:
            sqlite3.Error: The file cannot be read.
            TimeoutError: It could not be read in time.
        """
        found = self.near(key)
        with self._lock:
            if found is not None or self._clock.now() < self._rest_until:
                return found
            if self._reader is None:
                self._reader = _Thread("router-cache-reader", CacheFile(self._path, self._size))
            reader = self._reader
        try:
            async with self._clock.timeout_at(self._clock.now() + PATIENCE):
                kept = await asyncio.wrap_future(reader.pool.submit(reader.file.get, key))
        except Exception:
            self._rest_until = self._clock.now() + REST
            raise
        if kept is not None:
            with self._lock:
                self._used[key] = self._used.get(key, 0) + 1
        return kept

    def near(self, key: str) -> Kept | None:
        """Return what waits to be written."""
        with self._lock:
            return self._waiting.get(key) or self._writing.get(key)

    def put(self, key: str, kept: Kept) -> None:
        """Keep something soon."""
        if kept.size > self._size:
            return
        with self._lock:
            if self._bytes + kept.size > WAITING:
                return
            self._bytes += kept.size
            self._waiting[key] = kept
            if self._busy:
                return
            self._busy = True
            if self._writer is None:
                self._writer = _Thread("router-cache-writer", CacheFile(self._path, self._size))
            self._writer.pool.submit(self._write, self._writer.file, self._clock.wall())

    def _write(self, file: CacheFile, now: float) -> None:
        """Write what waits, until nothing does; runs in the writer's thread."""
        while True:
            with self._lock:
                self._writing, self._waiting, self._bytes = self._waiting, {}, 0
                if not self._writing:
                    self._busy = False
                    return
                used, self._used = self._used, {}
            try:
                file.put(self._writing, used, now)
            except BaseException:
                self._busy = False  # the next answer begins anew
                raise

    async def close(self) -> None:
        """Finish writing, and let go of the file."""
        with self._lock:
            threads = [each for each in (self._writer, self._reader) if each is not None]
            used, self._used = self._used, {}
            self._writer = self._reader = None
        if threads:
            await asyncio.to_thread(_end, threads, used, self._clock.wall())


class _Thread:
    """One thread with a connection of its own."""

    def __init__(self, name: str, file: CacheFile) -> None:
        self.pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self.file = file


def _end(threads: list[_Thread], used: dict[str, int], now: float) -> None:
    for each in threads:
        if used:
            each.pool.submit(each.file.put, {}, used, now)
            used = {}
        each.pool.submit(each.file.close)
        each.pool.shutdown()
