"""Shapes of numbers with a written unit: durations, sizes, money, shares."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from router.config import problems
from router.config.expand import END
from router.config.shapes import Leaf
from router.core import units
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.config.node import Plain, Scalar
    from router.config.shapes import Schema


class Quantity(Leaf):
    """A number with a written unit."""

    def __init__(
        self,
        wants: str,
        parse: Callable[[str], Any],
        pattern: str,
        *,
        mend: Callable[[str], str],
        positive: bool = True,
    ) -> None:
        self.wants = wants
        self._parse = parse
        self._pattern = f"^{'(?=.*[1-9])' if positive else ''}{pattern}{END}"
        self._mend = mend

    @property
    def blank(self) -> Any:
        """One of its base unit."""
        return self._parse(self._mend("1"))

    @cached_property
    def _match(self) -> Callable[[str], object]:
        return re.compile(self._pattern).match

    def read(self, value: Plain) -> Any:
        """Return the quantity in its base unit."""
        return self._parse(value) if isinstance(value, str) and self._match(value) else None

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Tell a missing unit from a wrong one."""
        if isinstance(node.value, bool) or node.value is None:
            return super().refusal(node, owner)
        if self._match(mended := self._mend(node.text)):
            return problems.MissingUnit(node.span, printable(node.text, 24), self.wants, mended)
        text = printable(node.text)
        if not isinstance(node.value, str):
            return problems.OutOfRange(node.span, text, self.wants)
        if (amount := self._parse(node.value)) is not None:
            more = "more than nothing" if amount == 0 else "of at most 9 digits"
            return problems.OutOfRange(node.span, text, f"{self.wants}, {more}")
        return problems.NotAllowed(node.span, text, self.wants)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return self.referable({"type": "string", "pattern": self._pattern})


_DIGITS = r"[0-9]{1,9}(\.[0-9]{1,9})?"


def duration() -> Quantity:
    """Return the shape of a time: `500ms`, `30s`, `5m`, `24h`, in seconds."""
    return Quantity(
        "a duration such as `30s`, `500ms` or `5m`",
        units.parse_duration,
        rf"{_DIGITS}\s?(ms|s|m|h|d)",
        mend=lambda text: f"{text}s",
    )


def size() -> Quantity:
    """Return the shape of a memory size: `8GiB`, in bytes."""
    return Quantity(
        "a size such as `8GiB` or `64MiB`",
        units.parse_size,
        rf"{_DIGITS}\s?({'|'.join(units.BYTES)})",
        mend=lambda text: f"{text}GiB",
    )


def money() -> Quantity:
    """Return the shape of a sum: `$5`, `$0.10`, in dollars."""
    return Quantity(
        "a sum such as `$5` or `$0.10`",
        units.parse_money,
        rf"\${_DIGITS}",
        mend=lambda text: f"${text}",
        positive=False,
    )


def share() -> Quantity:
    """Return the shape of a share: `5%`, from 0 to 1."""
    return Quantity(
        "a share such as `5%`, at most `100%`",
        units.parse_share,
        r"(100(\.0{1,9})?|[0-9]{1,2}(\.[0-9]{1,9})?)\s?%",
        mend=lambda text: f"{text}%",
    )
