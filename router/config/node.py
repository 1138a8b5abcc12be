"""YAML values with their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
    """A mapping with text keys; `keys` holds the place of each key."""

    span: Span
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Span] = field(default_factory=dict)


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
    for path, span in _walk(root, ""):
        found.setdefault(span, path)
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


def _walk(node: Node, path: str) -> Iterator[tuple[str, Span]]:
    """Yield each path with the places of its key and its value."""
    if isinstance(node, Mapping):
        for key, value in node.entries.items():
            inner = f"{path}.{key}" if path else key
            yield inner, node.keys[key]
            yield from _walk_value(value, inner)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from _walk_value(item, f"{path}[{index}]")


def _walk_value(node: Node, path: str) -> Iterator[tuple[str, Span]]:
    yield path, node.span
    yield from _walk(node, path)
