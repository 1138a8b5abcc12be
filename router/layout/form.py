"""A text in the house form; what would change its meaning is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml import tokens

from router.config.node import plain
from router.config.yaml import read
from router.diagnostics.source import Source
from router.layout.gaps import line_end
from router.layout.order import in_order
from router.layout.printing import printed
from router.layout.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\n]*", re.MULTILINE)


class MeaningChangedError(Exception):
    """The house form of a text would mean something else, or lack a comment: a defect, and nothing is written."""


def formatted(text: str, keys: Sequence[str]) -> str:
    """Return a sound text in the house form.

    Args:
        text: It has no finding of syntax; lines may end in any way, and all will end as its first one does.
        keys: The keys of the document, in their order.

    Raises:
        MeaningChangedError: The values or the comments of the result are not those of the text.
    """
    end = "\r\n" if "\r\n" in text[: line_end(text, 0) + 1] else "\n"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reader = Reader(text)
    root = reader.root()
    if root is None:
        return text.strip("\n").rstrip().replace("\n", end) + end
    if not reader.aliases:
        in_order(root, keys)
    parts = [*_bare(reader.head), *printed(root), *_bare(reader.rest.rstrip())]
    result = "\n".join(parts) + "\n"
    _same(text, result)
    return result.replace("\n", end)


def _bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")] if text else []


def _same(before: str, after: str) -> None:
    if _values(before) != _values(after):
        raise MeaningChangedError("its values would change")
    if comments(before) != comments(after):
        raise MeaningChangedError("its comments would change")


def _values(text: str) -> Any:
    """Return what a text says, types told apart; None where it cannot be read."""
    root, problems = read(Source("", text))
    return (
        None
        if root is None
        else (repr(_sorted(plain(root))), sorted(type(each).__name__ for each in problems))
    )


def _sorted(value: Any) -> Any:
    """Return the value with the keys of the document in one order; below it, their order may mean something."""
    return sorted(value.items()) if isinstance(value, dict) else value


def comments(text: str) -> list[str]:
    """Return the comments of a text, without their signs, in one order: they move with their keys."""
    found = []
    position = 0
    for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(token, tokens.ScalarToken):
            start, end = _covered(token, text)
            found += _COMMENT.findall(text, position, start)
            position = max(end, position)
    found += _COMMENT.findall(text, position)
    return sorted(each.lstrip("#").strip() for each in found)


def _covered(token: Any, text: str) -> tuple[int, int]:
    """Return where a value's text begins and ends; a sign's line may hold a comment."""
    start, end = token.start_mark.index, token.end_mark.index
    if token.style in ("|", ">"):
        start = min(line_end(text, start), end)
    return start, end
