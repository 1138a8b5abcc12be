"""A line that says how far long work is and how long it will take; on a terminal only."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from types import TracebackType

EVERY = 0.1
WIDTH = 24
MINUTE, HOUR = 60, 3600


class Bar:
    """Counts up to a total, on standard error; written over itself, and gone at the end.

    Args:
        what: What is counted: `calls`.
        total: How many there are; 0 when unknown.
        done: How many of them were done before.
        out: Where to write; only a terminal is written to.
    """

    # Mutable: when it began and was drawn last, on the thread that works.

    def __init__(self, what: str, total: int, done: int = 0, out: TextIO | None = None) -> None:
        self._what = what
        self._total = total
        self._before = done
        self._out = out or sys.stderr
        self._shown = self._out.isatty()
        self._began = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown and self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def moved(self, done: int) -> None:
        """Say how many are done by now; drawn ten times a second at most."""
        if not self._shown:
            return
        now = time.monotonic()
        if now - self._drawn >= EVERY:
            self._drawn = now
            self._out.write(
                f"\r{drawn(self._what, done, self._total, done - self._before, now - self._began)}\x1b[K"
            )
            self._out.flush()


def drawn(what: str, done: int, total: int, lately: int, seconds: float) -> str:
    """Return the line: how many of how many, and how long the rest will take at the pace so far.

    Args:
        what: What is counted.
        done: How many are done.
        total: How many there are; 0 when unknown.
        lately: How many were done in `seconds`.
        seconds: How long that took.
    """
    pace = lately / seconds if seconds > 0 else 0.0
    if not total:
        return f"{done:,} {what}, {pace:,.1f}/s"
    share = min(done / total, 1.0)
    filled = round(share * WIDTH)
    left = f", {_spoken((total - done) / pace)} left" if pace > 0 and done < total else ""
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done:,}/{total:,} {what}, {pace:,.1f}/s{left}"


def _spoken(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
