"""Shapes of what stands in `when`, in `use` and in the cells of a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.compound import NOWHERE, MapOf
from router.config.expand import LEGAL_TEXT, is_reference
from router.config.node import Mapping, Scalar, Sequence
from router.config.shapes import (
    Number,
    Shape,
    Text,
    anything,
    known,
    type_name,
    warn_if_ambiguous,
    whole,
)
from router.config.yaml import core_scalar
from router.core.frozen import dataclass
from router.diagnostics.source import printable
from router.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from router.config.expand import Decoding
    from router.config.node import Node
    from router.config.shapes import Schema
    from router.diagnostics.source import Span

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Named:
    """A name in the file that stands for something else in it."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Operand:
    """One value of a condition as it was written."""

    value: str | int | bool
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule asks of one dimension, not yet held against the dimension."""

    operands: tuple[Operand, ...]
    negated: bool
    listed: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Split:
    """Shares among models; `by` names what keeps a caller on one side."""

    shares: tuple[tuple[Named, int], ...]
    by: str
    span: Span


UseItem = Named | Split


def models_in(use: UseItem) -> tuple[Named, ...]:
    """Return the models that an element of `use` names: one, or every side of a split."""
    return tuple(model for model, _ in use.shares) if isinstance(use, Split) else (use,)


class ConditionShape(Shape):
    """`code`, `[code, chat]`, `{not: chat}`, `any`, `"> 8000"`, `true`."""

    wants = 'a value, a list of values, `{not: ...}`, `any` or a range such as `"> 8000"`'
    blank = Condition((), negated=False, listed=False, span=NOWHERE.span)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the condition as written."""
        if isinstance(node, Mapping):
            inner = node.entries.get("not")
            if inner is None or len(node.entries) != 1 or isinstance(inner, Mapping):
                got = "a mapping" if inner is None else "a mapping in `not`, or more than `not`"
                to.add(problems.WrongType(node.span, self.wants, got))
                return self.blank
            found = self.decode(inner, to, owner)
            return Condition(found.operands, negated=True, listed=found.listed, span=node.span)
        items = node.items if isinstance(node, Sequence) else [node]
        if not items:
            to.add(problems.OutOfRange(node.span, "an empty list", "at least one value"))
        operands = [self._operand(item, to) for item in items]
        known = tuple(operand for operand in operands if operand is not None)
        return Condition(known, negated=False, listed=isinstance(node, Sequence), span=node.span)

    def _operand(self, node: Node, to: Decoding) -> Operand | None:
        if isinstance(node, Scalar) and is_reference(node):
            text = known(node, to)
            if not text:
                return None
            node = Scalar(core_scalar(text), text, plain=False, span=node.span)
        value = whole(node.value) if isinstance(node, Scalar) else None
        if isinstance(node, Scalar) and value is not None and not isinstance(value, float):
            warn_if_ambiguous(node, to)
            return Operand(value, node.text, node.span)
        to.add(problems.WrongType(node.span, "a value of the dimension", type_name(node)))
        return None

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        if "Condition" not in defs:
            text = {"pattern": LEGAL_TEXT}
            value = {"type": ["string", "integer", "boolean"], "if": {"type": "string"}, "then": text}
            values = {"type": "array", "items": value, "minItems": 1}
            either = {
                "type": ["string", "integer", "boolean", "array"],
                "description": "A value, or a list of them, that it must not have.",
                "if": {"type": "array"},
                "then": values,
                "else": value,
            }
            negation = {"properties": {"not": either}, "required": ["not"], "additionalProperties": False}
            defs["Condition"] = {
                "type": ["string", "integer", "boolean", "array", "object"],
                "allOf": [
                    {"if": {"type": "array"}, "then": values},
                    {"if": {"type": "object"}, "then": negation},
                    {"if": {"type": "string"}, "then": text},
                ],
            }
        return {"$ref": "#/$defs/Condition"}


