"""Files that tell who asked what, and what was answered: for the eyes of their owner alone."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MODE = 0o600
# What SQLite keeps beside a database.
_BESIDE = ("", "-wal", "-shm", "-journal")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def mode_for_others(file: int | str) -> int | None:
    """Return the mode of a plain file that others may read or write; None for any other file, and for none.

    Args:
        file: Its path, or what it is open as.
    """
    try:
        found = os.stat(file)  # noqa: PTH116 - or what it is open as
    except (OSError, ValueError):  # a NUL in the path
        return None
    wide = stat.S_ISREG(found.st_mode) and found.st_mode & _OTHERS and os.name == "posix"
    return stat.S_IMODE(found.st_mode) if wide else None


def keep_private(file: int | str, name: str) -> str | None:
    """Take from others what they may do with a file that was there before; return a note about it, or None.

    A file that is made here is private from the beginning; one that was there may have been made by anybody.

    Args:
        file: Its path, or what it is open as.
        name: How the note names it.
    """
    mode = mode_for_others(file)
    if mode is None:
        return None
    try:
        os.chmod(file, mode & ~_OTHERS)  # noqa: PTH101 - or what it is open as
    except OSError as error:
        return f"{name} can be read by others (mode {mode:04o}), which cannot be changed: {error.strerror}"
    return f"{name} could be read by others (mode {mode:04o}); it is for its owner alone now"


def keep_database_private(path: str) -> Iterator[str]:
    """Do so with a database and what SQLite keeps beside it, by path: closing such a file would end SQLite's locks."""
    for ending in _BESIDE:
        note = keep_private(path + ending, path + ending)
        if note is not None:
            yield note
