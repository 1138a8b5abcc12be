"""Writes to a ledger in batches, from a thread of its own; or at once, into memory."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import queue
import sqlite3
import threading
import weakref
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from router.core.private import MODE, keep_database_private
from router.runtime import ledger
from router.runtime.owners import new_name, owner

if TYPE_CHECKING:
    from collections.abc import Callable

    T = TypeVar("T")
    Work = Callable[[sqlite3.Connection], Any]

LOG = logging.getLogger("router")
MOST_AT_ONCE = 500
BEAT = 20.0
AGAIN = 1.0
BUSY = 2000  # milliseconds to wait for another process
KEPT = 100_000  # attempts that wait for a ledger that fails
REMEMBERED = 10_000  # attempts in memory
DEFERRED = 200
END = 5.0


class Scribe(Protocol):
    """Carries out work on a ledger, in the order in which it was given."""

    name: str

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out work and return its result once it is there to stay.

        Raises:
            sqlite3.Error: It cannot be written.
        """
        ...

    def post(self, work: Work, then: Callable[[Any], object] | None = None) -> None:
        """Carry out work soon, and again until it succeeds; `then` is told of its result, on any thread."""
        ...

    def note(self, work: Work) -> None:
        """Carry out work that bears on no budget, some time before somebody reads."""
        ...

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what work finds, after all that was given before.

        Raises:
            sqlite3.Error: It cannot be read.
        """
        ...

    async def close(self) -> None:
        """Bring what was given to its end, and free what is held; it may be used again."""
        ...


class MemoryScribe:
    """A ledger that ends with its router.

    Its changing state: one connection and what is put off, guarded by `_lock`; `_noted`, which any thread may extend.
    """

    def __init__(self) -> None:
        self.name = new_name()
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._deferred: list[tuple[Work, Callable[[Any], object] | None]] = []
        self._noted: deque[Work] = deque(maxlen=REMEMBERED)

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out work at once."""
        return self.read(work)

    def post(self, work: Work, then: Callable[[Any], object] | None = None) -> None:
        """Carry out work: at once where somebody waits to be told, else with more of its like."""
        with self._lock:
            self._deferred.append((work, then))
            if then is not None or len(self._deferred) >= DEFERRED:
                self._catch_up()

    def note(self, work: Work) -> None:
        """Put work off until somebody reads; of what nobody asks for, the oldest is forgotten."""
        self._noted.append(work)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what work finds, after all that was put off."""
        with self._lock:
            return work(self._catch_up())

    async def close(self) -> None:
        """Keep everything: it is in memory alone."""

    def _catch_up(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            ledger.prepare(self._db)
        deferred, self._deferred = self._deferred, []
        with suppress(IndexError):
            while True:
                deferred.append((self._noted.popleft(), None))
        if deferred:
            self._db.execute("BEGIN")
            results = [(then, work(self._db)) for work, then in deferred]
            ledger.prune(self._db, REMEMBERED)
            self._db.execute("COMMIT")
            for then, result in results:
                if then is not None:
                    then(result)
        return self._db


def read_file(path: str, work: Callable[[sqlite3.Connection], T]) -> T:
    """Return what work finds in a ledger's file, which is only read.

    Raises:
        sqlite3.Error: It is not there, or is no ledger.
    """
    db = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] > ledger.VERSION:
            raise ledger.NewerLedger("a later version of this package wrote it: upgrade the package")
        return work(db)
    finally:
        db.close()


class _Job:
    __slots__ = ("future", "then", "work")

    def __init__(
        self, work: Work, future: Future[Any] | None, then: Callable[[Any], object] | None = None
    ) -> None:
        self.work = work
        self.future = future
        self.then = then


class FileScribe:
    """A ledger in a file, shared by processes.

    Its changing state: `_jobs`, filled by all; `_thread` and `_last`, guarded by `_lock`; `_db` and `_kept`, the thread's alone.

    Args:
        path: The file.
        told: Is told of a fault (its text) and of its end (None), on the thread.
    """

    def __init__(self, path: str, told: Callable[[str | None], object]) -> None:
        self.path = path
        self._owner = owner()
        self.name = self._owner.name
        self._told = told
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._last: threading.Thread | None = None
        self._db: sqlite3.Connection | None = None
        self._kept: deque[_Job] = deque(maxlen=KEPT)
        self._failing = False
        atexit.register(_last_words, weakref.ref(self), os.getpid())
        _SCRIBES.add(self)

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out work and return its result once it is committed."""
        future: Future[T] = Future()
        self._put(_Job(work, future))
        return await asyncio.wrap_future(future)

    def post(self, work: Work, then: Callable[[Any], object] | None = None) -> None:
        """Carry out work soon, and again until it succeeds."""
        self._put(_Job(work, None, then))

    def note(self, work: Work) -> None:
        """Carry out work soon, and again until it succeeds."""
        self._put(_Job(work, None))

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what work finds in the file, after all that was given before."""
        future: Future[None] = Future()
        self._put(_Job(lambda _db: None, future))
        with suppress(sqlite3.Error):  # what is there can be read although nothing can be written
            future.result()
        return read_file(self.path, work)

    async def close(self) -> None:
        """Write down what was given, and let go of the file."""
        if self._thread is not None:
            await asyncio.to_thread(self.end)

    def end(self) -> None:
        """Write down what was given, and let go of the file; waits for it, but not for ever."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            self._last = thread
            self._jobs.put(None)
        thread.join(END)

    def _put(self, job: _Job) -> None:
        with self._lock:
            self._jobs.put(job)
            if self._thread is None:
                before, self._last = self._last, None
                self._thread = threading.Thread(
                    target=self._run, args=(before,), name="router ledger", daemon=True
                )
                self._thread.start()

    def _run(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # it may still be at its last words
        going = True
        while going:
            jobs = self._take()
            going = None not in jobs
            batch = [*self._kept, *(job for job in jobs if job is not None)]
            self._kept.clear()
            wanted = [job for job in batch if job.future is None or job.future.set_running_or_notify_cancel()]
            self._write(wanted)
        if self._db is not None:
            with suppress(sqlite3.Error):
                ledger.leave(self._db, self.name)
            self._db.close()
            self._db = None

    def _take(self) -> list[_Job | None]:
        """Wait for work, or for the time to try again or to say that this writer is alive."""
        found: list[_Job | None] = []
        try:
            found.append(self._jobs.get(timeout=AGAIN if self._kept else BEAT))
            while len(found) < MOST_AT_ONCE and found[-1] is not None:
                found.append(self._jobs.get_nowait())
        except queue.Empty:
            pass
        return found

    def _write(self, jobs: list[_Job]) -> None:
        """Carry out a batch; where that fails, each on its own, so that one cannot keep the others back."""
        try:
            results = self._transact(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and nothing is lost
            if len(jobs) > 1 and not isinstance(error, sqlite3.OperationalError):
                for job in jobs:
                    self._write([job])
            else:
                self._failed(jobs, error)
            return
        if self._failing:
            self._failing = False
            self._tell(None)
        for job, result in zip(jobs, results, strict=True):
            if job.future is not None:
                job.future.set_result(result)
            elif job.then is not None:
                job.then(result)

    def _transact(self, jobs: list[_Job]) -> list[Any]:
        db = self._connected()
        try:
            db.execute("BEGIN IMMEDIATE")
            if not jobs:
                ledger.beat(db, self.name)
            results = [job.work(db) for job in jobs]
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return results

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            with suppress(OSError):  # whatever is wrong, the database says it better
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, MODE))
            db = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY / 1000)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
                db.execute("BEGIN IMMEDIATE")
                ledger.prepare(db)
                ledger.enrol(db, self._owner)
                db.execute("COMMIT")
                for note in keep_database_private(self.path):
                    LOG.warning("%s", note)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _failed(self, jobs: list[_Job], error: Exception) -> None:
        passing = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
        for job in jobs:
            if job.future is not None:
                job.future.set_exception(error)
            elif passing:
                self._kept.append(job)
            else:
                LOG.error("an attempt cannot be written to %s: %r", self.path, error)
        if passing:
            db, self._db = self._db, None  # a file that was moved or replaced is opened anew
            if db is not None:
                db.close()
            if not self._failing:
                self._failing = True
                self._tell(str(error))

    def _tell(self, fault: str | None) -> None:
        if fault is None:
            LOG.warning("the ledger %s can be written again", Path(self.path).name)
        else:
            LOG.error("the ledger %s cannot be written: %s", Path(self.path).name, fault)
        self._told(fault)


def _last_words(scribe: weakref.ref[FileScribe], pid: int) -> None:
    """Write down what is left when the program ends; in a child process it is the parent's."""
    found = scribe()
    if found is not None and os.getpid() == pid:
        found.end()


# Every file scribe there is: SQLite's own books of locks must not be carried into a child process.
_SCRIBES: weakref.WeakSet[FileScribe] = weakref.WeakSet()


def _before_fork() -> None:
    for scribe in list(_SCRIBES):
        scribe.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
