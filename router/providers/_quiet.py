"""What httpx and httpcore log: they log heads of answers and addresses, which may repeat a key."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_OURS: ContextVar[bool] = ContextVar("_OURS", default=False)


def hush() -> None:
    """See to it that what these libraries log of a `quiet` block is dropped; what others send with them is not."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_passes)  # adds a filter once only


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what is logged inside, short of warnings."""
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)


def _passes(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not _OURS.get()
