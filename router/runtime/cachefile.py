"""The SQLite file of kept answers: its layout, and what is done to it. Everything here waits for the disk."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass
from router.core.private import MODE, keep_database_private
from router.runtime.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOG = logging.getLogger("router")
OURS, VERSION = 0x524C4331, 1  # "RLC1", and the version of the table
BUSY = 2.0  # seconds to wait for another process
TRIES = 3
TABLE = """
CREATE TABLE answers (
    key TEXT PRIMARY KEY, body TEXT NOT NULL, size INTEGER NOT NULL, stored REAL NOT NULL, until REAL NOT NULL,
    last REAL NOT NULL, used REAL NOT NULL, uses INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX by_use ON answers (used, size);
CREATE INDEX by_end ON answers (last);
"""
KEEP = """
INSERT INTO answers (key, body, size, stored, until, last, used) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET body = excluded.body, size = excluded.size, stored = excluded.stored,
    until = excluded.until, last = excluded.last, used = excluded.used
"""
FOUND = "SELECT body, stored, until, last FROM answers WHERE key = ?"
COUNTED = """
SELECT count(*), coalesce(sum(size), 0), coalesce(sum(until > ?), 0), coalesce(sum(uses), 0), min(stored), max(stored)
FROM answers
"""


class Foreign(sqlite3.DatabaseError):
    """The file is of another program, or of another version of this one."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is in a file; times in seconds since 1970, None for an empty one.

    Attributes:
        answers: Answers that are kept.
        size: Bytes they take.
        good: Answers that may still stand for new ones.
        uses: How often they did.
        oldest: When the oldest was given.
        newest: When the newest was.
    """

    answers: int = 0
    size: int = 0
    good: int = 0
    uses: int = 0
    oldest: float | None = None
    newest: float | None = None


class CacheFile:
    """One connection, opened at first use; one thread at a time uses it.

    Args:
        path: The file.
        size: Bytes to keep.
    """

    def __init__(self, path: str, size: int = 0) -> None:
        self._path = path
        self._size = size
        self._connection: sqlite3.Connection | None = None
        self._told = False

    def get(self, key: str) -> Kept | None:
        """Return what is kept under a key.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        connection = self._opened(make=False)
        if connection is None:
            return None
        try:
            row = connection.execute(FOUND, (key,)).fetchone()
        except sqlite3.Error:
            self.close()
            raise
        if row is None:
            return None
        body, *times = row
        if not isinstance(body, str) or not all(isinstance(each, float) for each in times):
            raise sqlite3.DataError("it holds what no router wrote")
        return Kept(body, *times)

    def put(self, kept: Mapping[str, Kept], used: Mapping[str, int], now: float) -> None:
        """Keep answers, count uses, and throw away what is too old or does not fit; a fault is told once.

        Args:
            kept: Answers by key.
            used: How often keys were found, since this was last told.
            now: Seconds since 1970.
        """
        for attempt in range(TRIES):
            try:
                self._put(kept, used, now)
            except (sqlite3.Error, OSError) as error:
                self.close()
                if "locked" in str(error) and attempt < TRIES - 1:
                    continue
                self._tell(error)
            return

    def _put(self, kept: Mapping[str, Kept], used: Mapping[str, int], now: float) -> None:
        connection = self._opened(make=True)
        assert connection is not None  # noqa: S101 - it was made
        with _transaction(connection):
            rows = [
                (key, each.body, each.size, each.stored, each.until, each.last, now)
                for key, each in kept.items()
            ]
            connection.executemany(KEEP, rows)
            counts = [(now, count, key) for key, count in used.items()]
            connection.executemany("UPDATE answers SET used = ?, uses = uses + ? WHERE key = ?", counts)
            connection.execute("DELETE FROM answers WHERE last <= ?", (now,))
            self._make_room(connection)

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Throw away what was not used for the longest time."""
        (total,) = connection.execute("SELECT coalesce(sum(size), 0) FROM answers").fetchone()
        if total <= self._size:
            return
        going = []
        for key, size in connection.execute("SELECT key, size FROM answers ORDER BY used, stored"):
            going.append((key,))
            total -= size
            if total <= self._size:
                break
        connection.executemany("DELETE FROM answers WHERE key = ?", going)

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            LOG.warning("answers cannot be kept in %s, calls go on without: %s", self._path, error)

    def counted(self, now: float) -> Counted:
        """Return what is in the file.

        Raises:
            sqlite3.Error: It cannot be read.
        """
        connection = self._opened(make=False)
        return Counted() if connection is None else Counted(*connection.execute(COUNTED, (now,)).fetchone())

    def clear(self) -> int:
        """Throw everything away, and return how many answers that were.

        Raises:
            sqlite3.Error: It cannot be written.
        """
        connection = self._opened(make=False)
        if connection is None:
            return 0
        with _transaction(connection):
            count = connection.execute("DELETE FROM answers").rowcount
        connection.execute("VACUUM")
        return int(count)

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self, *, make: bool) -> sqlite3.Connection | None:
        """Return the connection; None where there is no file yet and none is to be made."""
        if self._connection is not None:
            return self._connection
        if make:
            # Answers are private: for its owner alone.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, MODE))
        elif not os.path.exists(self._path):  # noqa: PTH110 - a path that may be anything
            return None
        connection = sqlite3.connect(self._path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            with _transaction(
                connection, "DEFERRED"
            ):  # one moment of the file: another process may be laying it out
                ours = _is_ours(connection)
            if not ours:
                if not make:
                    connection.close()
                    return None
                _lay_out(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            for note in keep_database_private(self._path):
                LOG.warning("%s", note)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether a file has our table; false for one with nothing in it.

    Raises:
        Foreign: It has something else.
    """
    (name,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (name, version) == (OURS, VERSION):
        return True
    if tables or name or version:
        raise Foreign("it holds something else than answers of this version")
    return False


def _lay_out(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    with _transaction(connection):
        if not _is_ours(connection):  # another process was quicker
            for statement in TABLE.split(";")[:-1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {OURS}")
            connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _transaction(
    connection: sqlite3.Connection, kind: Literal["DEFERRED", "IMMEDIATE"] = "IMMEDIATE"
) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
