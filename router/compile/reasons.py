"""Why each rule is or is not the one that decides a call, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.dimension import LEAST, MOST, holds
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.program import Program
    from router.core.dimension import Accepted, Dimension, Value


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule, whether it matches, and why it was or was not taken."""

    name: str
    matched: bool
    because: str


def reasons(program: Program, values: Mapping[str, Value], winner: int | None) -> list[ExplainedRule]:
    """Return every rule with its reason.

    Args:
        program: The compiled configuration.
        values: The call, a value for every dimension.
        winner: The number of the rule that decides, -1 when none matches, None when none was asked.
    """
    found = []
    for number, route in enumerate(program.routes):
        failing = [
            _mismatch(program.dimensions[name], accepted, values[name])
            for name, accepted in route.accepted.items()
            if not holds(accepted, values[name])
        ]
        if failing:
            because = "; ".join(failing)
        elif winner is None:
            because = "not asked: the call names its model"
        elif number == winner:
            because = "the first that matches"
        else:
            because = f"matches too, but `{program.routes[winner].name}` stands before it"
        found.append(ExplainedRule(route.name, not failing, because))
    return found


def _mismatch(dimension: Dimension, accepted: Accepted, value: Value) -> str:
    return f"{dimension.name} is {show_value(value)}, not {show_accepted(dimension, accepted)}"


def show_value(value: Value) -> str:
    """Return a value as the file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def show_accepted(dimension: Dimension, accepted: Accepted) -> str:
    """Return what a rule accepts of a dimension, in words: `code or chat`, `> 8000`."""
    if isinstance(accepted, frozenset):
        legal: tuple[Value, ...] = (*dimension.values, False, True)
        words = [show_value(value) for value in legal if value in accepted]
        return " or ".join(words) or "anything there is"
    return " or ".join(_range(low, high) for low, high in accepted) or "any number there is"


def _range(low: int, high: int) -> str:
    if low == high:
        return str(low)
    if low in (LEAST, 0) and high < MOST:
        return f"<= {high}" if _roundness(high) >= _roundness(high + 1) else f"< {high + 1}"
    if high == MOST:
        return f">= {low}" if _roundness(low) >= _roundness(low - 1) else f"> {low - 1}"
    return f"{low}..{high}"


def _roundness(number: int) -> int:
    """Return how many zeros a number ends with: the rounder bound is the one a person wrote."""
    text = str(number)
    return len(text) - len(text.rstrip("0"))
