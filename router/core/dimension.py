"""What a call says about itself, and what a rule accepts of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value = str | int | bool
LEAST, MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of the table.

    Attributes:
        name: Its name.
        kind: words, integer or boolean.
        values: The words, in the file's order; empty for the other kinds.
        default: What holds when the caller says nothing; None means the caller must say it.
        measured: Whether the router reads it off the call instead of the caller saying it.
    """

    name: str
    kind: Literal["words", "integer", "boolean"]
    values: tuple[str, ...] = ()
    default: Value | None = None
    measured: bool = False

    @property
    def least(self) -> int:
        """The smallest whole number a call may have here."""
        return 0 if self.measured else LEAST

    def accepts(self, value: object) -> bool:
        """Return whether a call may have this value here."""
        if self.kind == "words":
            return value in self.values
        if self.kind == "boolean":
            return isinstance(value, bool)
        return isinstance(value, int) and not isinstance(value, bool) and LEAST <= value <= MOST

    @property
    def legal(self) -> str:
        """The legal values, in words."""
        return {
            "words": ", ".join(self.values),
            "integer": "a whole number",
            "boolean": "true or false",
        }[self.kind]


BUILT_IN = (
    Dimension("task", "words", ("chat", "code", "analysis", "creative"), "chat"),
    Dimension("priority", "words", ("speed", "quality", "cost"), "quality"),
    Dimension("complexity", "words", ("simple", "medium", "complex"), "medium"),
)
MEASURED = (
    Dimension("tokens", "integer", default=0, measured=True),
    Dimension("tools", "boolean", default=False, measured=True),
    Dimension("images", "boolean", default=False, measured=True),
    Dimension("json", "boolean", default=False, measured=True),
    Dimension("stream", "boolean", default=False, measured=True),
)

# Measured ones that a model must be able to take.
NEEDS = ("tools", "images", "json")
# What it must be able to besides, where a call itself asks for it.
ASKED = ("prefill", "reasoning", "seed")
NOTHING_ASKED: frozenset[str] = frozenset()

# What a rule accepts of one dimension: words, booleans, or whole-number ranges with both ends in, in order.
Accepted = frozenset[str] | frozenset[bool] | tuple[tuple[int, int], ...]


def asked_of(params: Mapping[str, object], last_role: str = "user") -> frozenset[str]:
    """Return what a call asks of a model besides what is measured of it.

    Args:
        params: Sampling options that the call itself gives.
        last_role: Who said the last message; an assistant's is the beginning of the answer.
    """
    found = NOTHING_ASKED
    if "seed" in params:
        found |= {"seed"}
    if params.get("reasoning_effort", "none") != "none":
        found |= {"reasoning"}
    if last_role == "assistant":
        found |= {"prefill"}
    return found


def number_ranges(accepted: Accepted) -> tuple[tuple[int, int], ...]:
    """Return the ranges of whole numbers that are accepted.

    Raises:
        TypeError: Words or booleans are accepted.
    """
    if isinstance(accepted, frozenset):
        raise TypeError("words and booleans have no ranges")
    return accepted


def union(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return ranges in order, neither overlapping nor touching; empty ones vanish."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(each for each in ranges if each[0] <= each[1]):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def holds(accepted: Accepted, value: Value) -> bool:
    """Return whether a value is accepted."""
    if isinstance(accepted, frozenset):
        return value in accepted
    return any(low <= value <= high for low, high in accepted if not isinstance(value, str))
