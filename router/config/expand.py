"""`${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}`: read as references, resolved late.

A pure run (no environment given) resolves only defaults; what stays unknown is assumed to be right.
"""

from __future__ import annotations

import re
import stat
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from router.config import problems
from router.config.node import leaves
from router.core.frozen import dataclass
from router.diagnostics.suggest import Suggester

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.config.node import Node, Scalar
    from router.config.problems import Problem
    from router.diagnostics.source import Source, Span

MAX_SECRET_BYTES = 64 * 2**10
SECRET_FOLDERS = (Path("/run/secrets"),)
# The end of a text in Python and in ECMAScript alike: Python's `$` alone also stands before a last line end.
END = r"$(?!\n)"
_ENV_FORM = r"env:[A-Za-z_][A-Za-z0-9_]*(?::-[^{}$]*)?"
_WELL_FORMED = r"^(?:[^$]|\$(?!\$?\{{)|\$\$\{{|\$\{{(?:{forms})\}})*" + END
# For the JSON Schema: texts that hold a `${`, and those in which each is a legal reference or escaped.
HOLDS_REFERENCE = r"\$\{"
LEGAL_TEXT = _WELL_FORMED.format(forms=_ENV_FORM)
LEGAL_SECRET = _WELL_FORMED.format(forms=_ENV_FORM + r"|file:[^{}$]+")

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ENV = r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}$]*))?\Z"
_FILE = r"file:([^{}$]+)\Z"
# What surely is a variable's name, with or without the word that is missing before it.
_NAME = r"\s*(?:[a-z]+:)?\s*[A-Z][A-Z_]*[0-9]?\s*"
_CREDENTIAL_NAME = r"(?i)(?:^|_)(?:API)?(?:KEYS?|TOKEN|SECRETS?|PASSWORDS?|PASSWD)(?:_|$)"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the file names."""

    name: str
    default: str | None
    span: Span


@dataclass(slots=True)
class Decoding:
    """One run over a document: what is known, and what was found. The decoder alone changes it.

    Attributes:
        source: The file; literal secrets are marked in it.
        folder: Where relative paths start.
        env: Variables to resolve with; None for a pure run.
        problems: Everything wrong so far.
        variables: Every variable the file names.
        suggest: Finds the names that were meant, within a budget.
        others: The files that were merged with it, by name.
        partial: Whether other files may bring what is missing in this one.
    """

    source: Source
    folder: Path
    env: Mapping[str, str] | None = field(default=None, repr=False)
    problems: list[Problem] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    suggest: Suggester = field(default_factory=Suggester)
    others: Mapping[str, Source] = field(default_factory=dict)
    partial: bool = False

    def hide(self, span: Span) -> None:
        """Mark a place whose text must never be shown, in the file it stands in."""
        self.others.get(span.file, self.source).secrets.append(span)

    def add(self, problem: Problem) -> None:
        """Take note of a problem."""
        self.problems.append(problem)


def is_reference(node: Scalar) -> bool:
    """Whether a scalar holds a reference or an escaped one."""
    return "${" in node.text


def resolve(node: Scalar, to: Decoding, *, secret: bool) -> str | None:
    """Return the text with its references replaced, or None while it is unknown or wrong."""
    pieces: list[str | None] = []
    position = 0
    for found in _TOKEN.finditer(node.text):
        pieces.append(node.text[position : found.start()])
        pieces.append("${" if found[0] == "$${" else _one(found[1], node, to, secret=secret))
        position = found.end()
    pieces.append(node.text[position:])
    known = [piece for piece in pieces if piece is not None]
    return "".join(known) if len(known) == len(pieces) else None


def secret_files(root: Node, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file that holds a secret: as it is written, and where it is; files of /run/secrets apart.

    Args:
        root: What the file says.
        folder: Where relative paths start.
    """
    for leaf in leaves(root):
        for token in _TOKEN.finditer(leaf.text):
            found = re.match(_FILE, token[1] or "")
            if found and not any((folder / found[1]).is_relative_to(each) for each in SECRET_FOLDERS):
                yield found[1], folder / found[1]


def _one(inside: str | None, node: Scalar, to: Decoding, *, secret: bool) -> str | None:
    if inside is None:
        to.add(problems.BadReference(node.span, "${", "a reference ends with `}` and holds no other"))
        return None
    if found := re.match(_ENV, inside):
        return _variable(found[1], found[2], node, to, secret=secret)
    if found := re.match(_FILE, inside):
        if secret:
            return _file(found[1], node, to)
        why = "`${file:...}` may only stand where a secret is expected (`key`, `keys`, `headers`, `password`)"
    else:
        why = "the forms are `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}`"
    if secret and not re.fullmatch(_NAME, inside):  # it may be the secret itself
        to.hide(node.span)
        inside = "***"
    to.add(problems.BadReference(node.span, "${" + inside + "}", why))
    return None


def _variable(name: str, default: str | None, node: Scalar, to: Decoding, *, secret: bool) -> str | None:
    to.variables.append(Variable(name, default, node.span))
    if not secret and re.search(_CREDENTIAL_NAME, name):
        if default:
            to.hide(node.span)
        to.add(problems.SecretInPlainField(node.span, name))
        return None
    if to.env is None:
        return default
    value = to.env.get(name) or default
    if value is None:
        to.add(problems.UndefinedVariable(node.span, name, secret))
    return value


def _file(text: str, node: Scalar, to: Decoding) -> str | None:
    """Return a secret file's text without its last line end; only at load, only from the legal folders."""
    found, why = _secret_file(text, to)
    if why:
        to.add(problems.BadSecretFile(node.span, text, why))
    return found


def _secret_file(text: str, to: Decoding) -> tuple[str | None, str]:
    """Return the secret, or why it cannot be used; neither in a pure run."""
    try:
        folder = to.folder.resolve()
        path = (folder / text).resolve()
        if path.is_symlink():
            raise RuntimeError("resolved and still a link: a loop")
        if not any(path.is_relative_to(legal) for legal in (folder, *SECRET_FOLDERS)):
            return None, "it is outside the configuration's own folder and /run/secrets"
        if to.env is None:
            return None, ""
        # Looked at before it is opened: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            return None, "it is no regular file"
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
        found = data.decode("utf-8").rstrip("\r\n") if len(data) <= MAX_SECRET_BYTES else ""
    except OSError as error:
        return None, (error.strerror or "it cannot be read").lower()
    except UnicodeDecodeError:
        return None, "it is not UTF-8 text"
    except (ValueError, RuntimeError):  # a NUL in the path; a loop of links
        return None, "it is no usable path"
    return (found, "") if found else (None, "it is empty or larger than 64 KiB")
