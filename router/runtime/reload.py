"""A file that changes while a router runs: the new one takes over at once, or the old one goes on."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from router.core.errors import ConfigError
from router.core.observer import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from router.compile.program import Program
    from router.runtime.engine import Engine
    from router.runtime.snapshot import Snapshot

LOG = logging.getLogger("router")
EVERY = 2.0
SETTLED = 0.25


class Reloader:
    """Compares a file, and what it is made of, with what was loaded; compiles what is new.

    Its changing state: what it saw last; whoever polls it, one at a time, is alone with it.

    Args:
        engine: Where a new program goes.
        load: Compiles the file as it is now.
        files: The files that the configuration is made of.
    """

    def __init__(
        self, engine: Engine, load: Callable[[], Program], files: Callable[[], Iterable[Path]]
    ) -> None:
        self._engine = engine
        self._load = load
        self._files = files
        self._stamp = self._stamped()
        self._hash = self._hashed()
        self._moving: tuple[object, ...] | None = None

    def poll(self) -> Snapshot | None:
        """Look once. Return the snapshot that was replaced, or None when nothing was.

        A file is read once it has stayed the same from one look to the next; half of one is no change.
        """
        stamp = self._stamped()
        if stamp == self._stamp:
            self._moving = None
            return None
        if stamp != self._moving:
            self._moving = stamp
            return None
        self._stamp, self._moving = stamp, None
        return self.reload()

    def reload(self) -> Snapshot | None:
        """Put the file as it is now in force. A broken one changes nothing, and is told once."""
        found = self._hashed()
        if found == self._hash:
            return None
        self._hash = found
        file = self._engine.program.file
        try:
            program = self._load()
        except ConfigError as error:
            LOG.error("the changed %s is refused, the configuration before goes on: %s", file, error)  # noqa: TRY400 - it is no fault of ours
            self._engine.audience.noticed(Notice("reload", file, "refused", str(error)))
            return None
        old = self._engine.adopt(program)
        LOG.info("%s is loaded anew", file)
        self._engine.audience.noticed(Notice("reload", file, "loaded"))
        return old

    @property
    def pause(self) -> float:
        """Seconds until the next look: short while a file is being written."""
        return EVERY if self._moving is None else SETTLED

    def _stamped(self) -> tuple[object, ...]:
        found: list[object] = []
        for path in self._files():
            try:
                status = path.stat()  # through links: a mounted folder is exchanged by its link
            except OSError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _hashed(self) -> tuple[bytes, ...]:
        found = []
        for path in self._files():
            try:
                found.append(hashlib.sha256(path.read_bytes()).digest())
            except OSError:
                found.append(b"")
        return tuple(found)
