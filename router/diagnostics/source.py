"""Where in which file."""

from __future__ import annotations

import re
from typing import NamedTuple

LOOKS_SECRET = re.compile(
    r"(?<![A-Za-z])(?:(?:sk|pk|rk|gsk|xai|ghp|hf)[-_][A-Za-z0-9_\-]{8,}|Bearer\s+[A-Za-z0-9._\-]{8,})"
    r"|(?<=://)[^\s/@:\"']+:[^\s/@\"']+(?=@)"  # the credentials in an address
    r"|(?<=[?&])(?i:(?:[a-z]+[_-]?)?(?:key|token|secret|password))=[^\s&#\"'*]+"
)
MASK = "***"

# Only the characters YAML counts as line ends: `splitlines` would split at more and shift every place.
_LINE_END = re.compile(r"\r\n|\n|\r|\u0085|\u2028|\u2029")


class Span(NamedTuple):
    """A range of a file; lines and columns count from 1, the end column is the first one outside."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Source:
    """A file's name and text. `secrets` holds the spans whose text must never be shown."""

    __slots__ = ("_by_line", "_shown", "_starts", "lines", "name", "secrets", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.lines = _LINE_END.split(text)
        self.secrets: list[Span] = []
        # Lines as they may be shown, by number and by how many secrets were known then: a long line is dear.
        self._by_line: tuple[int, dict[int, list[Span]]] = (0, {})
        self._shown: dict[tuple[int, int], str] = {}
        # Where each line begins in the text, once somebody asks.
        self._starts: list[int] = []

    def offset(self, line: int, column: int) -> int:
        """Return where a place is in the text, counted in characters from 0."""
        if not self._starts:
            self._starts = [0, *(end.end() for end in _LINE_END.finditer(self.text))]
        return self._starts[min(line, len(self._starts)) - 1] + column - 1

    def line(self, number: int) -> str:
        """Return one line as it may be shown: secrets masked at their width, control characters escaped."""
        if not 1 <= number <= len(self.lines):
            return ""
        known = (number, len(self.secrets))
        if known not in self._shown:
            self._shown[known] = self._line(number)
        return self._shown[known]

    def _line(self, number: int) -> str:
        text = self.lines[number - 1]
        for span in self._secrets_on(number):
            start = span.column - 1 if number == span.line else 0
            end = min(span.end_column - 1 if number == span.end_line else len(text), len(text))
            text = text[:start] + "*" * (end - start) + text[end:]
        text = LOOKS_SECRET.sub(lambda found: "*" * len(found[0]), text)
        return "".join(char if char.isprintable() else ("\t" if char == "\t" else "�") for char in text)

    def _secrets_on(self, number: int) -> list[Span]:
        known, by_line = self._by_line
        if known != len(self.secrets):
            by_line = {}
            for span in dict.fromkeys(self.secrets):
                for line in range(span.line, span.end_line + 1):
                    by_line.setdefault(line, []).append(span)
            self._by_line = (len(self.secrets), by_line)
        return by_line.get(number, [])


def masked(text: str) -> str:
    """Return a text with what looks like a secret masked, and with no lone surrogate: it can be written out."""
    return LOOKS_SECRET.sub(MASK, text.encode("utf-8", "backslashreplace").decode())


def printable(text: object, limit: int = 80) -> str:
    """Return a value from a file as a message may show it: one line, escaped, masked, not too long."""
    shown = str(text)
    if not shown.isprintable():
        shown = "".join(
            char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
            for char in shown
        )
    shown = LOOKS_SECRET.sub(MASK, shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
