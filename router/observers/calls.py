"""Keeps a line of JSON for every call, in a file that `router simulate` reads again.

A thread writes them in batches; several processes may write to one file. Each batch goes out under a lock of the
file, so that lines stay whole and one process alone puts a full file aside.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import stat
import threading
import weakref
from collections import deque
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from router.core.observer import Observer
from router.core.private import MODE, keep_private
from router.observers.callline import line
from router.observers.redaction import Redaction
from router.policy.calllog import rotated

if TYPE_CHECKING:
    from collections.abc import Collection

    from router.core.observer import CallRecord, Notice
    from router.core.record import AttemptRecord
    from router.core.secret import Secret
    from router.policy.calllog import LogPolicy

LOG = logging.getLogger("router")
FCNTL: Any = import_module("fcntl") if os.name == "posix" else None  # elsewhere one process alone may write
PAUSE = 0.1  # seconds in which a batch gathers
AGAIN = 1.0  # seconds until a file that cannot be written is tried again
AT_ONCE = 1000
KEPT = 10_000  # lines that wait for a file that cannot be written
END = 5.0
MOVED = 20  # times a file may be put aside by others while one waits for it


class CallLog(Observer):
    """Writes a line for each call that ends; a file that cannot be written is told of once, and harms no call.

    Its changing state: `_records`, filled by all; `_thread`, `_last` and `_ending`, guarded by `_lock`; `_lines`,
    `_lost`, `_failing` and `_noted`, the thread's alone.

    Args:
        policy: Where and what is written.
    """

    def __init__(self, policy: LogPolicy) -> None:
        self.policy = policy
        self.redaction = Redaction()
        self._path = os.path.realpath(policy.path)
        self._failing = False
        self._lost = 0
        self._noted: set[str] = set()
        self._begin_anew()
        atexit.register(_last_words, weakref.ref(self), os.getpid())
        _LOGS.add(self)

    def _begin_anew(self) -> None:
        self._records: queue.SimpleQueue[CallRecord | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: threading.Thread | None = None
        self._lines: deque[bytes] = deque()

    def conceal(self, secrets: Collection[Secret]) -> None:
        """Take in the keys of the configuration; see `router.core.observer.Confidant`."""
        self.redaction.conceal(secrets)

    def attempt_ended(self, request_id: str, record: AttemptRecord) -> None:
        """Do nothing: the line of the call tells of its attempts."""

    def noticed(self, notice: Notice) -> None:
        """Do nothing."""

    def call_ended(self, record: CallRecord) -> None:
        """Have a line written soon."""
        self._records.put(record)
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Write down all that was told; it may be told more after."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            self._last = thread
            self._records.put(None)
            self._ending.set()
        thread.join(END)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                before, self._last = self._last, None
                self._thread = threading.Thread(
                    target=self._run, args=(before,), name="router calls", daemon=True
                )
                self._thread.start()

    def _run(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # it may still be at its last words
        self._ending.clear()
        self._keep_private(*(rotated(self._path, number + 1) for number in range(self.policy.keep)))
        going = True
        while going:
            going = self._take()
            while len(self._lines) > KEPT:
                self._lines.popleft()
                self._lost += 1
            self._write()

    def _take(self) -> bool:
        """Wait for calls, or for the time to try again; return False where they are the last."""
        try:
            record = self._records.get(timeout=AGAIN if self._lines else None)
            if record is not None:
                self._ending.wait(PAUSE)
            for _ in range(AT_ONCE - 1):
                if record is None:
                    return False
                self._add(record)
                record = self._records.get_nowait()
            if record is None:
                return False
            self._add(record)
        except queue.Empty:
            pass
        return True

    def _add(self, record: CallRecord) -> None:
        try:
            self._lines.append(line(record, self.policy.content, self.redaction))
        except Exception:
            LOG.exception("a call cannot be written to %s", self.policy.path)

    def _write(self) -> None:
        if not self._lines:
            return
        self._keep_private(self._path)
        try:
            _append(self._path, b"".join(self._lines), self.policy)
        except OSError as error:
            if not self._failing:
                self._failing = True
                LOG.error(  # noqa: TRY400 - what is wrong is the file, not this code
                    "calls cannot be written to %s: %s", self.policy.path, error.strerror or error
                )
            return
        self._lines.clear()
        if self._failing:
            lost = f"; {self._lost} are lost" if self._lost else ""
            LOG.warning("calls can be written to %s again%s", self.policy.path, lost)
            self._failing, self._lost = False, 0

    def _keep_private(self, *paths: str) -> None:
        """Take files that were there before from the eyes of others; what was changed, or cannot be, is told once."""
        for path in paths:
            note = keep_private(path, path)
            if note is not None and note not in self._noted:
                self._noted.add(note)
                LOG.warning("%s", note)


def _append(path: str, lines: bytes, policy: LogPolicy) -> None:
    """Write whole lines to the end of the file, and put it aside once it is full.

    Raises:
        OSError: It cannot be written; nothing of the lines is in it.
    """
    file = _locked(path)
    try:
        before = os.fstat(file).st_size
        if before and before + len(lines) > policy.size:
            _put_aside(path, policy.keep)
            os.close(file)
            file = -1
            file = _locked(path)
            before = os.fstat(file).st_size
        left = memoryview(lines)
        try:
            while left:
                left = left[os.write(file, left) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, before)  # a part of a line would spoil the next one
            raise
    finally:
        if file >= 0:
            os.close(file)


def _locked(path: str) -> int:
    """Open the file for this process alone."""
    for _ in range(MOVED):
        flags = (
            os.O_WRONLY
            | os.O_APPEND
            | os.O_CREAT
            | getattr(os, "O_NONBLOCK", 0)
            | getattr(os, "O_CLOEXEC", 0)
        )
        file = os.open(path, flags, MODE)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(0, "it is no plain file")
            if FCNTL is None:
                return file
            FCNTL.flock(file, FCNTL.LOCK_EX)
            if _is_at(path, found):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # it was put aside in the meantime
    raise OSError(0, "others put it aside again and again")


def _is_at(path: str, found: os.stat_result) -> bool:
    try:
        now = os.stat(path)  # noqa: PTH116 - a path as it is
    except FileNotFoundError:
        return False
    return (now.st_ino, now.st_dev) == (found.st_ino, found.st_dev)


def _put_aside(path: str, keep: int) -> None:
    """Give the file and the older ones the next name; the oldest goes. Its lock is held."""
    for number in range(keep - 1, 0, -1):
        with suppress(FileNotFoundError):
            os.replace(rotated(path, number), rotated(path, number + 1))  # noqa: PTH105 - a path as it is
    os.replace(path, rotated(path, 1))  # noqa: PTH105


# Every log there is: its thread does not live on in a child process.
_LOGS: weakref.WeakSet[CallLog] = weakref.WeakSet()


def _last_words(log: weakref.ref[CallLog], pid: int) -> None:
    """Write down what is left when the program ends; in a child process it is the parent's."""
    found = log()
    if found is not None and os.getpid() == pid:
        found.close()


def _before_fork() -> None:
    for log in list(_LOGS):
        log.close()


def _after_in_child() -> None:
    for log in list(_LOGS):
        log._begin_anew()  # noqa: SLF001 - the lock of the parent may be held for ever here
        atexit.register(_last_words, weakref.ref(log), os.getpid())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_in_child)
