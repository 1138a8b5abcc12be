"""Shapes of lists and mappings, and of values that may be one or the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.node import Mapping, Scalar, Sequence
from router.config.shapes import MAX_NAME, Shape, type_name
from router.diagnostics.source import Span, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.config.expand import Decoding
    from router.config.node import Node
    from router.config.shapes import Schema

NAME_PATTERN = r"^[^\s\x00-\x1f\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
_NAME = re.compile(NAME_PATTERN)


class ListOf(Shape):
    """A list of things of one shape."""

    def __init__(self, item: Shape, *, least: int = 0, wants: str = "a list") -> None:
        self._item = item
        self._least = least
        self.wants = wants

    @property
    def blank(self) -> tuple[object, ...]:
        """Nothing in it."""
        return ()

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return a tuple."""
        if not isinstance(node, Sequence):
            to.add(problems.WrongType(node.span, self.wants, type_name(node)))
            return ()
        if len(node.items) < self._least:
            to.add(problems.OutOfRange(node.span, "an empty list", self.wants))
        return tuple(self._item.decode(item, to, owner) for item in node.items)

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        schema: Schema = {"type": "array", "items": self._item.schema(defs)}
        return {**schema, "minItems": self._least} if self._least else schema


class MapOf(Shape):
    """A mapping from names to things of one shape."""

    def __init__(self, value: Shape, what: str, *, least: int = 0, pattern: str = NAME_PATTERN) -> None:
        self._value = value
        self._what = what
        self._least = least
        self._pattern = pattern
        self._match = re.compile(pattern).search
        self.wants = f"a mapping of names to {what}s"

    @property
    def blank(self) -> dict[str, object]:
        """Nothing in it."""
        return {}

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:  # noqa: ARG002 - each entry is its own owner
        """Return a dict in the file's order."""
        if not isinstance(node, Mapping):
            to.add(problems.WrongType(node.span, self.wants, type_name(node)))
            return {}
        if len(node.entries) < self._least:
            to.add(problems.OutOfRange(node.span, "an empty mapping", f"at least {self._least} {self._what}"))
        found = {}
        for name, value in node.entries.items():
            self._name(name, node.keys[name], to)
            found[name] = self._value.decode(value, to, f"{self._what} `{printable(name)}`")
        return found

    def _name(self, name: str, span: Span, to: Decoding) -> None:
        if len(name) > MAX_NAME:
            to.add(problems.BadName(span, printable(name, 40), f"is longer than {MAX_NAME} characters"))
        elif not self._match(name):
            why = "is empty, begins or ends with a space, or holds control characters"
            if self._pattern != NAME_PATTERN:
                why = "is no legal name here"
            to.add(problems.BadName(span, printable(name), why))

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        schema: Schema = {
            "type": "object",
            "propertyNames": {"pattern": self._pattern, "maxLength": MAX_NAME},
            "additionalProperties": self._value.schema(defs),
        }
        return {**schema, "minProperties": self._least} if self._least else schema


class ByType(Shape):
    """One of several shapes, told apart by the YAML type alone, so that a message can be exact."""

    def __init__(
        self,
        *,
        scalar: Shape | None = None,
        sequence: Shape | None = None,
        mapping: Shape | None = None,
    ) -> None:
        self._scalar = scalar
        self._sequence = sequence
        self._mapping = mapping
        legal = [shape for shape in (scalar, sequence, mapping) if shape is not None]
        self.wants = ", or ".join(dict.fromkeys(shape.wants for shape in legal))
        self.blank = legal[0].blank

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Hand the value to the shape of its type."""
        legal = {Scalar: self._scalar, Sequence: self._sequence, Mapping: self._mapping}
        shape = legal[type(node)]
        if shape is None:
            to.add(problems.WrongType(node.span, self.wants, type_name(node)))
            return self.blank
        return shape.decode(node, to, owner)

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema: a branch per type, so that an editor shows the one that applies."""
        types: list[str] = []
        branches: list[Schema] = []
        for names, shape in (
            (["string", "number", "boolean", "null"], self._scalar),
            (["array"], self._sequence),
            (["object"], self._mapping),
        ):
            if shape is not None:
                types += names
                branches.append({"if": {"type": names}, "then": shape.schema(defs)})
        return {"type": types, "allOf": branches}


class Mapped(Shape):
    """Another shape whose decoded value is turned into something else."""

    def __init__(self, inner: Shape, turn: Callable[[Any, Node], Any], wants: str = "") -> None:
        self._inner = inner
        self._turn = turn
        self.wants = wants or inner.wants

    @property
    def blank(self) -> Any:
        """What the inner blank becomes."""
        return self._turn(self._inner.blank, NOWHERE)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Decode, then turn."""
        return self._turn(self._inner.decode(node, to, owner), node)

    def schema(self, defs: Schema) -> Schema:
        """Return the inner schema."""
        return self._inner.schema(defs)


NOWHERE = Scalar(None, "", plain=True, span=Span("", 1, 1, 1, 1))
