"""Shapes of single values: each reads a scalar, says what it wants, and writes its own JSON Schema."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.expand import HOLDS_REFERENCE, LEGAL_TEXT, is_reference, resolve
from router.config.node import Mapping, Scalar, Sequence
from router.config.yaml import core_scalar
from router.diagnostics.source import printable
from router.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.config.expand import Decoding
    from router.config.node import Node, Plain

Schema = dict[str, Any]
MAX_NAME = 128
MAX_TEXT = 65_536

# Words that YAML 1.1 readers take for booleans or numbers of another base.
_AMBIGUOUS = re.compile(
    r"(?:(?P<boolean>y|yes|n|no|on|off)|(?P<sexagesimal>[-+]?[0-9]+(?::[0-5]?[0-9])+)|(?P<octal>[-+]?0[0-9]+))\Z",
    re.IGNORECASE,
)
_READINGS = {"boolean": "a boolean", "sexagesimal": "a number of base 60", "octal": "an octal number"}


class Shape:
    """What a value may be.

    Attributes:
        wants: What is expected, as a message says it: "a duration such as `30s`".
        blank: What stands in for a value that is missing, wrong or not known yet.
    """

    wants = "a value"
    blank: Any = None

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the value; report what is wrong and return the blank."""
        raise NotImplementedError

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema; records put theirs into `defs`."""
        raise NotImplementedError


def type_name(node: Node) -> str:
    """Return what a value is, in words."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool()):
            return f"the boolean `{node.text}`"
        case Scalar(value=int() | float()):
            return f"the number `{printable(node.text, 24)}`"
        case _:
            return f"the text `{printable(node.text, 40)}`"


def warn_if_ambiguous(node: Scalar, to: Decoding) -> None:
    """Report a plain word that YAML 1.1 readers take for something else."""
    text = node.text
    found = _AMBIGUOUS.match(text) if node.plain and len(text) <= MAX_NAME else None
    if found is not None:
        value = f"the text `{text}`" if isinstance(node.value, str) else f"the number {node.value}"
        reading = _READINGS[found.lastgroup or ""]
        to.add(problems.AmbiguousScalar(node.span, text, reading, value))


def whole(value: Plain) -> Plain:
    """Return `4.0` as 4, which it is in JSON Schema too; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def anything(defs: Schema) -> Schema:
    """Return the JSON Schema of any value: only its references are looked at."""
    if "Anything" not in defs:
        ref = {"$ref": "#/$defs/Anything"}
        text = {"if": {"type": "string"}, "then": {"pattern": LEGAL_TEXT}}
        defs["Anything"] = {**text, "items": ref, "additionalProperties": ref}
    return {"$ref": "#/$defs/Anything"}


class Leaf(Shape):
    """A single value.

    Attributes:
        typed: Whether a resolved reference is read as YAML would read it.
        fixed: Whether no reference may stand for it.
        known: Whether a reference needs a default, because the table is decided by it.
    """

    typed = False
    fixed = False
    known = False

    def read(self, value: Plain) -> Any:
        """Return the value, or None when it is not of this shape."""
        raise NotImplementedError

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:  # noqa: ARG002 - shapes may name the owner
        """Return what is wrong with a scalar that `read` refused."""
        return problems.WrongType(node.span, self.wants, type_name(node))

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the value; report what is wrong and return the blank."""
        if not isinstance(node, Scalar):
            to.add(problems.WrongType(node.span, self.wants, type_name(node)))
            return self.blank
        if is_reference(node):
            return self._referred(node, to)
        value = self.read(node.value)
        if value is None:
            problem = self.refusal(node, owner)
            to.add(problem)
            return self._mended(problem, node)
        return value

    def _referred(self, node: Scalar, to: Decoding) -> Any:
        """Return what a reference stands for; the blank while that is unknown or wrong."""
        if self.fixed:
            why = "this value decides what the rest may be, so it is written out"
            to.add(problems.BadReference(node.span, printable(node.text), why))
            return self.blank
        text = known(node, to) if self.known else resolve(node, to, secret=False)
        if text is None:
            return self.blank
        value = self.read(core_scalar(text) if self.typed else text)
        if value is None:
            to.add(problems.BadResult(node.span, printable(node.text), self.wants))
            return self.blank
        return value

    def _mended(self, problem: problems.Problem, node: Scalar) -> Any:
        """Return the value as if the suggested repair had been made."""
        match problem:
            case problems.NotAllowed(suggestion=str(text)) | problems.MissingUnit(suggestion=text):
                return self.read(text)
            case problems.WrongType(quote=str()):
                return node.text
            case _:
                return self.blank

    def referable(self, schema: Schema) -> Schema:
        """Return a schema that also lets a reference stand for the value."""
        holds = {"type": "string", "pattern": HOLDS_REFERENCE}
        return {"if": holds, "then": {"pattern": LEGAL_TEXT}, "else": schema}


