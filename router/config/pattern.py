"""The language: patterns in the syntax of RE2, looked at by google-re2 where it is installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.node import Mapping, Scalar
from router.config.record import Fields
from router.config.shapes import Text
from router.diagnostics.source import Span, printable

if TYPE_CHECKING:
    from router.config.expand import Decoding
    from router.config.node import Node
    from router.config.record import Record

INSTALL = "pip install 'pantheon-router[regex]'"
LONGEST = 512
_GROUP = re.compile(r"\\(\d)")


class RegexFields(Fields):
    """The shape of `{pattern, replace}`: the pattern is compiled, its groups are counted."""

    def __init__(self, cls: type[Record], what: str) -> None:
        super().__init__(cls, what)

    def decode(self, node: Node, to: Decoding, owner: str) -> Any:
        """Return the record; report a pattern that is none."""
        found = super().decode(node, to, owner)
        pattern = node.entries.get("pattern") if isinstance(node, Mapping) else None
        if found.pattern and isinstance(pattern, Scalar):
            groups = _groups(found.pattern, pattern, to)
            replace = node.entries.get("replace") if isinstance(node, Mapping) else None
            numbers = [int(each) for each in _GROUP.findall(found.replace)]
            if groups is not None and replace is not None and numbers and max(numbers) > groups:
                why = f"names group {max(numbers)}, and the pattern has {groups}"
                to.add(problems.BadPattern(replace.span, printable(found.replace, 40), why))
        return found


def pattern_text() -> Text:
    """Return the shape of a pattern."""
    return Text("a pattern", most=LONGEST)


def _groups(pattern: str, node: Scalar, to: Decoding) -> int | None:
    """Return how many groups a pattern has; report one that cannot be used."""
    try:
        import re2  # noqa: PLC0415 - an extra, and few files have patterns
    except ImportError:
        to.add(problems.BadPattern(node.span, printable(pattern, 40), INSTALL, missing=True))
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return int(re2.compile(pattern, options).groups)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        what, _, part = why.partition(": ")
        text = f"{what}: `{printable(part, 40)}`" if part else what
        to.add(problems.BadPattern(_place(node.span, part, to), printable(pattern, 40), text))
        return None


def _place(span: Span, part: str, to: Decoding) -> Span:
    """Return where a part of a pattern stands, if that can be told; else where the pattern does."""
    source = to.others.get(span.file, to.source)
    if not part or span.line != span.end_line or not 1 <= span.line <= len(source.lines):
        return span
    at = source.lines[span.line - 1].find(part, span.column - 1, span.end_column - 1)
    if at < 0:
        return span
    return Span(span.file, span.line, at + 1, span.line, at + 1 + len(part))
