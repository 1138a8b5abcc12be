"""The language: processors before and after a call, and their options."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from router.config import problems
from router.config.compound import NOWHERE, Anything, ListOf, Mapped
from router.config.expand import END, HOLDS_REFERENCE
from router.config.node import Mapping, Scalar
from router.config.pattern import RegexFields, pattern_text
from router.config.record import Fields, Record, key, record
from router.config.shapes import Boolean, Choice, Number, Shape, Text, type_name
from router.core.frozen import dataclass
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Mapping as Options

    from router.config.expand import Decoding
    from router.config.node import Node
    from router.config.shapes import Schema
    from router.diagnostics.source import Span

GROUP = "router.processors"
Side = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor as it is written: its name, its options by name, and where it stands."""

    name: str
    options: Options[str, object] = field(default_factory=dict)
    span: Span = NOWHERE.span


@record
class TruncateSettings(Record):
    """Leaves out turns of a conversation that is longer than this."""

    tokens: int = key(Number(1, 100_000_000, whole=True), "Estimated tokens that stay, at most.")
    drop: str = key(
        Choice("oldest", "middle", what="drop"), "Which turns go first.", default="oldest", written="oldest"
    )


@record
class StripImagesSettings(Record):
    """Leaves out images."""

    instead: str = key(Text(), "What stands in the place of each.", default="")


@record
class MergeSystemSettings(Record):
    """Joins the system messages."""

    into: str = key(
        Choice("system", "user", what="into"),
        "One system message at the start, or the beginning of the first user message.",
        default="system",
        written="system",
    )


@record
class FenceCodeSettings(Record):
    """Puts an answer that is nothing but code between fences."""

    language: str = key(
        Text("a word such as `python`", rf"^[a-zA-Z0-9_+#.-]+{END}", most=40),
        "What is written behind the opening fence.",
        default="",
    )


@record
class StripThinkingSettings(Record):
    """Takes `<think>...</think>` out of answers."""

    to: str = key(
        Choice("reasoning", "nowhere", what="to"),
        "Where it goes.",
        default="reasoning",
        written="reasoning",
    )
    opened: bool = key(
        Boolean(),
        "Whether answers begin inside, because the model's template has written `<think>` already.",
        default=False,
        written="false",
    )


@record
class JsonRepairSettings(Record):
    """Makes what was meant to be JSON into JSON, for calls that ask for it."""

    otherwise: str = key(
        Choice("fail", "keep", what="otherwise"),
        "What becomes of an answer that cannot be repaired: its attempt has failed, or it is kept as it is.",
        default="fail",
        written="fail",
    )


@record
class RegexSettings(Record):
    """Replaces what a pattern matches; needs the extra `regex` (google-re2)."""

    pattern: str = key(pattern_text(), "In the syntax of RE2: no look-around, no back-references.")
    replace: str = key(Text(), "What stands there instead; `\\1` is the first group.", default="")


_ONE_HOLE = rf"^(?:(?!\{{text\}})[\s\S])*\{{text\}}(?:(?!\{{text\}})[\s\S])*{END}"
SHAPES: Options[Side, Options[str, Shape]] = {
    "before": {
        "system": Text("a text"),
        "prefix": Text("a text"),
        "template": Text("a text that holds `{text}` once", _ONE_HOLE),
        "merge_system": Fields(MergeSystemSettings, "merge_system"),
        "strip_images": Fields(StripImagesSettings, "strip_images"),
        "truncate": Fields(TruncateSettings, "truncate"),
    },
    "after": {
        "fence_code": Fields(FenceCodeSettings, "fence_code"),
        "strip_thinking": Fields(StripThinkingSettings, "strip_thinking"),
        "json_repair": Fields(JsonRepairSettings, "json_repair"),
        "regex": RegexFields(RegexSettings, "regex"),
    },
}
# Those that need no options.
BARE: Options[Side, tuple[str, ...]] = {
    "before": ("merge_system", "strip_images"),
    "after": ("fence_code", "strip_thinking", "json_repair", "strip"),
}
NAMES: Options[Side, tuple[str, ...]] = {
    side: tuple(dict.fromkeys((*shapes, *BARE[side]))) for side, shapes in SHAPES.items()
}


