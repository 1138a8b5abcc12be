"""Texts under `|` and `>`, read by their lines: where the parser says they end tells nothing of blank lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router.layout.gaps import line_end
from router.layout.nodes import STEP, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGN = re.compile(r"(?P<anchor>&\S+\s+)?(?P<sign>[|>])(?P<how>[-+0-9]*)")


def sign_end(text: str, start: int) -> int:
    """Return where the sign of such a text ends; its anchor stands before it."""
    return _sign(text, start).end()


def _sign(text: str, start: int) -> re.Match[str]:
    found = _SIGN.match(text, start)
    if found is None:
        raise AssertionError("such a text has a sign")
    return found


def literal(text: str, start: int, owner: int) -> tuple[Literal, int]:
    """Return the text whose sign stands at a place, in a block at column `owner`, and where its last line ends."""
    sign = _sign(text, start)
    how = sign["how"]
    digits = how.strip("+-")
    first = line_end(text, sign.end())
    column = owner + int(digits) if digits else _shown_indent(text, first, owner)
    lines: list[str] = []
    ends = [first]
    for line, end in _lines(text, first):
        if line.strip(" ") and _deep(line) < column:
            break
        lines.append(line)
        ends.append(end)
    if lines and ends[-1] == len(text) and not lines[-1]:
        lines.pop()  # what stands after the last line end is no line
        ends.pop()
    while "+" not in how and lines and not lines[-1][column:] and not lines[-1].strip(" "):
        lines.pop()
        ends.pop()
    if lines and ends[-1] == len(text):
        # Its last line has no line end, so the text has none; every line of a file gets one.
        how = f"{digits}-"
    head = f"{(sign['anchor'] or '').strip()} {sign['sign']}{how}".strip()
    return Literal(head, tuple(lines), column, int(digits) if digits else None), ends[-1]


def relaid(literal: Literal, base: int) -> Iterator[str]:
    """Yield the lines of a text in a block that stands at column `base` now."""
    column = base + (STEP if literal.fixed is None else literal.fixed)
    for line in literal.lines:
        content = line[literal.indent :]
        yield f"{' ' * column}{content}" if content else ""


def _lines(text: str, end: int) -> Iterator[tuple[str, int]]:
    """Yield each line after the one that ends at a place, and where it ends itself."""
    while end < len(text):
        start, end = end + 1, line_end(text, end + 1)
        yield text[start:end], end


def _deep(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _shown_indent(text: str, first: int, owner: int) -> int:
    """Return the column that a text's first line with something on it shows."""
    for line, _ in _lines(text, first):
        if line.strip(" "):
            return max(_deep(line), owner + 1)
    return owner + 1