class UseShape(Shape):
    """A model, a list of models in failover order, `{split: {a: 90, b: 10}, by: user}`, or `others` last."""

    wants = "a model, a list of models in failover order, or `{split: {MODEL: SHARE}, by: user}`"
    blank: tuple[UseItem, ...] = ()
    _name = Text("the name of a model", most=128, known=True)
    _shares = MapOf(Number(1, 1_000_000, whole=True), "model", least=1)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the candidates in order."""
        items = node.items if isinstance(node, Sequence) else [node]
        if not items:
            to.add(problems.OutOfRange(node.span, "an empty list", "at least one model"))
        found = [self._item(item, to, owner) for item in items]
        return tuple(item for item in found if item is not None)

    def _item(self, node: Node, to: Decoding, owner: str) -> UseItem | None:
        if isinstance(node, Mapping):
            return self._split(node, to, owner)
        if isinstance(node, Sequence):
            to.add(problems.WrongType(node.span, self.wants, "a list in a list"))
            return None
        name = self._name.decode(node, to, owner)
        return Named(name, node.span) if name else None

    def _split(self, node: Mapping, to: Decoding, owner: str) -> Split | None:
        shares = node.entries.get("split")
        by = node.entries.get("by", NOWHERE)
        strangers = [name for name in node.entries if name not in ("split", "by")]
        by_value = by.value if isinstance(by, Scalar) else None
        by_text = printable(by.text) if isinstance(by, Scalar) else type_name(by)
        if "by" in node.entries and by_value not in ("user", "call"):
            to.add(
                problems.NotAllowed(
                    by.span, by_text, "`by`", ("user", "call"), nearest(by_text, ("user", "call"))
                )
            )
        if shares is None or strangers:
            to.add(
                problems.WrongType(node.span, self.wants, "a mapping without `split` or with more than it")
            )
            return None
        decoded = self._shares.decode(shares, to, owner)
        if not isinstance(shares, Mapping):
            return None
        named = tuple((Named(name, shares.keys[name]), int(weight)) for name, weight in decoded.items())
        return Split(named, "user" if by_value == "user" else "call", node.span)

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        if "Use" not in defs:
            split = {
                "properties": {
                    "split": {**self._shares.schema(defs), "description": "Shares of the calls, by model."},
                    "by": {
                        "enum": ["user", "call"],
                        "default": "call",
                        "description": "What stays on one side.",
                    },
                },
                "required": ["split"],
                "additionalProperties": False,
            }
            item = {
                "type": ["string", "object"],
                "if": {"type": "object"},
                "then": split,
                "else": self._name.schema(defs),
            }
            defs["Use"] = {
                "type": ["string", "array", "object"],
                "if": {"type": "array"},
                "then": {"items": item, "minItems": 1},
                "else": item,
            }
        return {"$ref": "#/$defs/Use"}


class CellShape(Shape):
    """A cell of a matrix: a condition, or a use; its column decides when the names are resolved."""

    wants = "a cell: a value, a list, `any`, `{not: ...}`, a range, or what to use"
    blank: Node = NOWHERE

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:  # noqa: ARG002
        """Return the node, its references resolved: only its column knows how to read it."""
        if isinstance(node, Scalar) and (node.value is None or isinstance(whole(node.value), float)):
            to.add(problems.WrongType(node.span, self.wants, type_name(node)))
        return self._resolved(node, to)

    def _resolved(self, node: Node, to: Decoding) -> Node:
        if isinstance(node, Scalar):
            text = known(node, to) if is_reference(node) else None
            return Scalar(core_scalar(text), text, plain=False, span=node.span) if text else node
        if isinstance(node, Sequence):
            return Sequence([self._resolved(item, to) for item in node.items], node.span)
        entries = {name: self._resolved(value, to) for name, value in node.entries.items()}
        return Mapping(node.span, entries, node.keys)

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        return {"type": ["string", "integer", "boolean", "array", "object"], **anything(defs)}
