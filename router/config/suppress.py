"""Comments that suppress findings: `# router: ignore[R403] reason`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml import tokens

from router.core.frozen import dataclass
from router.diagnostics.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.diagnostics.source import Source

_COMMENT = re.compile(r"#\s*router:\s*ignore\b(?:\[(?P<codes>[^\]]*)\])?(?P<reason>.*)")
_HASH = re.compile(r"(?<!\S)#")
_CODE = re.compile(r"[^\s,]+")
# Findings of these families say that a file is not understood: no comment can make it so.
FIRST_FAMILY = "R4"
OWN = "R904"
INCOMPLETE = "R413"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment.

    Attributes:
        span: The comment.
        about: The line whose findings it suppresses.
        codes: The codes it names, with their places.
        reason: Why, in the words of the file; "" for none.
        alone: Whether nothing else stands on its line.
    """

    span: Span
    about: int
    codes: tuple[tuple[str, Span], ...]
    reason: str
    alone: bool


class Suppressions:
    """The suppressing comments of files that are checked together, and what came of them in one run.

    Its state is which lines and codes were of use, and whether everything could be found; one run owns it.
    """

    __slots__ = ("_certain", "_known", "_used", "comments")

    def __init__(self, comments: tuple[Suppression, ...]) -> None:
        self.comments = comments
        self._known = frozenset(
            (comment.span.file, comment.about, code) for comment in comments for code, _ in comment.codes
        )
        self._used: set[tuple[str, int, str]] = set()
        self._certain = True

    def take(self, code: str, severity: str, span: Span) -> bool:
        """Return whether a finding is suppressed, and remember that it was."""
        if code == INCOMPLETE or (code < FIRST_FAMILY and severity == "error"):
            self._certain = False
        if code < FIRST_FAMILY or (span.file, span.line, code) not in self._known:
            return False
        self._used.add((span.file, span.line, code))
        return True

    def unused(self, comment: Suppression) -> list[str]:
        """Return the codes of a comment that suppressed nothing; none where it cannot be told."""
        if not self._certain:
            return []
        names = dict.fromkeys(name for name, _ in comment.codes)
        place = (comment.span.file, comment.about)
        return [name for name in names if name != OWN and (*place, name) not in self._used]


def suppressions(*sources: Source) -> Suppressions:
    """Return the suppressing comments of texts that are known to be YAML."""
    return Suppressions(tuple(comment for source in sources for comment in _comments(source)))


def _comments(source: Source) -> Iterator[Suppression]:
    candidates = [number for number, line in enumerate(source.lines, 1) if _COMMENT.search(line)]
    if not candidates:
        return
    taken = _scalars(source, frozenset(candidates))
    below = _lines_below(source)
    for number in candidates:
        line = source.lines[number - 1]
        start = next((at for at in _hashes(line) if not _inside(at, taken.get(number, []))), None)
        # A comment that begins with something else is prose, or a line that is commented out.
        if start is not None and (found := _COMMENT.match(line, start)):
            yield _suppression(source.name, number, found, below[number])


def _suppression(file: str, number: int, found: re.Match[str], below: int) -> Suppression:
    line = found.string
    alone = not line[: found.start()].strip()
    first = found.start("codes") + 1
    codes = tuple(
        (code[0], Span(file, number, first + code.start(), number, first + code.end()))
        for code in _CODE.finditer(found["codes"] or "")
    )
    span = Span(file, number, found.start() + 1, number, len(line.rstrip()) + 1)
    reason = found["reason"].strip(" \t-:")
    return Suppression(span, below if alone else number, codes, reason, alone)


def _lines_below(source: Source) -> dict[int, int]:
    """Return the next line of each that is no comment."""
    below = {}
    following = len(source.lines) + 1
    for number in range(len(source.lines), 0, -1):
        below[number] = following
        if not source.lines[number - 1].lstrip().startswith("#"):
            following = number
    return below


def _hashes(line: str) -> Iterator[int]:
    return (found.start() for found in _HASH.finditer(line))


def _inside(at: int, taken: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in taken)


def _scalars(source: Source, lines: frozenset[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the columns, from 0, that values and keys take up on each of some lines."""
    taken: dict[int, list[tuple[int, int]]] = {}
    for token in yaml.scan(source.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if not isinstance(token, tokens.ScalarToken):
            continue
        start: Any = token.start_mark
        end: Any = token.end_mark
        # A block's first line holds its sign and may hold a comment; its text begins below.
        block = token.style in ("|", ">")
        first = start.line + 2 if block else start.line + 1
        for number in lines.intersection(range(first, end.line + 2)):
            left = start.column if number == start.line + 1 else 0
            right = end.column if number == end.line + 1 else len(source.lines[number - 1]) + 1
            taken.setdefault(number, []).append((left, right))
    return taken
