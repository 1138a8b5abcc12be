"""A file, read, decoded and linked: everything the checks and the compiler need."""

from __future__ import annotations

import codecs
import stat
from dataclasses import field
from typing import TYPE_CHECKING

from router.config import problems
from router.config.expand import Decoding
from router.config.language import DOCUMENT, Document
from router.config.link import Linked, link
from router.config.node import Mapping
from router.config.stranger import stranger
from router.config.yaml import MAX_BYTES, read
from router.core.frozen import dataclass
from router.diagnostics.source import Source, Span, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Variables
    from pathlib import Path
    from typing import TypeVar

    from router.config.cases import Case
    from router.config.expand import Variable
    from router.config.node import Node
    from router.config.overlay import Reader
    from router.config.routing_tests import TestFile

    P = TypeVar("P", bound=problems.Problem)

# Facts that may hold of one place beside any other.
SIDE_BY_SIDE = (
    problems.DuplicateKey,
    problems.ExclusiveKeys,
    problems.MergeKey,
    problems.MissingKey,
    problems.NotSupportedYet,
    problems.PlaintextSecret,
    problems.SecretInPlainField,
    problems.UndefinedVariable,
)


@dataclass(slots=True)
class RoutingTests:
    """What a file of routing tests holds.

    Attributes:
        file: Its keys, decoded.
        cases: Its tests, unfolded.
        tested: The configuration they are about; None while it is not read.
    """

    file: TestFile
    cases: tuple[Case, ...]
    tested: Configuration | None = None


@dataclass(slots=True)
class Configuration:
    """One file and what is known of it.

    Attributes:
        source: Its name and text.
        folder: Its folder, where relative paths in its values start; also those in values of a merged file.
        root: Its values with places, merged with those of the files it names; None when the text cannot be read.
        document: Its keys, decoded; None when it is no configuration at all.
        linked: Its names, resolved.
        problems: Everything wrong, in the order it was found.
        variables: Every variable it names.
        promised: Variables that the `.env.example` beside it names.
        for_calls: Whether calls are to be made by it, with the environment at hand.
        worked_out: What checks have worked out and share, by kind.
        tests: What it holds, where it is a file of routing tests and no configuration.
        beside: The files of routing tests about it, where they are to be looked at.
        others: The files that were merged with it.
    """

    source: Source
    folder: Path
    root: Node | None = None
    document: Document | None = None
    linked: Linked = field(default_factory=Linked)
    problems: list[problems.Problem] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    promised: frozenset[str] = frozenset()
    for_calls: bool = False
    worked_out: dict[type, object] = field(default_factory=dict)
    tests: RoutingTests | None = None
    beside: tuple[Configuration, ...] = ()
    others: tuple[Source, ...] = ()

    @property
    def sources(self) -> dict[str, Source]:
        """Every file it was read from, by name; its own comes first."""
        return {each.name: each for each in (self.source, *self.others)}

    def source_at(self, span: Span) -> Source:
        """Return the file that a place is in."""
        return self.sources.get(span.file, self.source)

    def found(self, kind: type[P]) -> Iterator[P]:
        """Yield the problems of one kind."""
        return (each for each in self.problems if isinstance(each, kind))


def load_file(path: Path, env: Variables[str, str] | None = None) -> Configuration:
    """Read a file; what is wrong with it is in the result's problems, nothing is raised.

    Args:
        path: The file.
        env: The environment to resolve variables with; None for a pure run that reads no variable and no secret.
    """
    source, problem = read_source(path)
    if problem is not None:
        return Configuration(source, path.parent, problems=[problem], for_calls=env is not None)
    return load_source(source, path.parent, env)


