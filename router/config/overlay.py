"""Several files to one: `extends` puts files under this one, `overlays` puts files over it.

Mappings merge by key; a list or a single value stands for all that was there, and so does an endpoint of another
kind. Values are merged before they are decoded, so that each keeps its place in its own file.
"""

from __future__ import annotations

import posixpath
from dataclasses import field, replace
from functools import reduce
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from router.config import problems
from router.config.expand import Decoding
from router.config.language import DOCUMENT, Document
from router.config.node import Mapping, Scalar, leaves
from router.config.stranger import stranger
from router.config.yaml import MAX_BYTES, read
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.config.node import Node
    from router.diagnostics.source import Source

    # Returns a file's text, or what keeps it from being read.
    Reader = Callable[[Path], tuple[Source, problems.Problem | None]]

MOST = 32
SUFFIXES = (".yaml", ".yml")


@dataclass(slots=True)
class Layers:
    """A file merged with those it names.

    Attributes:
        root: The merged values; where a file could not be merged they still have `extends` or `overlays`.
        files: The other files, each with its own values, or None where they cannot be read.
        problems: Everything wrong with the files and with how they are named.
    """

    root: Mapping
    files: list[tuple[Source, Mapping | None]] = field(default_factory=list)
    problems: list[problems.Problem] = field(default_factory=list)


def layered(source: Source, root: Mapping, folder: Path, reader: Reader) -> Layers:
    """Merge a file with those it extends and those over it, and with those that these name.

    Args:
        source: The file; nothing outside its folder is read.
        root: Its values.
        folder: Its folder.
        reader: Reads the other files.
    """
    layers = Layers(root)
    # A text from a revision is called `git:REVISION:PATH`.
    name = PurePosixPath(PurePosixPath(source.name).name.rpartition(":")[2])
    layering = _Layering(source, folder, reader, layers)
    layers.root = replace(layering.resolved(source, root, (name,)), span=root.span)
    return layers


class _Layering:
    """One pass over the files, from the one that is loaded. Its state is what was read so far; nothing else sees it."""

    def __init__(self, source: Source, folder: Path, reader: Reader, layers: Layers) -> None:
        self._folder = folder
        self._reader = reader
        self._layers = layers
        self._known: dict[PurePosixPath, Mapping | None] = {}
        self._count = 0
        self._size = len(source.text)

    def resolved(self, source: Source, root: Mapping, chain: tuple[PurePosixPath, ...]) -> Mapping:
        """Return a file's values merged with those of the files it names.

        Args:
            source: The file.
            root: Its own values.
            chain: The files from the one that is loaded down to this one.
        """
        # What was found of the file that is loaded is found again when the whole is decoded.
        to = Decoding(source, self._folder, None, self._layers.problems)
        DOCUMENT.own(root, to, "the file")
        under, over = (self._named(root.entries.get(key), key, to, chain) for key in Document.MERGED)
        lost = None in under or None in over
        own = root if lost else _without(root, Document.MERGED)
        return reduce(_root, (each for each in (*under, own, *over) if each is not None))

    def _named(
        self, node: Node | None, key: str, to: Decoding, chain: tuple[PurePosixPath, ...]
    ) -> list[Mapping | None]:
        """Return the values of the files under a key; None for each that cannot be merged."""
        if node is None:
            return []
        before = len(to.problems)
        DOCUMENT.keys[key].shape.decode(node, to, "the file")
        wrong: list[Mapping | None] = [None] if len(to.problems) > before else []
        return wrong + [self._file(each, chain) for each in _names(node)]

    def _file(self, name: Scalar, chain: tuple[PurePosixPath, ...]) -> Mapping | None:
        """Return the values of a file that another one names, merged with what it names itself; None without it."""
        text = str(name.value)
        where = PurePosixPath(posixpath.normpath(chain[-1].parent / text))
        self._count += 1
        if self._count > MOST:
            if self._count == MOST + 1:
                self._refuse(name, f"is one of more than {MOST}", "many")
            return None
        if why := _strange(text, where, self._folder):
            self._refuse(name, why, "refused")
            return None
        if where in chain:
            way = " → ".join(map(str, (*chain[chain.index(where) :], where)))
            self._refuse(name, f"comes back to itself: {way}", "cycle")
            return None
        if where not in self._known:
            self._known[where] = None
            self._known[where] = self._read(name, where, chain)
        return self._known[where]

    def _read(self, name: Scalar, where: PurePosixPath, chain: tuple[PurePosixPath, ...]) -> Mapping | None:
        source, problem = self._reader(self._folder / where)
        if isinstance(problem, problems.Unreadable):
            self._refuse(name, f"cannot be read: {problem.why}", "missing")
            return None
        self._size += len(source.text)
        if problem is None and self._size > MAX_BYTES:
            self._refuse(name, f"makes more than {MAX_BYTES:,} characters of all files together", "many")
            return None
        root, found = read(source) if problem is None else (None, [problem])
        if root is not None and not isinstance(root, Mapping):
            # Nothing of it is shown: it may hold anything.
            self._refuse(name, "is no configuration", "foreign")
            return None
        self._layers.files.append((source, root))
        alien = stranger(root) if root is not None else None
        self._layers.problems += [*found, alien] if alien is not None else found
        return self.resolved(source, root, (*chain, where)) if root is not None and alien is None else None

    def _refuse(self, name: Scalar, why: str, kind: str) -> None:
        self._layers.problems.append(problems.BadFile(name.span, str(name.value), why, kind))


