"""A file that changes while a router runs: what it says is compiled anew, or refused."""

from __future__ import annotations

import hashlib
import itertools
import stat
from typing import TYPE_CHECKING

from router.core.errors import ConfigError
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from router.compile.program import Program
    from router.diagnostics.diagnostic import Diagnostic

EVERY = 2.0
SETTLED = 0.25
READ_AT_MOST = 4 * 1024 * 1024
_Stamp = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the files gave.

    Attributes:
        number: Later looks have larger ones.
        stamp: The files' places, sizes and times before they were read.
        digests: What was read.
        program: The compiled configuration, or None.
        findings: Its warnings and infos.
        error: Why there is none.
    """

    number: int
    stamp: _Stamp
    digests: Mapping[Path, bytes]
    program: Program | None
    findings: tuple[Diagnostic, ...] = ()
    error: ConfigError | None = None


class Reloader:
    """Compares files with what was loaded from them; compiles what is new.

    `look` and `load` read and compile and belong into a thread; they change nothing that `took` has not seen.
    Its changing state: what was last taken, and whether a file is moving; one watcher at a time looks.

    Args:
        load: Compiles the file as it is now; raises ConfigError.
        files: The files that the configuration is made of, as far as known.
    """

    def __init__(
        self,
        load: Callable[[], tuple[Program, Iterable[Diagnostic]]],
        files: Callable[[], Iterable[Path]],
    ) -> None:
        self._load = load
        self._files = files
        self._numbers = itertools.count(1)
        self._taken = 0
        self._stamp: _Stamp = ()
        self._digests: Mapping[Path, bytes] = {}
        self._moving: _Stamp | None = None

    def look(self) -> Found | None:
        """Look once; None when nothing is new.

        A file is read once it has stayed the same from one look to the next: half of one is no change.
        """
        stamp = self._stamped()
        if stamp == self._stamp:
            self._moving = None
            return None
        if stamp != self._moving:
            self._moving = stamp
            return None
        if self._digested() == self._digests:
            self._stamp, self._moving = stamp, None  # touched, and still the same
            return None
        return self.load()

    def load(self) -> Found:
        """Read and compile the files, whether or not they changed."""
        number, stamp, before = next(self._numbers), self._stamped(), self._digested()
        try:
            program, findings = self._load()
        except ConfigError as error:
            return Found(number, stamp, before, None, error=error)
        after = self._digested()
        if any(after.get(path) != digest for path, digest in before.items()):
            return Found(number, (), before, program, tuple(findings))  # changed meanwhile: look again soon
        # What is included is known only now.
        return Found(number, stamp if after.keys() == before.keys() else (), after, program, tuple(findings))

    def took(self, found: Found) -> bool:
        """Remember what was found as seen; false when something newer has been taken."""
        if found.number < self._taken:
            return False
        self._taken, self._stamp, self._digests, self._moving = found.number, found.stamp, found.digests, None
        return True

    @property
    def pause(self) -> float:
        """Seconds until the next look: short while a file is being written."""
        return EVERY if self._moving is None else SETTLED

    def _stamped(self) -> _Stamp:
        found: list[object] = []
        for path in self._files():
            try:
                status = path.stat()  # through links: a mounted folder is exchanged by its link
            except OSError:
                found.append((path, None))
            else:
                found.append((path, status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _digested(self) -> dict[Path, bytes]:
        return {path: _digest(path) for path in self._files()}


def _digest(path: Path) -> bytes:
    """Return what tells a file's contents apart; empty for none, and for what is no plain file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return hashlib.sha256(file.read(READ_AT_MOST)).digest()
    except OSError:
        return b""
