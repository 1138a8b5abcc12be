"""YAML values with their places."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.diagnostics.source import Span

Plain = str | int | float | bool | None


@dataclass(slots=True)
class Scalar:
    """A leaf: its value, and how it was written."""

    value: Plain
    text: str
    plain: bool
    span: Span


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: list[Node]
    span: Span


@dataclass(slots=True)
class Mapping:
    """A mapping with text keys.

    Attributes:
        span: Where it stands; of a merged one, where its last part does.
        entries: What stands under each key.
        keys: Where each key stands.
        parts: Where the mappings stand that it was merged from, if it was.
    """

    span: Span
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)
    parts: tuple[Span, ...] = ()


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """Return the value alone: text, numbers, lists and dicts."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(value) for key, value in node.entries.items()}


def paths(root: Node) -> dict[Span, str]:
    """Return where each place is in the document: `rules[2].when.task`."""
    found: dict[Span, str] = {}
    _walk(root, "", found)
    return found


def leaves(node: Node) -> Iterator[Scalar]:
    """Yield every scalar in a value."""
    match node:
        case Scalar():
            yield node
        case Sequence():
            for item in node.items:
                yield from leaves(item)
        case Mapping():
            for item in node.entries.values():
                yield from leaves(item)


def _walk(node: Node, path: str, found: dict[Span, str]) -> None:
    """Take note of the places of every key and every value."""
    if isinstance(node, Mapping):
        for key, value in node.entries.items():
            inner = f"{path}.{key}" if path else key
            found.setdefault(node.keys[key], inner)
            found.setdefault(value.span, inner)
            _walk(value, inner, found)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            inner = f"{path}[{index}]"
            found.setdefault(item.span, inner)
            _walk(item, inner, found)
