"""Two values of one thing, and which of its parts differ, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING

from router.core.certificate import ClientCertificate
from router.core.units import show_duration, show_money, show_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import DataclassInstance

# Longer texts are not shown, nor what may hold a password.
LONGEST = 60
SIZES = ("memory", "size")
TIMES = (
    *("after", "idle_unload", "load_timeout", "max_open", "max_wait", "open"),
    *("queue.timeout", "stale_cache", "ttl", "window"),
)
PRIVATE = ("headers", "keys", "proxy")
# What names files: a relative path is the same from wherever its configuration is read.
PATHS = ("ca", "cert", "ledger", "path")
SHARES = ("max", "ratio")
# Fields that a file calls otherwise.
KEYS = {"accepted": "for_all", "queue_max": "queue.max", "queue_timeout": "queue.timeout", "zone": "timezone"}
UNSET = "unset"
Parts = Iterator[tuple[str, object, object]]


def altered(parts: Iterable[tuple[str, object, object]]) -> Iterator[str]:
    """Yield the parts that differ: short values with what they were, others by their name alone.

    Args:
        parts: Of each part its name, what it was and what it is; None is what the file does not say.
    """
    for name, before, after in parts:
        if before != after and not (name in PATHS and _located(before) == _located(after)):
            was, now = _shown(name, before), _shown(name, after)
            yield f"{name} {was} -> {now}" if was and now and was != now else name


def fields_of(before: DataclassInstance, after: DataclassInstance, *without: str) -> Parts:
    """Yield the fields of two dataclasses of one class, but some, as `altered` takes them."""
    for each in fields(before):
        if each.name not in without:
            yield KEYS.get(each.name, each.name), getattr(before, each.name), getattr(after, each.name)


def _located(path: object) -> object:
    if isinstance(path, ClientCertificate):
        return _located(path.file), _located(path.keyfile), path.password
    if not isinstance(path, str) or path.startswith("package:"):
        return path
    return os.path.abspath(path)  # noqa: PTH100 - nothing is looked up


def _shown(name: str, value: object) -> str:
    """Return a value as the file writes it; nothing where it is long or may be private."""
    if name in (*PRIVATE, *PATHS) or not isinstance(value, str | bool | int | float | Decimal | None):
        return ""
    if isinstance(value, str):
        return value if 0 < len(value) <= LONGEST and value.isprintable() and "@" not in value else ""
    if value is None or isinstance(value, bool):
        return UNSET if value is None else str(value).lower()
    if isinstance(value, Decimal):
        return show_money(value)
    return _number(name, value)


def _number(name: str, value: float) -> str:
    if name in SIZES:
        return show_size(int(value))
    if name in TIMES:
        return show_duration(value)
    if name in SHARES:
        return f"{value * 100:g}%"
    return str(value) if isinstance(value, int) else f"{value:g}"
