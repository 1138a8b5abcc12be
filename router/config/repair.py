"""Edits that take out, move, add or wrap an entry of a file; all else on its lines stays as it is.

Each returns no edit where something could be lost: a comment inside, an anchor, an entry that shares its lines.
"""

from __future__ import annotations

import json
import re
from dataclasses import field
from typing import TYPE_CHECKING

from router.config.node import Mapping, Scalar, Sequence
from router.config.yaml import core_scalar
from router.core.frozen import dataclass
from router.diagnostics.diagnostic import Edit
from router.diagnostics.source import Span

if TYPE_CHECKING:
    from router.config.load import Configuration
    from router.diagnostics.source import Source

Edits = tuple[Edit, ...]

# Deliberately coarse: what merely looks like an anchor, an alias or a comment costs a repair, not a file.
_ANCHORED = re.compile(r"[&*](?<![^\s\[{,][&*])[^\s,\[\]{}]|\ufeff")  # the mark of byte order moves columns
_COMMENT = re.compile(r"(?:^|\s)#", re.MULTILINE)
_COMMA = re.compile(r"\s*,\s*\Z")
_DASH = re.compile(r"[ ]*-[ ]+\Z")
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*\Z")
_AMBIGUOUS = frozenset({"y", "n", "yes", "no", "on", "off"})


