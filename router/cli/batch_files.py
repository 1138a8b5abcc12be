"""The two files of `router batch`: calls in, a line of JSON each, and what became of them, a line for each."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from router.core.form import json_text
from router.core.frozen import dataclass
from router.core.private import MODE, keep_private
from router.runtime.many import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST = 16 * 2**20
BLOCK = 2**20


class BadFile(Exception):
    """A file cannot be used; the text says why and what to do."""


class Asked(NamedTuple):
    """One line of the file of calls.

    Attributes:
        line: Its number, counted from 1.
        id: The caller's own name of it, or None.
        key: What lines that ask the same have in common.
        call: `messages` or `prompt`, and options; or what is wrong with the line.
    """

    line: int
    id: object
    key: str
    call: dict[str, Any] | str


def asked_in(path: Path) -> Iterator[Asked]:
    """Yield the calls of a file, read as needed; an empty line is none.

    Raises:
        BadFile: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(LONGEST), b""), start=1):
                if raw.strip():
                    yield _asked(number, raw)
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}") from error


def _asked(number: int, raw: bytes) -> Asked:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return Asked(number, None, _digest(raw), f"it is no JSON: {str(error)[:100]}")
    if not isinstance(value, dict):
        return Asked(number, None, _digest(raw), "it is no JSON object with `messages` or `prompt`")
    name = value.pop("id", None)
    key = key_of(value)
    return Asked(number, name, _digest(raw if key is None else key.encode("utf-8", "surrogatepass")), value)


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]


@dataclass(slots=True)
class Progress:
    """What an output file has so far.

    Attributes:
        done: Lines that are in it.
        failed: Those of them that hold an error.
        answers: Where each answer begins and how long it is, by the key of its call.
    """

    done: int
    failed: int
    answers: dict[str, tuple[int, int]]


class Results:
    """The output file, in the order of the calls: a line is written when all before it are.

    Its state: the file and the progress. One process at a time writes it.
    """

    def __init__(self, path: Path, file: int) -> None:
        self._path = path
        self._file = file
        self.note: str | None = None  # what was done to a file that others could read
        self.progress = Progress(0, 0, {})
        self._end = 0
        self._keys: list[str] = []

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Results]:
        """Open a file, or go on with one that a run before left.

        Raises:
            BadFile: It cannot be written, another run is writing it, or it holds something else.
        """
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, MODE)
        except OSError as error:
            raise BadFile(f"{path} cannot be written: {error.strerror or error}") from error
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise BadFile(f"{path} is no file that can be read again")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BadFile(f"{path} is being written by another run") from error
            results = cls(path, file)
            results._take_up()
            results.note = keep_private(file, str(path))
            yield results
            os.fsync(file)
        finally:
            os.close(file)

    def _take_up(self) -> None:
        """Find out how far the run before came; half a line at the end is cut off."""
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                self._note(self._read(raw), len(raw))
        os.ftruncate(self._file, self._end)
        os.lseek(self._file, self._end, os.SEEK_SET)

    def _read(self, raw: bytes) -> dict[str, Any]:
        try:
            found = json.loads(raw)
            if isinstance(found, dict) and isinstance(found.get("key"), str) and "line" in found:
                return found
        except ValueError:
            pass
        raise BadFile(
            f"line {self.progress.done + 1} of {self._path} is no line of an earlier run: name another file with --out"
        )

    def _note(self, line: dict[str, Any], size: int) -> None:
        progress = self.progress
        progress.done += 1
        progress.failed += "error" in line
        if "error" not in line:
            progress.answers.setdefault(line["key"], (self._end, size))
        self._keys.append(line["key"])
        self._end += size

    def agree(self, turn: int, asked: Asked) -> None:
        """Hold a call against the line of the same turn that is there already.

        Raises:
            BadFile: It asks something else.
        """
        if self._keys[turn] != asked.key:
            raise BadFile(
                f"line {asked.line} of the calls is not what line {turn + 1} of {self._path} answers: "
                "the file was changed since; name another file with --out"
            )

    def write(self, line: dict[str, Any]) -> None:
        """Append a line.

        Raises:
            BadFile: The disk is full, or the file cannot be written any more; what is in it stays.
        """
        text = json_text(line).encode() + b"\n"
        sent = 0
        try:
            while sent < len(text):
                sent += os.write(self._file, text[sent:])
        except OSError as error:
            os.ftruncate(self._file, self._end)
            os.lseek(self._file, self._end, os.SEEK_SET)
            raise BadFile(f"{self._path} cannot be written: {error.strerror or error}") from error
        self._note(line, len(text))

    def copied(self, asked: Asked) -> dict[str, Any]:
        """Return the line of a call whose equal is answered already."""
        start, size = self.progress.answers[asked.key]
        found: dict[str, Any] = json.loads(os.pread(self._file, size, start))
        return {**found, "line": asked.line, "id": asked.id, "same_as": found["line"]}


def count(path: Path) -> int:
    """Return how many lines a file has, about: for an estimate."""
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK), b""))
    except OSError:
        return 0
