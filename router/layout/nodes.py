"""A text as it is laid out: blocks, their entries, and the comments between them."""

from __future__ import annotations

from dataclasses import field

from router.core.frozen import dataclass

STEP = 2


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at the end of a line.

    Attributes:
        text: From its sign on.
        column: Where its sign stands, from 0.
        gap: How many spaces are before it.
    """

    text: str
    column: int
    gap: int


@dataclass(frozen=True, slots=True)
class GapLine:
    """A line between entries: a comment, or nothing.

    Attributes:
        text: The comment from its sign on; "" for a blank line.
        column: Where the sign stands, from 0.
        end: Where the line ends in the text.
    """

    text: str
    column: int
    end: int


@dataclass(frozen=True, slots=True)
class Inline:
    """A value on one line. `cells` holds the items of a list in brackets."""

    text: str
    cells: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A value in brackets or a text over several lines; it keeps its lines. `base` is its block's column."""

    lines: tuple[str, ...]
    base: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A text under `|` or `>`. `indent` is the column of its lines, `fixed` how far in its sign says they are."""

    head: str
    lines: tuple[str, ...]
    indent: int
    fixed: int | None


@dataclass(slots=True)
class Entry:
    """A key with its value, or an item of a list.

    Attributes:
        lead: Comments and blank lines above it.
        key: The key as written; None for an item.
        value: Its value.
        column: Where the value begins, from 0, if that is on the key's line; else -1.
        beside: The comment on the key's line where the value begins below it.
        inner: Comments between that line and the value.
        after: The comment after the value.
        anchor: The anchor of a block, with its `&`; or "".
    """

    lead: list[GapLine]
    key: str | None
    value: Value = field(default_factory=lambda: Inline(""))
    column: int = -1
    beside: Comment | None = None
    inner: list[GapLine] = field(default_factory=list)
    after: Comment | None = None
    anchor: str = ""


@dataclass(slots=True)
class Block:
    """A mapping, or a list, without brackets.

    Attributes:
        column: Where its entries stand, from 0.
        entries: Its entries.
        tail: Comments under the last entry that are indented like it.
    """

    column: int
    entries: list[Entry] = field(default_factory=list)
    tail: list[GapLine] = field(default_factory=list)


Value = Inline | Verbatim | Literal | Block
