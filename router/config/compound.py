"""Shapes of lists and mappings, and of values that may be one or the other."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.expand import END, is_reference, resolve
from router.config.node import Mapping, Scalar, Sequence
from router.config.shapes import MAX_NAME, Shape, anything, type_name
from router.diagnostics.source import Span, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.config.expand import Decoding
    from router.config.node import Node
    from router.config.shapes import Schema

NAME_PATTERN = rf"^[^\s\x00-\x1f\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?{END}"


class ListOf(Shape):
    """A list of things of one shape."""

    def __init__(self, item: Shape, *, least: int = 0, wants: str = "a list", each: str = "") -> None:
        self.item = item
        self.each = each
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
        # Lists are not merged: nothing is brought to what is in one.
        partial, to.partial = to.partial, False
        found = tuple(
            self.item.decode(item, to, f"`{self.each}[{number}]`" if self.each else owner)
            for number, item in enumerate(node.items, start=1)
        )
        to.partial = partial
        return found

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        schema: Schema = {"type": "array", "items": self.item.schema(defs)}
        return {**schema, "minItems": self._least} if self._least else schema


class MapOf(Shape):
    """A mapping from names to things of one shape."""

    def __init__(
        self,
        value: Shape,
        what: str,
        *,
        least: int = 0,
        pattern: str = NAME_PATTERN,
        why: str = "is empty, begins or ends with a space, or holds control characters",
    ) -> None:
        self.value = value
        self.what = what
        self.pattern = pattern
        self._least = least
        self._why = why
        self.wants = f"a mapping with an entry for each {what}"

    @cached_property
    def legal(self) -> Callable[[str], object]:
        """Tells whether a name is one."""
        return re.compile(self.pattern).search

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
            to.add(problems.OutOfRange(node.span, "an empty mapping", f"at least {self._least} {self.what}"))
        found = {}
        for name, value in node.entries.items():
            self.name(name, node.keys[name], to)
            found[name] = self.shape_of(name).decode(value, to, f"{self.what} `{printable(name)}`")
        return found

    def shape_of(self, name: str) -> Shape:  # noqa: ARG002 - a kind of mapping may look at it
        """Return the shape of the value under a name."""
        return self.value

    def name(self, name: str, span: Span, to: Decoding) -> None:
        """Report a name that is none."""
        if len(name) > MAX_NAME:
            to.add(problems.BadName(span, printable(name, 40), f"is longer than {MAX_NAME} characters"))
        elif not self.legal(name):
            to.add(problems.BadName(span, printable(name), self._why))

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        schema: Schema = {
            "type": "object",
            "propertyNames": {"pattern": self.pattern, "maxLength": MAX_NAME},
            "additionalProperties": self.value.schema(defs),
        }
        return {**schema, "minProperties": self._least} if self._least else schema


class Anything(Shape):
    """Any value, taken as it is."""

    wants = "any value"

    def decode(self, node: Node, to: Decoding, owner: str) -> object:
        """Return the value without its places, its references resolved."""
        match node:
            case Sequence():
                return [self.decode(item, to, owner) for item in node.items]
            case Mapping():
                return {name: self.decode(value, to, owner) for name, value in node.entries.items()}
            case _ if is_reference(node):
                return resolve(node, to, secret=False)
            case _:
                return node.value

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        return anything(defs)


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
        self.shapes = [shape for shape in (scalar, sequence, mapping) if shape is not None]
        self.wants = ", or ".join(dict.fromkeys(shape.wants for shape in self.shapes))
        self.blank = self.shapes[0].blank

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
        self.inner = inner
        self._turn = turn
        self.wants = wants or inner.wants

    @property
    def blank(self) -> Any:
        """What the inner blank becomes."""
        return self._turn(self.inner.blank, NOWHERE)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Decode, then turn."""
        return self._turn(self.inner.decode(node, to, owner), node)

    def schema(self, defs: Schema) -> Schema:
        """Return the inner schema."""
        return self.inner.schema(defs)


NOWHERE = Scalar(None, "", plain=True, span=Span("", 1, 1, 1, 1))
