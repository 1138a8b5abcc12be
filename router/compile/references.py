"""Two files, and which of their values are read from other variables or secret files, in words."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from router.config.expand import is_reference
from router.config.node import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration
    from router.config.node import Node

_REFERENCE = re.compile(r"\$\{((?:env|file):[^{}$]+?)(?::-[^{}$]*)?\}")


def references(old: Configuration, new: Configuration) -> Iterator[str]:
    """Yield a line for each value of something in both files that reads other variables, whatever they hold now.

    What stands around a reference, and a default in it, is a value as any other and is compared as such.
    """
    yield from _compared(old.root, new.root, "")


def _compared(old: Node | None, new: Node | None, place: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in {**old.entries, **new.entries}:
            inside = f"{place}.{name}" if place else name
            yield from _compared(old.entries.get(name), new.entries.get(name), inside)
    elif isinstance(old, Sequence) or isinstance(new, Sequence):
        items = (each.items if isinstance(each, Sequence) else [] for each in (old, new))
        for number, (was, now) in enumerate(zip_longest(*items), start=1):
            yield from _compared(was, now, f"{place}[{number}]")
    else:
        yield from _told(_named(old), _named(new), place)


def _told(was: str, now: str, place: str) -> Iterator[str]:
    if was != now:
        other = f", not from {was}" if was else ""
        yield f"{place} is read from {now}{other}" if now else f"{place} is no longer read from {was}"


def _named(node: Node | None) -> str:
    """Return the references in a text, without their defaults; nothing where there are none."""
    found = _REFERENCE.findall(node.text) if isinstance(node, Scalar) and is_reference(node) else []
    return " and ".join(f"${{{each}}}" for each in found)
