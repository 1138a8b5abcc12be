"""What stands between two values: comments, blank lines, and where the next value begins."""

from __future__ import annotations

from router.layout.nodes import Comment, GapLine


class Gap:
    """The part of a text from one place to the next that is neither space nor comment.

    Attributes:
        beside: The comment on the line where it begins.
        lines: Comments and blank lines of its further lines.
        to: Where what follows begins.
        crossed: Whether that is on another line.
    """

    __slots__ = ("beside", "crossed", "lines", "to")

    def __init__(self, text: str, start: int, *, fresh: bool = False) -> None:
        self.beside: Comment | None = None
        self.lines: list[GapLine] = []
        self.crossed = fresh
        self.to = start
        while True:
            line = self.to
            while text[self.to : self.to + 1] in (" ", "\t"):
                self.to += 1
            char = text[self.to : self.to + 1]
            if char == "#":
                self._comment(text, line)
            elif char == "\n" and self.crossed:
                self.lines.append(GapLine("", 0, self.to))
            elif char != "\n":
                return
            if self.to >= len(text):
                return
            self.crossed = True
            self.to += 1

    @property
    def own(self) -> list[GapLine]:
        """Every comment in it, each on a line of its own."""
        first = [GapLine(self.beside.text, self.beside.column, self.to)] if self.beside else []
        return first + self.lines

    def _comment(self, text: str, line: int) -> None:
        end = line_end(text, self.to)
        shown = _spaced(text[self.to : end].rstrip())
        if self.crossed:
            self.lines.append(GapLine(shown, self.to - line, end))
        else:
            self.beside = Comment(shown, column_of(text, self.to), self.to - line)
        self.to = end


def _spaced(comment: str) -> str:
    return f"# {comment[1:]}" if comment[1:2].isalnum() else comment


def column_of(text: str, at: int) -> int:
    """Return the column of a place, from 0."""
    return at - text.rfind("\n", 0, at) - 1


def line_end(text: str, at: int) -> int:
    """Return where the line of a place ends."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end
