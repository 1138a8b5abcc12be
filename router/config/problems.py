"""What can be wrong with a file, as facts; the checks put them into words.

`shape` tells whether the JSON Schema refuses the same thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from router.diagnostics.source import Span


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place."""

    shape: ClassVar[bool] = False
    span: Span


@dataclass(frozen=True, slots=True)
class Unreadable(Problem):
    """The file cannot be read."""

    why: str


@dataclass(frozen=True, slots=True)
class Syntax(Problem):
    """The text is no YAML; `began` is where what could not be read begins."""

    what: str
    began: Span | None = None


@dataclass(frozen=True, slots=True)
class TabIndent(Problem):
    """A line is indented with a tab."""


@dataclass(frozen=True, slots=True)
class DuplicateKey(Problem):
    """A key stands twice in one mapping; `lines` are its own ones, where they can be deleted without loss."""

    key: str
    first: Span
    lines: Span | None = None


@dataclass(frozen=True, slots=True)
class AmbiguousScalar(Problem):
    """A word that other YAML readers take for something else."""

    text: str
    reading: str
    value: str


@dataclass(frozen=True, slots=True)
class AliasAbuse(Problem):
    """An alias that is unknown, refers to itself or expands too far."""

    what: str


@dataclass(frozen=True, slots=True)
class ManyDocuments(Problem):
    """A second document in one file."""


@dataclass(frozen=True, slots=True)
class NotARouterFile(Problem):
    """The file is of another program."""

    looks_like: str
    instead: str


@dataclass(frozen=True, slots=True)
class ForbiddenTag(Problem):
    """A YAML tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class MergeKey(Problem):
    """A merge key `<<`."""


@dataclass(frozen=True, slots=True)
class BadNumber(Problem):
    """A number that is not finite or too long."""

    text: str


@dataclass(frozen=True, slots=True)
class KeyType(Problem):
    """A key that is no text; `quotable` where quotes would make it text."""

    text: str
    quotable: bool = True


@dataclass(frozen=True, slots=True)
class BadEncoding(Problem):
    """Bytes or characters that a configuration may not hold."""

    what: str


@dataclass(frozen=True, slots=True)
class TooLarge(Problem):
    """Over one of the reader's caps."""

    what: str


@dataclass(frozen=True, slots=True)
class EmptyFile(Problem):
    """Nothing in the file."""


@dataclass(frozen=True, slots=True)
class ShapeProblem(Problem):
    """A value that the schema refuses too."""

    shape: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class UnknownKey(ShapeProblem):
    """A key that the language does not know here."""

    key: str
    owner: str
    legal: tuple[str, ...]
    suggestion: str | None
    fits: bool = True


@dataclass(frozen=True, slots=True)
class MisplacedKey(ShapeProblem):
    """A key that belongs elsewhere; `block` is the key beside it that it belongs under, if it does."""

    key: str
    owner: str
    belongs: str
    block: str = ""


@dataclass(frozen=True, slots=True)
class MissingKey(ShapeProblem):
    """A required key is absent."""

    key: str
    owner: str
    wants: str


@dataclass(frozen=True, slots=True)
class WrongType(ShapeProblem):
    """A value of another type."""

    wanted: str
    got: str
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class NotAllowed(ShapeProblem):
    """A word or text that is not one of the legal ones."""

    value: str
    wanted: str
    legal: tuple[str, ...] = ()
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class OutOfRange(ShapeProblem):
    """A number, or a count of things, outside its bounds."""

    value: str
    wanted: str


@dataclass(frozen=True, slots=True)
class MissingUnit(ShapeProblem):
    """A bare number where a unit is needed."""

    value: str
    wanted: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class ExclusiveKeys(ShapeProblem):
    """Two keys that exclude each other."""

    key: str
    other: str
    other_span: Span


@dataclass(frozen=True, slots=True)
class BadVersion(ShapeProblem):
    """The file's `version` is not 1."""

    value: str


@dataclass(frozen=True, slots=True)
class BadName(ShapeProblem):
    """A name that cannot be printed or typed safely."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class BadHeader(ShapeProblem):
    """A header field that cannot or must not be sent."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class BadReference(ShapeProblem):
    """A `${...}` that is not one of the legal forms."""

    text: str
    why: str


@dataclass(frozen=True, slots=True)
class BadResult(Problem):
    """A reference whose value, or default, is not what its place wants."""

    text: str
    wanted: str


@dataclass(frozen=True, slots=True)
class NeedsDefault(Problem):
    """A reference without default where the table depends on its value."""

    text: str


@dataclass(frozen=True, slots=True)
class NotSupportedYet(Problem):
    """A part of the language whose behaviour is not built."""

    what: str


@dataclass(frozen=True, slots=True)
class UndefinedVariable(Problem):
    """A variable without default that is not set where calls are made; in a secret's place or another."""

    name: str
    secret: bool


@dataclass(frozen=True, slots=True)
class BadSecretFile(Problem):
    """A `${file:...}` that cannot be used."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class PlaintextSecret(Problem):
    """A key written into the file."""

    owner: str


@dataclass(frozen=True, slots=True)
class SecretInPlainField(Problem):
    """A variable that names a secret, in a field that is printed."""

    name: str


@dataclass(frozen=True, slots=True)
class CredentialsInUrl(ShapeProblem):
    """User name or password inside an address."""


@dataclass(frozen=True, slots=True)
class BadFile(Problem):
    """A file under `extends` or `overlays` that is not merged, or under the `config` of tests that is not read.

    `kind` is `missing`, `refused` (it must not be read), `foreign` (it is none of ours), `cycle` or `many`; `tested`
    for tests.
    """

    name: str
    why: str
    kind: str


@dataclass(frozen=True, slots=True)
class UndefinedEndpoint(Problem):
    """A model at an endpoint that the file does not have."""

    name: str
    model: str
    suggestion: str | None
    legal: tuple[str, ...]
    suggestion_span: Span | None = None


@dataclass(frozen=True, slots=True)
class UndefinedModel(Problem):
    """A model that the file does not have."""

    name: str
    user: str
    suggestion: str | None
    legal: tuple[str, ...]
    suggestion_span: Span | None = None


@dataclass(frozen=True, slots=True)
class UnknownDimension(Problem):
    """A condition on something that no call says."""

    name: str
    suggestion: str | None
    legal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnknownValue(Problem):
    """A value that its dimension does not have."""

    value: str
    dimension: str
    suggestion: str | None
    legal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DuplicateName(Problem):
    """Two things of one name, or of names that differ only in case or in how they are encoded."""

    name: str
    first: Span
    what: str = "rule"
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class ConditionType(Problem):
    """A condition of a form that its dimension cannot have."""

    dimension: str
    wanted: str
    got: str


@dataclass(frozen=True, slots=True)
class UnknownProcessor(Problem):
    """A processor that nobody registered."""

    name: str
    suggestion: str | None
    legal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadPattern(Problem):
    """A pattern that cannot be used; `missing` where nothing is installed that could."""

    pattern: str
    why: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class UnknownRule(Problem):
    """A test of a rule that the tested file does not have."""

    name: str
    suggestion: str | None
    legal: tuple[str, ...]
    suggestion_span: Span | None = None