def known(node: Scalar, to: Decoding) -> str | None:
    """Return what a reference stands for where the table depends on it: a pure run needs the default."""
    before = len(to.problems)
    text = resolve(node, to, secret=False)
    if text is None and len(to.problems) == before:
        to.add(problems.NeedsDefault(node.span, printable(node.text)))
    return text


class Text(Leaf):
    """Any text, or one that matches a pattern."""

    blank = ""

    def __init__(
        self,
        wants: str = "text",
        pattern: str | None = None,
        most: int = MAX_TEXT,
        *,
        known: bool = False,
        fixed: bool = False,
    ) -> None:
        self.wants = wants
        self.known = known
        self.fixed = fixed
        self._pattern = pattern
        self._most = most

    @cached_property
    def _match(self) -> Callable[[str], object] | None:
        return re.compile(self._pattern).search if self._pattern else None

    def read(self, value: Plain) -> str | None:
        """Return the text if it fits."""
        if not isinstance(value, str) or not 0 < len(value) <= self._most:
            return None
        return value if self._match is None or self._match(value) else None

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Say what is wrong, with the quotes that would mend it."""
        if isinstance(node.value, str):
            long = len(node.value) > self._most
            wants = f"{self.wants} of at most {self._most:,} characters" if long else self.wants
            return problems.NotAllowed(node.span, printable(node.text), wants)
        if node.value is None or self.read(node.text) is None:
            return super().refusal(node, owner)
        return problems.WrongType(node.span, self.wants, type_name(node), quote=f'"{node.text}"')

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the text; warn about words that others read otherwise."""
        if isinstance(node, Scalar):
            warn_if_ambiguous(node, to)
        return super().decode(node, to, owner)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        schema: Schema = {"type": "string", "minLength": 1, "maxLength": self._most}
        if self.fixed:
            return {**schema, "not": {"pattern": HOLDS_REFERENCE}}
        return self.referable({**schema, "pattern": self._pattern} if self._pattern else schema)


class Choice(Leaf):
    """One of some words. `later` words are part of the language whose behaviour is not built."""

    def __init__(
        self, *words: str, what: str = "value", later: tuple[str, ...] = (), fixed: bool = False
    ) -> None:
        self.words = (*words, *later)
        self.fixed = fixed
        self.later = later
        self._what = what
        self.wants = f"one of {', '.join(self.words)}"
        self.blank = words[0] if words else self.words[0]

    def read(self, value: Plain) -> str | None:
        """Return the word if it is one of them."""
        return value if isinstance(value, str) and value in self.words else None

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Name the legal words, and the nearest."""
        if not isinstance(node.value, str):
            return super().refusal(node, owner)
        suggestion = nearest(node.value, self.words)
        wanted = f"{self._what} of {owner}" if owner else self._what
        return problems.NotAllowed(node.span, printable(node.text), wanted, self.words, suggestion)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the word."""
        word = super().decode(node, to, owner)
        if word in self.later and isinstance(node, Scalar) and (node.value == word or is_reference(node)):
            to.add(problems.NotSupportedYet(node.span, f"{self._what} `{word}`"))
        return word

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        schema = {"type": "string", "enum": list(self.words)}
        return schema if self.fixed else self.referable(schema)


class Number(Leaf):
    """A number within bounds."""

    typed = True

    def __init__(self, least: float, most: float, *, whole: bool = False) -> None:
        self._least = least
        self._most = most
        self._whole = whole
        self.wants = f"{'a whole number' if whole else 'a number'} from {least:,} to {most:,}"
        self.blank = int(least) if whole else float(least)

    def read(self, value: Plain) -> float | None:
        """Return the number if it is in bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if self._whole and value != int(value):
            return None
        # `4.0` is a whole number, in JSON Schema too.
        return (int(value) if self._whole else value) if self._least <= value <= self._most else None

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Tell a wrong type from a number out of bounds."""
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return super().refusal(node, owner)
        if self._whole and node.value != int(node.value):
            return super().refusal(node, owner)
        return problems.OutOfRange(node.span, printable(node.text, 24), self.wants)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the number; warn about `010`."""
        if isinstance(node, Scalar):
            warn_if_ambiguous(node, to)
        return super().decode(node, to, owner)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        kind = "integer" if self._whole else "number"
        return self.referable({"type": kind, "minimum": self._least, "maximum": self._most})


class Boolean(Leaf):
    """true or false."""

    typed = True
    wants = "`true` or `false`"
    blank = False

    def read(self, value: Plain) -> bool | None:
        """Return the boolean."""
        return value if isinstance(value, bool) else None

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return self.referable({"type": "boolean"})


class Version(Leaf):
    """The version of the language that a file is written in."""

    wants = "`1`"
    blank = 1
    fixed = True

    def read(self, value: Plain) -> int | None:
        """Return 1."""
        return 1 if value == 1 and not isinstance(value, bool) else None

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:  # noqa: ARG002
        """Say which version there is."""
        return problems.BadVersion(node.span, printable(node.text, 24))

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return {"type": "integer", "const": 1}