def provided() -> tuple[str, ...]:
    """Return the processors that installed packages provide; none of them is imported."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - most files name none, and it loads slowly

    return tuple(sorted({each.name for each in entry_points(group=GROUP)}))


class ProcessorShape(Shape):
    """A processor: its name, or its name with its options."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._other: Side = "after" if side == "before" else "before"
        self._shapes = SHAPES[side]
        self._name = Text("the name of a processor", most=128, fixed=True)
        self._bad = [*NAMES[self._other], *(name for name in NAMES[side] if name not in BARE[side])]
        self.inner = list(self._shapes.items())
        self.wants = "a processor, or `{PROCESSOR: OPTIONS}`"

    def decode(self, node: Node, to: Decoding, owner: str) -> Processor | None:
        """Return the processor; None where it is wrong."""
        if isinstance(node, Scalar):
            name = self._name.decode(node, to, owner)
            if not name or not self._known(name, node.span, to):
                return None
            if name in self._shapes and name not in BARE[self._side]:
                wants = f"of use without options: write `{{{name}: ...}}`"
                to.add(problems.NotAllowed(node.span, printable(name), wants))
                return None
            return Processor(name, {}, node.span)
        if not isinstance(node, Mapping) or len(node.entries) != 1:
            got = type_name(node) if not isinstance(node, Mapping) else f"{len(node.entries)} entries"
            to.add(problems.WrongType(node.span, self.wants, got))
            return None
        (name, value), span = next(iter(node.entries.items())), next(iter(node.keys.values()))
        if not self._known(name, span, to):
            return None
        return Processor(name, self._options(name, value, to), span)

    def _known(self, name: str, span: Span, to: Decoding) -> bool:
        """Whether it may stand here; report it else."""
        if name in NAMES[self._side]:
            return True
        if name in NAMES[self._other]:
            when = f"processor {self._side} a call"
            to.add(problems.NotAllowed(span, printable(name), when, NAMES[self._side]))
            return False
        legal = (*NAMES[self._side], *provided())
        if name not in legal:
            near = to.suggest.nearest(name, legal)
            to.add(problems.UnknownProcessor(span, printable(name), near, legal))
            return False
        return True

    def _options(self, name: str, value: Node, to: Decoding) -> dict[str, object]:
        """Return a processor's options by name, those alone that are written."""
        shape = self._shapes.get(name)
        if shape is None and name not in BARE[self._side]:
            found = Anything().decode(value, to, f"`{name}`")
            if isinstance(found, dict):
                return found
            to.add(problems.WrongType(value.span, "a mapping with its options", type_name(value)))
            return {}
        if shape is None:
            to.add(problems.WrongType(value.span, f"`{name}` alone: it has no options", type_name(value)))
            return {}
        decoded = shape.decode(value, to, f"`{name}`")
        if isinstance(shape, Fields):
            names = [each for each in shape.keys if decoded.has(each)]
            return {each: getattr(decoded, each) for each in names}
        return {"text": decoded}

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        properties: Schema = {name: shape.schema(defs) for name, shape in self._shapes.items()}
        properties |= dict.fromkeys((name for name in BARE[self._side] if name not in self._shapes), False)
        name = {**self._name.schema(defs), "not": {"enum": self._bad}}
        return {
            "type": ["string", "object"],
            "if": {"type": "string"},
            "then": {
                "allOf": [name, {"not": {"pattern": HOLDS_REFERENCE}}],
                "examples": list(BARE[self._side]),
            },
            "else": {
                "minProperties": 1,
                "maxProperties": 1,
                "propertyNames": {"not": {"enum": list(NAMES[self._other])}},
                "properties": properties,
                "additionalProperties": Anything().schema(defs),
            },
        }


def _sound(value: object, _node: object) -> object:
    """Return the processors that are right."""
    return tuple(each for each in value if each is not None) if isinstance(value, tuple) else ()


PROCESSORS: Options[Side, Shape] = {
    "before": Mapped(ListOf(ProcessorShape("before"), wants="a list of processors"), _sound),
    "after": Mapped(ListOf(ProcessorShape("after"), wants="a list of processors"), _sound),
}
