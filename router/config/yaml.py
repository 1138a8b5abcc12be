"""YAML text to values with places, by the C parser's events, under caps.

YAML 1.2 core scalars: only true and false are booleans, `010` is ten, dates and `1:30` are text.
No tags, merge keys, second documents or keys other than text; aliases within caps.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml
from yaml import events

from router.config import problems
from router.config.node import Mapping, Node, Plain, Scalar, Sequence, leaves, plain
from router.diagnostics.source import Source, Span, printable

MAX_BYTES = 2_000_000
MAX_DEPTH = 32
MAX_NODES = 1_000_000
MAX_ALIASES = 100
MAX_EXPANSION = 10_000
MAX_DIGITS = 18

_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("0123456789+-.")
# Characters that change the direction of what follows: a name would read otherwise than it is.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


# What YAML's grammar leaves out of its characters.
_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Keys whose values are credentials, wherever they stand and however the file is broken.
_SECRET_KEY = re.compile(
    r"(?:^|[_-])(?:api)?(?:keys?|token|secrets?|passwords?|passwd|authorization|credentials?)(?:[_-]|$)",
    re.IGNORECASE,
)
_CREDENTIAL_LINE = r"(?i)(?:keys?|token|secrets?|passwords?|passwd|authorization|credentials?)[\"']?\s*:\s*(?P<value>[^\s#].*)"
MOST_JOINED = 1000


class _Stop(Exception):
    """Reading cannot go on; carries what is wrong."""

    def __init__(self, problem: problems.Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def core_scalar(text: str) -> Plain:
    """Return what a plain scalar means in YAML 1.2; a number that is not finite or too long stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMERIC and len(text) <= MAX_DIGITS + 2:
        if _INT.match(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if _FLOAT.match(text) and math.isfinite(number := float(text)):
            return number
    return text


def read(source: Source) -> tuple[Node | None, list[problems.Problem]]:
    """Return the document's root, or None when it cannot be read, and everything wrong with the text."""
    if found := _ILLEGAL.search(source.text):
        what = f"the character U+{ord(found[0]):04X} is not allowed in YAML"
        return None, [problems.BadEncoding(_place_at(found.start(), source), what)]
    reader = _Reader(source)
    try:
        return reader.root(), reader.problems
    except _Stop as stop:
        _mask(source)
        return None, [*reader.problems, stop.problem]
    except yaml.YAMLError as error:
        _mask(source)
        return None, [*reader.problems, _syntax(error, source)]
    finally:
        reader.dispose()


class _Reader:
    """One pass over the events. Its state is the counters and the anchors; nothing else sees it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file = source.name
        parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(source.text)
        self._next = parser.get_event
        self.dispose = parser.dispose
        self.problems: list[problems.Problem] = []
        self._anchors: dict[str, tuple[Node | None, int]] = {}
        self._nodes = 0
        self._aliases = 0
        self._expansion = 0
        self._end = (0, 0)
        # What plain scalars mean and which keys hold credentials, by text: the same few stand everywhere.
        self._meanings: dict[str, Plain] = {}
        self._secret_keys: dict[str, bool] = {}

    def root(self) -> Node | None:
        self._characters()
        self._next()  # the stream's start
        first = self._next()
        if isinstance(first, events.StreamEndEvent):
            raise _Stop(problems.EmptyFile(self._place(first)))
        event = self._next()
        root = self._node(event, 0)
        self._next()  # the document's end
        after = self._next()
        if not isinstance(after, events.StreamEndEvent):
            raise _Stop(problems.ManyDocuments(self._place(after)))
        if isinstance(root, Scalar) and root.value is None and not root.text:
            raise _Stop(problems.EmptyFile(root.span))
        return root

    def _characters(self) -> None:
        for number, line in enumerate(self._source.lines, start=1) if _BIDI.search(self._source.text) else ():
            for found in _BIDI.finditer(line):
                column = found.start() + 1
                what = f"the character U+{ord(found[0]):04X} changes the direction of the text after it"
                span = Span(self._file, number, column, number, column + 1)
                self.problems.append(problems.BadEncoding(span, what))

    def _node(self, event: events.Event, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            what = "nests deeper than 32 levels" if depth > MAX_DEPTH else "has more than 1,000,000 values"
            raise _Stop(problems.TooLarge(self._place(event), what))
        if isinstance(event, events.ScalarEvent):
            node: Node = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (node, 1)
            return node
        if isinstance(event, events.AliasEvent):
            return self._alias(event)
        return self._collection(event, depth)

    def _collection(self, event: events.Event, depth: int) -> Node:
        anchor = getattr(event, "anchor", None)
        before = self._nodes
        if anchor:
            self._anchors[anchor] = (None, 0)
        self._tag(event)
        node = (
            self._mapping(event, depth)
            if isinstance(event, events.MappingStartEvent)
            else self._sequence(event, depth)
        )
        if anchor:
            self._anchors[anchor] = (node, self._nodes - before + 1)
        return node

    def _mapping(self, event: events.Event, depth: int) -> Mapping:
        node = Mapping(self._place(event))
        merged: list[Node] = []
        while not isinstance(key := self._next(), events.MappingEndEvent):
            span = self._place(key)
            if not isinstance(key, events.ScalarEvent):
                self._node(key, depth + 1)
                self._node(self._next(), depth + 1)
                self.problems.append(problems.KeyType(span, "a list, a mapping or an alias", quotable=False))
                continue
            name = self._key(key, span)
            value = self._node(self._next(), depth + 1)
            if name is None:
                merged += value.items if isinstance(value, Sequence) else [value]
                continue
            self._secret(name, value)
            if name in node.entries:
                self._twice(node, name, span, value)
                continue
            node.entries[name] = value
            node.keys[name] = span
        node.span = self._block(event, key)
        for other in merged:
            # Refused, and read on as if it were legal, so that what it brings is not missed elsewhere.
            if isinstance(other, Mapping):
                node.entries = {**other.entries, **node.entries}
                node.keys = {**other.keys, **node.keys}
        return node

    def _secret(self, name: str, value: Node) -> None:
        secret = self._secret_keys.get(name)
        if secret is None:
            secret = self._secret_keys[name] = _SECRET_KEY.search(name) is not None
        for leaf in leaves(value) if secret else ():
            if "${" not in leaf.text or ":-" in leaf.text:
                self._source.secrets.append(leaf.span)

    def _twice(self, node: Mapping, name: str, span: Span, value: Node) -> None:
        """Report a key that stands twice, and read on as if both were one."""
        first = node.entries[name]
        lines = self._own_lines(span, value.span) if plain(first) == plain(value) else None
        self.problems.append(problems.DuplicateKey(span, name, node.keys[name], lines))
        if isinstance(first, Mapping) and isinstance(value, Mapping) and len(first.entries) < MOST_JOINED:
            entries = {**value.entries, **first.entries}
            node.entries[name] = Mapping(first.span, entries, {**value.keys, **first.keys})
        elif isinstance(first, Sequence) and isinstance(value, Sequence) and len(first.items) < MOST_JOINED:
            node.entries[name] = Sequence([*first.items, *value.items], first.span)

    def _own_lines(self, key: Span, value: Span) -> Span | None:
        """Return the lines of an entry, or None where something else stands on them."""
        lines = self._source.lines
        if value.end_line >= len(lines):
            return None
        before = lines[key.line - 1][: key.column - 1]
        after = lines[value.end_line - 1][value.end_column - 1 :].strip()
        if before.strip() or after or value.line < key.line:
            return None
        return Span(self._file, key.line, 1, value.end_line + 1, 1)

    def _key(self, event: events.ScalarEvent, span: Span) -> str | None:
        """Return a key's text, or None when it is no key of ours."""
        self._tag(event)
        text = str(event.value)
        if not event.implicit[0]:
            return text
        if text == "<<":
            self.problems.append(problems.MergeKey(span))
            return None
        if not isinstance(self._meaning(text), str):
            self.problems.append(problems.KeyType(span, text))
        return text

    def _meaning(self, text: str) -> Plain:
        if text not in self._meanings:
            self._meanings[text] = core_scalar(text)
        return self._meanings[text]

    def _sequence(self, event: events.Event, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(item := self._next(), events.SequenceEndEvent):
            items.append(self._node(item, depth + 1))
        return Sequence(items, self._block(event, item))

    def _scalar(self, event: events.ScalarEvent) -> Scalar:
        text = event.value
        span = self._place(event)
        if event.tag is not None:
            self._tag(event)
        if not event.implicit[0]:
            return Scalar(text, text, plain=False, span=span)
        value = self._meaning(text)
        if isinstance(value, str) and text[0] in _NUMERIC and self._bad_number(text):
            self.problems.append(problems.BadNumber(span, text))
            value = 0
        return Scalar(value, text, plain=True, span=span)

    def _bad_number(self, text: str) -> bool:
        return bool(_NOT_FINITE.match(text) or _INT.match(text) or _FLOAT.match(text))

    def _alias(self, event: events.AliasEvent) -> Node:
        span = self._place(event)
        node, size = self._anchors.get(event.anchor or "", (None, -1))
        self._aliases += 1
        self._expansion += max(size, 0)
        if node is None:
            what = "refers to itself" if size == 0 else "has no anchor before it"
            raise _Stop(problems.AliasAbuse(span, f"alias `*{event.anchor}` {what}"))
        if self._aliases > MAX_ALIASES or self._expansion > MAX_EXPANSION:
            what = f"aliases expand too far (at most {MAX_ALIASES} aliases and {MAX_EXPANSION:,} values)"
            raise _Stop(problems.AliasAbuse(span, what))
        # An alias may hold aliases: what it stands for counts again wherever it is anchored itself.
        self._nodes += size
        return node

    def _tag(self, event: events.Event) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.problems.append(problems.ForbiddenTag(self._place(event), tag))

    def _place(self, event: events.Event) -> Span:
        start: Any = event.start_mark
        end: Any = event.end_mark
        line = start.line + 1
        if end.line + 1 != line:
            return self._span(event, event)
        self._end = (line, end.column + 1)
        return Span(self._file, line, start.column + 1, line, end.column + 1)

    def _block(self, first: events.Event, last: events.Event) -> Span:
        """Return the place of a list or mapping; one without brackets ends where its last value does."""
        start: Any = first.start_mark
        closing: Any = (last.start_mark, last.end_mark)
        if closing[0].index != closing[1].index:
            return self._span(first, last)
        return Span(self._file, start.line + 1, start.column + 1, *self._end)

    def _span(self, first: events.Event, last: events.Event) -> Span:
        start: Any = first.start_mark
        end: Any = last.end_mark
        end_line, end_column = end.line + 1, end.column + 1
        if end_column == 1 and end_line > start.line + 1:
            # A block ends where the next line begins: mark it up to the end of its last line of text.
            end_line -= 1
            lines = self._source.lines
            while end_line > start.line + 1 and not lines[end_line - 1].strip():
                end_line -= 1
            end_column = len(lines[end_line - 1].rstrip()) + 1
        self._end = (end_line, end_column)
        return Span(self._file, start.line + 1, start.column + 1, end_line, end_column)


def _mask(source: Source) -> None:
    """Mark what looks like a credential in a text whose values are not known."""
    for number, line in enumerate(source.lines, start=1):
        for found in re.finditer(_CREDENTIAL_LINE, line):
            if not found["value"].startswith(("${", '"${')):
                source.secrets.append(
                    Span(source.name, number, found.start("value") + 1, number, len(line) + 1)
                )


def _syntax(error: yaml.YAMLError, source: Source) -> problems.Problem:
    if not isinstance(error, yaml.MarkedYAMLError):
        return problems.BadEncoding(_place_at(0, source), "the text cannot be read as YAML")
    mark: Any = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    text = source.lines[line - 1] if line <= len(source.lines) else ""
    indent = text[: len(text) - len(text.lstrip())]
    if "\t" in indent:
        return problems.TabIndent(Span(source.name, line, indent.index("\t") + 1, line, len(indent) + 1))
    what = ", ".join(printable(part) for part in (error.context, error.problem) if part)
    first: Any = error.context_mark
    began = None
    if first is not None and (first.line + 1, first.column + 1) != (line, column):
        began = Span(source.name, first.line + 1, first.column + 1, first.line + 1, first.column + 2)
    return problems.Syntax(Span(source.name, line, column, line, column + 1), what, began)


def _place_at(position: int, source: Source) -> Span:
    before = Source("", source.text[:position]).lines
    line, column = len(before), len(before[-1]) + 1
    return Span(source.name, line, column, line, column + 1)
