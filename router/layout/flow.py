"""Values in brackets on one line: `{a: 1, b: [x, y]}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yaml import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.layout.nodes import Inline


def end_of(event: events.Event, following: Callable[[], events.Event]) -> tuple[list[events.Event], int]:
    """Return the events of a value in brackets, its first one included, and where it ends in the text."""
    found = [event]
    depth = 1
    while depth:
        found.append(following())
        depth += isinstance(found[-1], events.CollectionStartEvent)
        depth -= isinstance(found[-1], events.CollectionEndEvent)
    return found, index(found[-1].end_mark)


def index(mark: object) -> int:
    """Return where a mark is in the text."""
    return int(getattr(mark, "index"))  # noqa: B009 - marks of the C parser are untyped


def one_line(found: list[events.Event], text: str, make: Callable[..., Inline]) -> Inline:
    """Return a value in brackets with one space where one belongs."""
    shown, cells, _ = _Flow(found, text).value(0)
    return make(shown, cells)


class _Flow:
    """The events of one value and the text they come from."""

    def __init__(self, found: list[events.Event], text: str) -> None:
        self._found = found
        self._text = text

    def value(self, at: int) -> tuple[str, tuple[str, ...] | None, int]:
        """Return a value as it is shown, its items if it is a list, and which event follows it."""
        event = self._found[at]
        start = index(event.start_mark)
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(at, start)
        if isinstance(event, events.SequenceStartEvent):
            anchor, _ = self._anchor(event, start)
            cells = []
            at += 1
            while not isinstance(self._found[at], events.SequenceEndEvent):
                shown, _, at = self.value(at)
                cells.append(shown)
            return f"{anchor}[{', '.join(cells)}]", tuple(cells), at + 1
        return self._text[start : index(event.end_mark)], None, at + 1

    def _mapping(self, at: int, start: int) -> tuple[str, None, int]:
        anchor, first = self._anchor(self._found[at], start)
        pairs = []
        at += 1
        while not isinstance(self._found[at], events.MappingEndEvent):
            key, _, at = self.value(at)
            after = index(self._found[at - 1].end_mark)
            shown, _, at = self.value(at)
            # A key alone is legal; then no colon stands after it.
            bare = not shown and not self._text[after:].lstrip().startswith(":")
            pairs.append(key if bare else f"{key}: {shown}")
        inside = ", ".join(pairs)
        # A pair in a list needs no braces of its own.
        return (f"{anchor}{{{inside}}}" if self._text[first] == "{" else inside), None, at + 1

    def _anchor(self, event: events.Event, start: int) -> tuple[str, int]:
        """Return a collection's anchor as it is shown, and where the collection itself begins."""
        name = getattr(event, "anchor", None)
        if not name:
            return "", start
        after = start + len(name) + 1
        return f"&{name} ", after + len(self._text[after:]) - len(self._text[after:].lstrip())
