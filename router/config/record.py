"""Records: mappings with known keys, described once; the description decodes and writes the schema."""

from __future__ import annotations

from dataclasses import MISSING, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

from router.config import problems
from router.config.compound import NOWHERE
from router.config.node import Mapping, Scalar
from router.config.shapes import Choice, Shape, type_name
from router.core.frozen import dataclass
from router.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from router.config.expand import Decoding
    from router.config.node import Node
    from router.config.shapes import Schema
    from router.diagnostics.source import Span

R = TypeVar("R", bound="Record")
FEW = 6


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What `key` was told about one key."""

    shape: Shape
    doc: str
    written: str
    later: bool
    kinds: tuple[str, ...]
    optional_for: tuple[str, ...]
    own: bool
    required: bool

    def legal_for(self, kind: object) -> bool:
        """Return whether records of a kind may have it."""
        return not self.kinds or kind in self.kinds

    def required_for(self, kind: object) -> bool:
        """Return whether records of a kind must have it."""
        return self.required and self.legal_for(kind) and kind not in self.optional_for


def key(  # noqa: PLR0913 - a description has that many parts
    shape: Shape,
    doc: str,
    *,
    default: Any = MISSING,
    written: str = "",
    later: bool = False,
    kinds: tuple[str, ...] = (),
    optional_for: tuple[str, ...] = (),
    own: bool = False,
) -> Any:
    """Describe one key of a record.

    Args:
        shape: What its value may be.
        doc: One sentence for the reference and the editor.
        default: The decoded value when it is absent; without it the key is required.
        written: The default as the reference shows it, where it is not plain from `default`.
        later: Whether the language has the key and its behaviour is not built.
        kinds: The kinds it belongs to, in a record that has a `kind`; empty means all.
        optional_for: Of those, the kinds that can do without a required key.
        own: Whether each of several files that are merged must have it.
    """
    spec = KeySpec(shape, doc, written, later, kinds, optional_for, own, required=default is MISSING)
    return (
        field(metadata={"key": spec})
        if default is MISSING
        else field(default=default, metadata={"key": spec})
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with known keys. `node` is where it stands in the file."""

    # Pairs that exclude each other; keys of which one must be there; keys that need another; keys that name files
    # which may bring what is missing in this one.
    EXCLUSIVE: ClassVar[tuple[tuple[str, str], ...]] = ()
    ONE_OF: ClassVar[tuple[str, ...]] = ()
    NEEDS: ClassVar[tuple[tuple[str, str], ...]] = ()
    MERGED: ClassVar[tuple[str, ...]] = ()

    node: Mapping = field(default_factory=lambda: Mapping(NOWHERE.span), repr=False, compare=False)

    def span(self, name: str) -> Span:
        """Return where a key's value stands; the record itself where it is absent."""
        found = self.node.entries.get(name)
        return found.span if found is not None else self.node.span

    def key_span(self, name: str) -> Span:
        """Return where a key stands; the record itself where it is absent."""
        return self.node.keys.get(name, self.node.span)

    def entry_span(self, name: str, entry: str) -> Span:
        """Return where the key `entry` stands in the mapping under a key."""
        found = self.node.entries.get(name)
        return found.keys.get(entry, found.span) if isinstance(found, Mapping) else self.span(name)

    def has(self, name: str) -> bool:
        """Return whether the file writes the key."""
        return name in self.node.entries


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(key,))
def record(cls: type[R]) -> type[R]:
    """Make a class a record of the language."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


class Fields(Shape):
    """The shape of a record."""

    def __init__(self, cls: type[Record], what: str = "") -> None:
        self.cls = cls
        self.what = what
        self.keys: dict[str, KeySpec] = {
            each.name.rstrip("_"): each.metadata["key"] for each in fields(cls) if "key" in each.metadata
        }
        self._attribute = {each.name.rstrip("_"): each.name for each in fields(cls)}
        kind = self.keys.get("kind")
        self._kinds: tuple[str, ...] = kind.shape.words if kind and isinstance(kind.shape, Choice) else ()
        few = len(self.keys) < FEW
        self.wants = f"a mapping with {', '.join(f'`{name}`' for name in self.keys)}" if few else "a mapping"

    @property
    def blank(self) -> Any:
        """A record of defaults and blanks."""
        return self._build({}, Mapping(NOWHERE.span))

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the record; unknown keys are reported and left out."""
        owner = f"`{self.what}`" if self.what else owner
        if not isinstance(node, Mapping):
            to.add(problems.WrongType(node.span, self.wants, type_name(node)))
            return self.blank
        node, meant = self._repaired(node, to, owner)
        to.partial |= any(name in node.entries for name in self.cls.MERGED)
        kind = self._kind(node)
        found: dict[str, Any] = {}
        for name, value in node.entries.items():
            spec = self.keys.get(name)
            if spec is None:
                continue
            if kind and not spec.legal_for(kind):
                to.add(_of_another_kind(name, node, owner, spec))
                continue
            if spec.later:
                to.add(problems.NotSupportedYet(node.keys[name], f"`{name}`"))
            before = len(to.problems)
            decoded = spec.shape.decode(value, to, owner)
            if name not in meant or _fits(meant[name], value, before, to):
                found[self._attribute[name]] = decoded
        self._relations(node, to, owner, kind)
        return self._build(found, node)

    def _repaired(
        self, node: Mapping, to: Decoding, owner: str
    ) -> tuple[Mapping, dict[str, problems.UnknownKey]]:
        """Report unknown keys; return the record as if each were what it was surely meant to be."""
        if all(name in self.keys for name in node.entries):
            return node, {}
        kind = self._kind(node)
        repaired = Mapping(node.span)
        meant: dict[str, problems.UnknownKey] = {}
        for name, value in node.entries.items():
            known = name
            if name not in self.keys:
                problem = self._stranger(name, node, owner, kind, to)
                if isinstance(problem, problems.UnknownKey):
                    if problem.suggestion in meant:  # two misspelt keys are not both the same one
                        problem = replace(problem, suggestion=None)
                    known = problem.suggestion or name
                    meant[known] = problem
                to.add(problem)
            repaired.entries[known] = value
            repaired.keys[known] = node.keys[name]
        return repaired, meant

    def _kind(self, node: Mapping) -> str | None:
        """Return the record's kind, if it has a legal one."""
        kind = node.entries.get("kind")
        return kind.value if isinstance(kind, Scalar) and kind.value in self._kinds else None

    def _stranger(
        self, name: str, node: Mapping, owner: str, kind: str | None, to: Decoding
    ) -> problems.Problem:
        span = node.keys[name]
        for block, spec in self.keys.items():
            if isinstance(spec.shape, Fields) and not spec.later and name in spec.shape.keys:
                return problems.MisplacedKey(span, name, owner, f"under `{block}`", block)
        legal = tuple(each for each, known in self.keys.items() if not kind or known.legal_for(kind))
        suggestion = to.suggest.nearest(name, [each for each in legal if each not in node.entries])
        return problems.UnknownKey(span, name, owner, legal, suggestion)

    def _relations(self, node: Mapping, to: Decoding, owner: str, kind: str | None) -> None:
        """Report required keys that are absent and keys that exclude or need each other."""
        absent = [
            name
            for name, spec in self.keys.items()
            if name not in node.entries and (spec.required_for(kind) if kind or not spec.kinds else False)
        ]
        needed = [
            other for name, other in self.cls.NEEDS if name in node.entries and other not in node.entries
        ]
        absent += needed
        if self.cls.ONE_OF and not any(name in node.entries or name in needed for name in self.cls.ONE_OF):
            absent.append(self.cls.ONE_OF[0])
        if to.partial:
            absent = [name for name in absent if self.keys[name].own]
        self._missing(absent, node, to, owner)
        told: set[str] = set()
        for one, other in self.cls.EXCLUSIVE:
            if one in node.entries and other in node.entries and not told & {one, other}:
                told |= {one, other}
                to.add(problems.ExclusiveKeys(node.keys[other], other, one, node.keys[one]))

    def _missing(self, absent: list[str], node: Mapping, to: Decoding, owner: str) -> None:
        strangers = [name for name in node.entries if name not in self.keys]
        for name in dict.fromkeys(absent):
            # A misspelt key is reported already, with this one as its suggestion.
            if not any(nearest(stranger, [name]) for stranger in strangers):
                to.add(problems.MissingKey(node.span, name, owner, self.keys[name].shape.wants))

    def own(self, node: Mapping, to: Decoding, owner: str) -> None:
        """Report what is wrong with the keys that each of several merged files must have itself."""
        own = {name: spec for name, spec in self.keys.items() if spec.own}
        self._missing([name for name in own if name not in node.entries], node, to, owner)
        for name, spec in own.items():
            if name in node.entries:
                spec.shape.decode(node.entries[name], to, owner)

    def _build(self, found: dict[str, Any], node: Mapping) -> Record:
        for name, spec in self.keys.items():
            if spec.required:
                found.setdefault(self._attribute[name], spec.shape.blank)
        return self.cls(node=node, **found)

    def schema(self, defs: Schema) -> Schema:
        """Return a reference to the record's schema in `defs`."""
        name = self.cls.__name__
        if name not in defs:
            defs[name] = {}
            defs[name].update(self._by_kind(defs) if self._kinds else self._object(None, defs))
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, kind: str | None, defs: Schema) -> Schema:
        legal = {name: spec for name, spec in self.keys.items() if kind is None or spec.legal_for(kind)}
        required = [name for name, spec in legal.items() if spec.required_for(kind)]
        rules: list[Schema] = [{"not": {"required": list(pair)}} for pair in self.cls.EXCLUSIVE]
        if self.cls.ONE_OF:
            rules.append({"anyOf": [{"required": [name]} for name in self.cls.ONE_OF]})
        schema: Schema = {
            "type": "object",
            "description": (self.cls.__doc__ or "").strip().split("\n")[0],
            "properties": {name: _property(spec, defs) for name, spec in legal.items()},
            "additionalProperties": False,
            "required": required,
            "dependentRequired": {name: [needed] for name, needed in self.cls.NEEDS},
            "allOf": rules,
        }
        return {word: value for word, value in schema.items() if value or word == "additionalProperties"}

    def _by_kind(self, defs: Schema) -> Schema:
        """Return one `if kind = X then` branch per kind: a validator can then say what is wrong."""
        branches = [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": self._object(kind, defs),
            }
            for kind in self._kinds
        ]
        # The kind of a third party may have any of these keys.
        own = {"properties": {"kind": {"enum": list(self._kinds)}}, "required": ["kind"]}
        branches.append({"if": {"not": own}, "then": self._object(None, defs)})
        kind = {**self.keys["kind"].shape.schema(defs), "description": self.keys["kind"].doc}
        return {"type": "object", "properties": {"kind": kind}, "required": ["kind"], "allOf": branches}


def _of_another_kind(name: str, node: Mapping, owner: str, spec: KeySpec) -> problems.Problem:
    return problems.MisplacedKey(
        node.keys[name], name, owner, f"to endpoints of kind {' or '.join(spec.kinds)}"
    )


def _fits(unknown: problems.UnknownKey, value: Node, before: int, to: Decoding) -> bool:
    """Return whether a value is of the type that the key surely meant wants; if not, say nothing of it."""
    new = to.problems[before:]
    if not any(isinstance(each, problems.WrongType) and each.span == value.span for each in new):
        return True
    to.problems[before:] = []
    to.problems[to.problems.index(unknown)] = replace(unknown, fits=False)
    return False


def _property(spec: KeySpec, defs: Schema) -> Schema:
    built = " Not supported yet: refused where a call would be made." if spec.later else ""
    schema = {**spec.shape.schema(defs), "description": f"{spec.doc}{built}"}
    return {**schema, "default": spec.written} if spec.written else schema
