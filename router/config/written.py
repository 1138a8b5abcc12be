"""Values with places, written as YAML again: without comments and aliases, secrets masked, a place for each line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from router.config.expand import LEGAL_SECRET
from router.config.language import DOCUMENT
from router.config.node import Mapping, Scalar, Sequence
from router.config.yaml import core_scalar
from router.diagnostics.source import MASK, masked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from router.config.node import Node, Plain
    from router.diagnostics.source import Span

STEP = 2
# What may stand without quotes, within brackets too.
_BARE = re.compile(r"(?:[\w./$+~]|-(?=\S))(?:[\w./$+~%@*=<>()-]|:(?=\S)| (?=[^\s#]))*")
_DEFAULT = re.compile(r":-[^{}]+\}")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


class Line(NamedTuple):
    """A line, and where what it says stands."""

    text: str
    span: Span


class Leaf(NamedTuple):
    """A single value, or an empty list or mapping: `rules[2].use`, what it is, and where it stands."""

    path: str
    value: object
    span: Span


class Written:
    """The values of a file as they may be shown: secrets are masked, references stay as they are.

    Top-level keys come in the order of the language.
    """

    __slots__ = ("_root", "_secrets")

    def __init__(self, root: Mapping, secrets: Collection[Span]) -> None:
        """Take the values and the places of those that must not be shown."""
        order = dict.fromkeys((*(name for name in DOCUMENT.keys if name in root.entries), *root.entries))
        self._root = Mapping(root.span, {name: root.entries[name] for name in order}, root.keys)
        self._secrets = frozenset(secrets)

    def lines(self) -> Iterator[Line]:
        """Yield the lines of a YAML file that says the same."""
        return self._entries(self._root)

    def leaves(self) -> Iterator[Leaf]:
        """Yield every single value with its place."""
        return self._leaves(self._root, "")

    def plain(self, node: Node | None = None) -> object:
        """Return the values alone: text, numbers, lists and dicts."""
        match node:
            case None:
                return self.plain(self._root)
            case Scalar():
                return self._shown(node)
            case _ if self._is_hidden(node):
                return MASK
            case Sequence():
                return [self.plain(item) for item in node.items]
            case Mapping():
                return {name: self.plain(value) for name, value in node.entries.items()}

    def _leaves(self, node: Node, path: str) -> Iterator[Leaf]:
        if self._is_hidden(node):
            yield Leaf(path, MASK, node.span)
        elif isinstance(node, Mapping) and node.entries:
            for name, value in node.entries.items():
                yield from self._leaves(value, f"{path}.{name}" if path else name)
        elif isinstance(node, Sequence) and node.items:
            for number, item in enumerate(node.items):
                yield from self._leaves(item, f"{path}[{number}]")
        else:
            yield Leaf(path, self.plain(node), node.span)

    def _entries(self, node: Mapping) -> Iterator[Line]:
        for name, value in node.entries.items():
            if self._is_hidden(value) or _on_one_line(value):
                yield Line(f"{_key(name)}: {self._flow(value)}", value.span)
            else:
                yield Line(f"{_key(name)}:", node.keys[name])
                yield from _indented(self._block(value))

    def _block(self, node: Node) -> Iterator[Line]:
        if isinstance(node, Mapping):
            yield from self._entries(node)
        elif isinstance(node, Sequence):
            for item in node.items:
                yield from self._item(item)

    def _item(self, node: Node) -> Iterator[Line]:
        if self._is_hidden(node) or _on_one_line(node):
            yield Line(f"- {self._flow(node)}", node.span)
            return
        for number, line in enumerate(_indented(self._block(node))):
            yield line if number else Line(f"- {line.text.lstrip()}", line.span)

    def _flow(self, node: Node) -> str:
        match node:
            case Scalar():
                return self._scalar(node)
            case _ if self._is_hidden(node):
                return _quoted(MASK)
            case Sequence():
                return f"[{', '.join(map(self._flow, node.items))}]"
            case Mapping():
                entries = (f"{_key(name)}: {self._flow(value)}" for name, value in node.entries.items())
                return f"{{{', '.join(entries)}}}"

    def _is_hidden(self, node: Node) -> bool:
        """Whether several values stand where one secret should."""
        return not isinstance(node, Scalar) and node.span in self._secrets

    def _scalar(self, node: Scalar) -> str:
        shown = self._shown(node)
        if not isinstance(shown, str):
            return node.text or "null"
        return shown if node.plain and _BARE.fullmatch(shown) else _quoted(shown)

    def _shown(self, node: Scalar) -> Plain:
        """Return a value as it may be shown; of a reference only its default is secret."""
        if node.span in self._secrets:
            refers = "${" in node.text and re.match(LEGAL_SECRET, node.text)
            return masked(_DEFAULT.sub(f":-{MASK}}}", node.text)) if refers else MASK
        return masked(node.value) if isinstance(node.value, str) else node.value


def _on_one_line(node: Node) -> bool:
    """Return whether a value is written on one line: it stands on one, and is of one file."""
    if isinstance(node, Scalar) or not (node.entries if isinstance(node, Mapping) else node.items):
        return True
    return node.span.line == node.span.end_line and not getattr(node, "parts", ())


def _indented(lines: Iterator[Line]) -> Iterator[Line]:
    return (Line(" " * STEP + line.text, line.span) for line in lines)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) and isinstance(core_scalar(name), str) else _quoted(name)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES or char.isprintable():
        return _ESCAPES.get(char, char)
    return f"\\U{ord(char):08x}"
