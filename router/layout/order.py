"""The keys of a document, in the order of the language; their comments move with them."""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING

from router.layout.nodes import GapLine, Inline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.layout.nodes import Block, Entry

_BLANK = GapLine("", 0, 0)


def in_order(root: Block, keys: Sequence[str]) -> None:
    """Put the entries of a document in order; one with an unknown key stays behind the one above it."""
    places = {key: place for place, key in enumerate(keys)}
    wanted: list[tuple[int, Entry]] = []
    place = -1
    for entry in root.entries:
        place = places.get((entry.key or "").strip("\"'"), place)
        wanted.append((place, entry))
    ordered = [entry for _, entry in sorted(wanted, key=lambda each: each[0])]
    if all(one is other for one, other in zip(ordered, root.entries, strict=True)):
        return
    header = _header(root.entries[0])
    if not isinstance(root.entries[0].value, Inline):
        root.entries[0].lead.insert(0, _BLANK)
    ordered[0].lead = header + _from_text(ordered[0].lead)
    root.entries = ordered


def _header(first: Entry) -> list[GapLine]:
    """Take the comments about the file from above its first entry: all down to the last blank line, if there is one."""
    lead = _from_text(first.lead)
    end = max((number for number, line in enumerate(lead, start=1) if not line.text), default=len(lead))
    first.lead = lead[end:]
    return lead[:end]


def _from_text(lines: list[GapLine]) -> list[GapLine]:
    return list(dropwhile(lambda line: not line.text, lines))
