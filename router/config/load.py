"""A file, read, decoded and linked: everything the checks and the compiler need."""

from __future__ import annotations

import codecs
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.config import problems
from router.config.expand import Decoding
from router.config.language import DOCUMENT, Document
from router.config.link import Linked, link
from router.config.node import Mapping
from router.config.shapes import type_name
from router.config.yaml import MAX_BYTES, read
from router.diagnostics.source import Source, Span, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Variables
    from pathlib import Path
    from typing import TypeVar

    from router.config.expand import Variable
    from router.config.node import Node

    P = TypeVar("P", bound=problems.Problem)

STRANGERS = {
    "model_list": ("a LiteLLM configuration", "endpoints, models and rules say the same here"),
    "apiVersion": ("a Kubernetes manifest", "a router.yaml begins with `version: 1`"),
    "services": ("a Docker Compose file", "a router.yaml begins with `version: 1`"),
    "tests": ("a file of routing tests", "the file it tests stands under its `config:`"),
}

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
class Configuration:
    """One file and what is known of it.

    Attributes:
        source: Its name and text.
        root: Its values with places, or None when the text cannot be read.
        document: Its keys, decoded; None when it is no configuration at all.
        linked: Its names, resolved.
        problems: Everything wrong, in the order it was found.
        variables: Every variable it names.
        promised: Variables that the `.env.example` beside it names.
        for_calls: Whether calls are to be made by it, with the environment at hand.
        worked_out: What checks have worked out and share, by kind.
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


def load_source(source: Source, folder: Path, env: Variables[str, str] | None = None) -> Configuration:
    """Decode and link a text."""
    root, found = read(source)
    configuration = Configuration(source, folder, root, problems=found, for_calls=env is not None)
    if root is None:
        return configuration
    stranger = _stranger(root)
    if stranger is not None:
        configuration.problems.append(stranger)
        return configuration
    decoding = Decoding(source, folder, env, configuration.problems, configuration.variables)
    document = DOCUMENT.decode(root, decoding, "the file")
    configuration.document = document
    configuration.linked, more = link(document, decoding.suggest)
    configuration.problems = _roots([*configuration.problems, *more])
    configuration.promised = _promised(folder)
    return configuration


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


def _stranger(root: Node) -> problems.Problem | None:
    if not isinstance(root, Mapping):
        return problems.WrongType(
            root.span, "a mapping with `version`, `endpoints`, `models` and `rules`", type_name(root)
        )
    for key, (looks_like, instead) in STRANGERS.items():
        if key in root.entries and "endpoints" not in root.entries:
            return problems.NotARouterFile(root.keys[key], looks_like, instead)
    return None


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