def _names(node: Node) -> Iterator[Scalar]:
    """Yield the names of files; what is none is reported where it is decoded."""
    for leaf in leaves(node):
        if isinstance(leaf.value, str) and leaf.value and "${" not in leaf.text:
            yield leaf


def _strange(name: str, where: PurePosixPath, folder: Path) -> str:
    """Return why a file must not be read; "" when it may. The file itself is not opened."""
    if PurePosixPath(name).is_absolute() or "://" in name or "\\" in name or ":" in name[:2]:
        return "is not beside the configuration or below it"
    if where.parts[:1] == ("..",):
        return "leads out of the configuration's folder"
    if where.suffix not in SUFFIXES:
        return "is no .yaml file"
    try:
        path = (folder / where).resolve()
        if path.is_symlink():  # resolved and still a link: a loop
            return "is no usable name"
        return "" if path.is_relative_to(folder.resolve()) else "leads out of the configuration's folder"
    except (OSError, ValueError, RuntimeError):  # a name too long, with a NUL, or a loop of links
        return "is no usable name"


def _without(root: Mapping, names: tuple[str, ...]) -> Mapping:
    entries = {key: value for key, value in root.entries.items() if key not in names}
    return replace(root, entries=entries, keys={key: root.keys[key] for key in entries})


def _root(under: Mapping, over: Mapping) -> Mapping:
    """Return the values of two files; an endpoint of another kind is another endpoint."""
    found = _merged(under, over)
    ours, theirs = under.entries.get("endpoints"), over.entries.get("endpoints")
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        endpoints = found.entries["endpoints"]
        if isinstance(endpoints, Mapping):
            for name, value in theirs.entries.items():
                if _other_kind(ours.entries.get(name), value):
                    endpoints.entries[name] = value
    return found


def _merged(under: Mapping, over: Mapping) -> Mapping:
    entries = dict(under.entries)
    for name, value in over.entries.items():
        below = entries.get(name)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            entries[name] = _merged(below, value)
        else:
            entries[name] = value
    parts = (*(under.parts or (under.span,)), *(over.parts or (over.span,)))
    return Mapping(over.span, entries, {**under.keys, **over.keys}, parts)


def _other_kind(under: Node | None, over: Node) -> bool:
    if not isinstance(under, Mapping) or not isinstance(over, Mapping):
        return False
    ours, theirs = under.entries.get("kind"), over.entries.get("kind")
    return isinstance(ours, Scalar) and isinstance(theirs, Scalar) and ours.value != theirs.value