def as_written(name: str) -> str:
    """Return a text as a file can hold it anywhere: bare where that reads as the same text to everybody."""
    bare = _PLAIN.match(name) and name.isascii() and isinstance(core_scalar(name), str)
    return name if bare and name.lower() not in _AMBIGUOUS else json.dumps(name, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Holders:
    """What holds what in a document, by place: keys and items with what they stand in, and the mappings."""

    keys: dict[Span, tuple[Mapping, str]] = field(default_factory=dict)
    items: dict[Span, tuple[Sequence, int]] = field(default_factory=dict)
    mappings: dict[Span, Mapping] = field(default_factory=dict)

    def taken(self, key: Span, name: str) -> bool:
        """Return whether a place is a key in a mapping that has a certain other key already."""
        return key in self.keys and name in self.keys[key][0].entries


def holders(configuration: Configuration) -> Holders:
    """Return what holds what; it is worked out once."""
    known = configuration.worked_out.get(Holders)
    if isinstance(known, Holders):
        return known
    found = configuration.worked_out[Holders] = Holders()
    waiting = [configuration.root] if configuration.root is not None else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            found.mappings.setdefault(node.span, node)
            for name, span in node.keys.items():
                found.keys.setdefault(span, (node, name))
            waiting += node.entries.values()
        elif isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                found.items.setdefault(item.span, (node, index))
            waiting += node.items
    return found


def scalar_at(source: Source, span: Span) -> str:
    """Return the text at a place without the quotes around it."""
    return _text(source, span).strip("\"'")


def safe_to_delete(source: Source, span: Span) -> bool:
    """Return whether nothing is lost with a range but its values: no comment in it, no anchor in the file."""
    return not _ANCHORED.search(source.text) and not _COMMENT.search(_text(source, span))


def entry_removed(source: Source, holder: Mapping, name: str) -> Edits:
    """Return the edit that takes an entry out of a mapping that has others."""
    spans = [_from_to(holder.keys[each], value.span) for each, value in holder.entries.items()]
    return _removed(source, holder, spans, list(holder.entries).index(name), dash=False)


def item_removed(source: Source, holder: Sequence, index: int) -> Edits:
    """Return the edit that takes an item out of a list that has others."""
    return _removed(source, holder, [item.span for item in holder.items], index, dash=True)


def item_moved_last(source: Source, holder: Sequence, index: int) -> Edits:
    """Return the edits that move an item, with the comments on its lines and right above it, to the list's end."""
    item, last = holder.items[index].span, holder.items[-1].span
    if not _is_of(source, item, last) or _ANCHORED.search(source.text) or item == last:
        return ()
    if _is_flow(source, holder):
        out = item_removed(source, holder, index)
        place = Span(last.file, last.end_line, last.end_column, last.end_line, last.end_column)
        return (*out, Edit(place, f", {_text(source, item)}")) if out else ()
    lines = source.lines
    alone = all(_after(source, each)[:1] in ("", "#") for each in (item, last))
    if not alone or not _DASH.match(_before(source, item)):
        return ()
    begin = item.line
    while begin > 1 and lines[begin - 2].startswith(f"{_before(source, item).split('-')[0]}#"):
        begin -= 1
    if begin < item.line and index == 0:
        return ()  # the comment may be about the whole list
    out_of = Span(item.file, begin, 1, item.end_line + 1, 1)
    text = _text(source, out_of)
    if last.end_line < len(lines):
        return (Edit(out_of, ""), Edit(Span(last.file, last.end_line + 1, 1, last.end_line + 1, 1), text))
    end = len(lines[last.end_line - 1]) + 1
    tail = Span(last.file, last.end_line, end, last.end_line, end)
    return Edit(out_of, ""), Edit(tail, "\n" + text.rstrip("\r\n"))


def entry_added(source: Source, holder: Mapping, text: str) -> Edits:
    """Return the edit that puts `key: value` in front of a mapping's entries."""
    span = holder.span
    if span.file != source.name or _ANCHORED.search(source.text):
        return ()
    if _is_flow(source, holder):
        if not holder.entries:
            return (Edit(span, f"{{{text}}}"),) if not _COMMENT.search(_text(source, span)) else ()
        column = span.column + 1
        return (Edit(Span(span.file, span.line, column, span.line, column), f"{text}, "),)
    first = min(holder.keys.values(), default=None)
    if _before(source, span).strip(" -") or first is None or first[:3] != span[:3] or first[1:3] == first[3:]:
        return ()  # a tag before the first key, a key of several lines, or an empty one
    place = Span(span.file, span.line, span.column, span.line, span.column)
    return (Edit(place, f"{text}\n{' ' * (span.column - 1)}"),)


def entry_put_under(source: Source, holder: Mapping, name: str, block: str) -> Edits:
    """Return the edits that put an entry under a key beside it: around it, or into the braces that are there."""
    entry, value = _from_to(holder.keys[name], holder.entries[name].span), holder.entries[name]
    if holder.parts:
        return ()  # its entries stand in several files
    if not _is_of(source, entry) or entry.line != entry.end_line or not safe_to_delete(source, entry):
        return ()
    if isinstance(value, Scalar) and value.plain and (not value.text or set(value.text) & set(",[]{}")):
        return ()  # inside braces it would read otherwise
    text = _text(source, entry)
    target = holder.entries.get(block)
    if target is None:
        return (Edit(entry, f"{block}: {{{text}}}"),)
    if not isinstance(target, Mapping) or name in target.entries or not _is_flow(source, target):
        return ()
    out = entry_removed(source, holder, name)
    into = entry_added(source, target, text)
    return (*out, *into) if out and into else ()


def _removed(
    source: Source, holder: Mapping | Sequence, spans: list[Span], index: int, *, dash: bool
) -> Edits:
    span = spans[index]
    near = spans[max(index - 1, 0) : index + 2]
    if (
        len(spans) == 1
        or (isinstance(holder, Mapping) and holder.parts)
        or not _is_of(source, *near)
        or not safe_to_delete(source, span)
    ):
        return ()
    if _is_flow(source, holder):
        # A separator alone may stand between two entries: no comment, nothing that was read as wrong.
        between = (
            _from_to(span, spans[index + 1], gap=True)
            if index + 1 < len(spans)
            else _from_to(spans[index - 1], span, gap=True)
        )
        if not _COMMA.match(_text(source, between)):
            return ()
        whole = (span, between) if index + 1 < len(spans) else (between, span)
        return (Edit(_from_to(*whole), ""),)
    before = _before(source, span)
    alone = _DASH.match(before) if dash else not before.strip(" ")
    if not alone or _after(source, span):
        return ()
    if span.end_line < len(source.lines):
        return (Edit(Span(span.file, span.line, 1, span.end_line + 1, 1), ""),)
    return (Edit(Span(span.file, span.line, 1, span.end_line, span.end_column), ""),)


def _from_to(first: Span, last: Span, *, gap: bool = False) -> Span:
    """Return the range from the begin of one to the end of the other; with `gap`, what lies between them."""
    if gap:
        return Span(first.file, first.end_line, first.end_column, last.line, last.column)
    return Span(first.file, first.line, first.column, last.end_line, last.end_column)


def _is_of(source: Source, *spans: Span) -> bool:
    """Return whether ranges are of a file and in its order: what an alias stands for is elsewhere."""
    ends = [place for span in spans for place in (span[1:3], span[3:5])]
    return all(span.file == source.name for span in spans) and ends == sorted(ends)


def _is_flow(source: Source, holder: Mapping | Sequence) -> bool:
    return _text(source, holder.span)[:1] in ("{", "[")


def _before(source: Source, span: Span) -> str:
    return source.lines[span.line - 1][: span.column - 1]


def _after(source: Source, span: Span) -> str:
    return source.lines[span.end_line - 1][span.end_column - 1 :].strip()


def _text(source: Source, span: Span) -> str:
    return source.text[source.offset(span.line, span.column) : source.offset(span.end_line, span.end_column)]
