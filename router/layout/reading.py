"""A text to the blocks it is made of: by the parser's events, and the comments found between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from yaml import events

from router.layout.flow import end_of, index, one_line
from router.layout.gaps import Gap, column_of, line_end
from router.layout.literal import literal, sign_end
from router.layout.nodes import Block, Entry, Inline, Verbatim

if TYPE_CHECKING:
    from router.layout.nodes import Literal, Value


class Reader:
    """One pass over a text that is known to be sound. Its state is how far it is.

    Attributes:
        head: What stands before the document: up to its `---`, or "".
        aliases: Whether the text has aliases.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._events: list[Any] = list(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        self._number = 0
        self._at = 0
        self.head = ""
        self.aliases = any(isinstance(event, events.AliasEvent) for event in self._events)

    def root(self) -> Block | None:
        """Return the document, or None where it is no mapping without brackets."""
        self._next()
        opening = self._next()
        if opening.explicit:
            self._at = index(opening.end_mark)
            self.head = self._text[: self._at]
        first = self._next()
        if not isinstance(first, events.MappingStartEvent) or first.flow_style or first.anchor:
            return None
        block = self._mapping(Gap(self._text, self._at, fresh=self._at == 0))
        block.tail += self._gap().lines
        while block.tail and not block.tail[-1].text:
            block.tail.pop()
        return block

    @property
    def rest(self) -> str:
        """What stands after the document's end: `...`, or nothing."""
        return self._text[self._gap().to :]

    def _next(self) -> Any:
        self._number += 1
        return self._events[self._number - 1]

    def _gap(self) -> Gap:
        return Gap(self._text, self._at)

    def _mapping(self, gap: Gap) -> Block:
        block = Block(column_of(self._text, gap.to))
        while not isinstance(event := self._next(), events.MappingEndEvent):
            start, end = index(event.start_mark), index(event.end_mark)
            entry = Entry(gap.lines, self._text[start:end])
            if start > gap.to:  # after a `?`
                entry.lead += Gap(self._text, gap.to + 1).own
            colon = Gap(self._text, end)
            if self._text[colon.to : colon.to + 1] == ":":
                entry.lead += colon.own
                end = colon.to + 1
            self._at = end
            self._value(entry, self._next(), block)
            gap = self._after(block, entry, block.column)
        return block

    def _sequence(self, gap: Gap, parent: int) -> Block:
        block = Block(column_of(self._text, gap.to))
        # A list may stand as far out as its key; comments there belong to what follows the list.
        inside = block.column + (block.column == parent)
        while not isinstance(event := self._next(), events.SequenceEndEvent):
            entry = Entry(gap.lines, None)
            self._at = gap.to + 1
            self._value(entry, event, block)
            gap = self._after(block, entry, inside)
        return block

    def _after(self, block: Block, entry: Entry, inside: int) -> Gap:
        """Take an entry into its block; under the last one, the comments that are indented like it as well."""
        block.entries.append(entry)
        gap = self._gap()
        if not isinstance(self._events[self._number], events.CollectionEndEvent):
            return gap
        outer = column_of(self._text, gap.to) if gap.to < len(self._text) else -1
        taken = 0
        for number, line in enumerate(gap.lines, start=1):
            item = (
                block.entries[0].key is None and line.text.startswith("# - ") and line.column == block.column
            )
            if line.text and (line.column < inside or line.column <= outer) and not item:
                break
            taken = number if line.text else taken
        if taken:
            block.tail = gap.lines[:taken]
            self._at = gap.lines[taken - 1].end
        return gap

    def _value(self, entry: Entry, event: Any, owner: Block) -> None:
        """Read the value of an entry, and the comments before and after it."""
        if isinstance(event, events.ScalarEvent) and index(event.start_mark) == index(event.end_mark):
            self._comment_after(entry)
            return
        gap = self._gap()
        entry.beside = gap.beside
        if isinstance(event, events.CollectionStartEvent) and not event.flow_style:
            entry.value = self._block(entry, event, gap, owner)
            return
        entry.inner = [line for line in gap.lines if line.text]
        entry.column = -1 if gap.crossed else column_of(self._text, gap.to)
        self._at = gap.to
        if isinstance(event, events.ScalarEvent) and event.style in ("|", ">"):
            entry.value = self._literal(entry, owner)
        else:
            entry.value = self._leaf(event, owner)
            self._comment_after(entry)

    def _comment_after(self, entry: Entry) -> None:
        entry.after = self._gap().beside
        if entry.after is not None:
            self._at = line_end(self._text, self._at)

    def _block(self, entry: Entry, event: Any, gap: Gap, owner: Block) -> Block:
        if event.anchor:
            entry.anchor = f"&{event.anchor}"
            after = Gap(self._text, gap.to + len(entry.anchor))
            entry.beside = after.beside or entry.beside
            after.lines = gap.lines + after.lines
            gap = after
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(gap)
        return self._sequence(gap, owner.column if entry.key is not None else -1)

    def _literal(self, entry: Entry, owner: Block) -> Literal:
        entry.after = Gap(self._text, sign_end(self._text, self._at)).beside
        found, self._at = literal(self._text, self._at, owner.column)
        return found

    def _leaf(self, event: Any, owner: Block) -> Value:
        start = self._at
        if isinstance(event, events.CollectionStartEvent):
            found, self._at = end_of(event, self._next)
        else:
            found, self._at = [event], index(event.end_mark)
        raw = self._text[start : self._at]
        if "\n" in raw:
            return Verbatim(tuple(raw.split("\n")), owner.column)
        return one_line(found, self._text, Inline)
