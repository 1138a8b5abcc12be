"""The language: what bounds the options that a model is asked with, whoever asks."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from router.config import problems
from router.config.expand import END
from router.config.record import Fields, Record, key, record
from router.config.shapes import Leaf
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.config.node import Plain, Scalar
    from router.config.shapes import Schema

Bounds = tuple[float | None, float | None]


class RangeText(Leaf):
    """A range: `"<= 4096"`, `">= 0.1"` or `"0.1..1"`, both ends in."""

    def __init__(self, most: float, *examples: str, whole: bool = False) -> None:
        number = "[0-9]{1,8}" if whole else r"[0-9]{1,8}(?:\.[0-9]{1,6})?"
        self._pattern = rf"^(?:(?:<=|>=) ?{number}|{number}\.\.{number}){END}"
        self._most = most
        self._whole = whole
        shown = " or ".join(f'`"{each}"`' for each in examples)
        self.wants = f"a range such as {shown}, up to {most:,}"

    @cached_property
    def _match(self) -> Callable[[str], object]:
        return re.compile(self._pattern).match

    def read(self, value: Plain) -> Bounds | None:
        """Return both ends; None where it is open."""
        if not isinstance(value, str) or not self._match(value):
            return None
        low, mark, high = value.partition("..")
        if mark:
            found = (self._number(low), self._number(high))
            return found if found[0] <= found[1] <= self._most else None
        bound = self._number(value[2:])
        if bound > self._most:
            return None
        return (None, bound) if value.startswith("<=") else (bound, None)

    def _number(self, text: str) -> float:
        return int(text) if self._whole else float(text)

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Tell a range out of bounds from another form."""
        if isinstance(node.value, str):
            if self._match(node.value):
                return problems.OutOfRange(node.span, printable(node.text), self.wants)
            return problems.NotAllowed(node.span, printable(node.text), self.wants)
        return super().refusal(node, owner)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return self.referable({"type": "string", "pattern": self._pattern})


@record
class ClampSettings(Record):
    """Bounds of options: a value outside is moved to the nearest end, and the answer says so."""

    temperature: Bounds | None = key(
        RangeText(2, "<= 0.8", "0.1..1"), "Bounds of `temperature`.", default=None
    )
    top_p: Bounds | None = key(RangeText(1, "<= 0.9", "0.1..1"), "Bounds of `top_p`.", default=None)
    max_tokens: Bounds | None = key(
        RangeText(10_000_000, "<= 4096", "256..4096", whole=True), "Bounds of `max_tokens`.", default=None
    )

    def bounded(self, name: str, value: float) -> float:
        """Return the value of an option, or the end of its bounds that is nearest to it."""
        bounds: Bounds | None = getattr(self, name, None)
        low, high = bounds or (None, None)
        if low is not None and value < low:
            return low
        return high if high is not None and value > high else value

    def longest(self, max_tokens: int) -> int:
        """Return how many tokens an answer has at most where so many are asked for."""
        most = self.max_tokens[1] if self.max_tokens is not None else None
        return max_tokens if most is None else min(max_tokens, int(most))

    def given(self) -> dict[str, Bounds]:
        """Return the bounds that are written, by option."""
        found = {name: getattr(self, name) for name in CLAMP.keys}
        return {name: each for name, each in found.items() if each is not None}


CLAMP = Fields(ClampSettings, "clamp")