def load_source(
    source: Source, folder: Path, env: Variables[str, str] | None = None, *, reader: Reader | None = None
) -> Configuration:
    """Merge a text with the files it names; decode and link the whole.

    Args:
        source: The text.
        folder: The folder it is to stand in.
        env: As for `load_file`.
        reader: Reads the files it names; from the disk by default.
    """
    root, found = read(source)
    configuration = Configuration(source, folder, root, problems=found, for_calls=env is not None)
    if root is None:
        return configuration
    alien = stranger(root)
    if alien is not None or not isinstance(root, Mapping):
        configuration.problems += [alien] if alien is not None else []
        return configuration
    _merge(configuration, root, reader or read_source)
    others = {each.name: each for each in configuration.others}
    decoding = Decoding(source, folder, env, configuration.problems, configuration.variables, others=others)
    document = DOCUMENT.decode(configuration.root or root, decoding, "the file")
    if not decoding.partial:
        configuration.document = document
        configuration.linked, more = link(document, decoding.suggest)
        configuration.problems += more
    configuration.problems = _roots(configuration.problems)
    configuration.promised = _promised(folder)
    return configuration


def _merge(configuration: Configuration, root: Mapping, reader: Reader) -> None:
    """Merge a file's values with those of the files it names; what could not be merged is still named after it."""
    if not any(name in root.entries for name in Document.MERGED):
        return
    from router.config.overlay import layered  # noqa: PLC0415 - most files are whole

    layers = layered(configuration.source, root, configuration.folder, reader)
    configuration.root = layers.root
    configuration.others = tuple(source for source, _ in layers.files)
    configuration.problems += layers.problems
    for source, own in ((configuration.source, root), *layers.files):
        if own is not None:
            # What another file replaces is decoded as well, for what must not be shown of it.
            DOCUMENT.decode(own, Decoding(source, configuration.folder), "the file")


def _roots(found: list[problems.Problem]) -> list[problems.Problem]:
    """Return one problem for each place: what was found first there is the root of what was found later."""
    firm = {each.span for each in found if not isinstance(each, (*SIDE_BY_SIDE, problems.AmbiguousScalar))}
    seen: set[Span] = set()
    kept = []
    for problem in found:
        if not isinstance(problem, SIDE_BY_SIDE):
            mild = isinstance(problem, problems.AmbiguousScalar) and problem.span in firm
            if mild or problem.span in seen:
                continue
            seen.add(problem.span)
        kept.append(problem)
    return list(dict.fromkeys(kept))


def read_source(path: Path) -> tuple[Source, problems.Problem | None]:
    """Return a file's text, or what keeps it from being read; nothing but a regular file is opened."""
    name = str(path)
    nowhere = Span(name, 1, 1, 1, 1)
    empty = Source(name, "")
    try:
        # Looked at before it is opened: opening a pipe would wait for its writer.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return empty, problems.Unreadable(nowhere, "it is no regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1) if status.st_size <= MAX_BYTES else bytes(MAX_BYTES + 1)
    except OSError as error:
        return empty, problems.Unreadable(nowhere, (error.strerror or type(error).__name__).lower())
    except ValueError as error:
        return empty, problems.Unreadable(nowhere, printable(error))
    if len(data) > MAX_BYTES:
        return empty, problems.TooLarge(nowhere, f"is larger than {MAX_BYTES:,} bytes")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(name, data.decode()), None
    except UnicodeDecodeError as error:
        before = Source("", data[: error.start].decode()).lines
        line, column = len(before), len(before[-1]) + 1
        what = f"byte 0x{data[error.start]:02X} is no UTF-8; save the file as UTF-8"
        return empty, problems.BadEncoding(Span(name, line, column, line, column + 1), what)


def _promised(folder: Path) -> frozenset[str]:
    """Return the names in the `.env.example` beside the file, if there is one."""
    path = folder / ".env.example"
    try:
        if not path.is_file():
            return frozenset()
        with path.open(encoding="utf-8") as file:
            lines = file.read(MAX_BYTES).splitlines()
    except (OSError, ValueError):
        return frozenset()
    names = (line.removeprefix("export ").partition("=")[0].strip() for line in lines if "=" in line)
    return frozenset(name for name in names if name and not name.startswith("#"))
