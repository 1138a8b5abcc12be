"""Two values of one thing, and which of its parts differ, in words."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from router.core.units import show_duration, show_money, show_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Longer texts are not shown, nor what may hold a password.
LONGEST = 60
SIZES = ("memory", "size")
TIMES = ("after", "idle_unload", "load_timeout", "max_open", "max_wait", "open", "queue_timeout", "ttl", "window")
PRIVATE = ("headers", "keys", "proxy")


def altered(parts: Iterable[tuple[str, object, object]]) -> Iterator[str]:
    """Yield the parts that differ: short values with what they were, others by their name alone.

    Args:
        parts: Of each part its name, what it was and what it is; None is what the file does not say.
    """
    for name, before, after in parts:
        if before != after:
            was, now = _shown(name, before), _shown(name, after)
            yield f"{name} {was} -> {now}" if was and now and was != now else name


def fields_of(before: object, after: object, *without: str) -> Iterator[tuple[str, object, object]]:
    """Yield the fields of two dataclasses of one class, but some, as `altered` takes them."""
    if is_dataclass(before):
        for each in fields(before):
            if each.name not in without:
                yield each.name, getattr(before, each.name), getattr(after, each.name)


def _shown(name: str, value: object) -> str:
    """Return a value as the file writes it; nothing where it is long or may be private."""
    if name in PRIVATE or not isinstance(value, str | bool | int | float | Decimal | None):
        return ""
    if isinstance(value, str):
        return value if 0 < len(value) <= LONGEST and value.isprintable() and "@" not in value else ""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, Decimal):
        return show_money(value)
    if name in SIZES and isinstance(value, int):
        return show_size(value)
    return show_duration(value) if name in TIMES else f"{value:g}" if isinstance(value, float) else str(value)
