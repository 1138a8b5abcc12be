"""How near a call is to another decision: every change of one dimension that changes it, exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from router.core.dimension import MOST, NEEDS, holds, number_ranges
from router.core.frozen import dataclass
from router.table.regions import range_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from router.compile.program import Deployment, Program, Route
    from router.core.dimension import Dimension, Value

    First = Callable[[Route, frozenset[str]], Deployment | None]
    # The number of the rule, -1 for none, and what is tried first.
    _Decided = tuple[int, Deployment | None]


@dataclass(frozen=True, slots=True)
class Boundary:
    """Values of one dimension that would change the rule or the first choice of a call.

    Attributes:
        dimension: The dimension.
        values: The values, as a condition writes them: a word, a list of words, `>= 4001`.
        nearest: The one of them that is nearest to the call's own.
        rule: The rule that would decide, or None when none matches.
        model: The model that would be tried first, or None.
        endpoint: Where, or None.
        distance: How far it is, from 0 to 1: 1 for a word or a boolean, for a number its change against change and number.
    """

    dimension: str
    values: object
    nearest: Value
    rule: str | None
    model: str | None
    endpoint: str | None
    distance: float

    def as_json(self) -> dict[str, object]:
        """Return it as `--format json` prints it."""
        return {
            "dimension": self.dimension,
            "values": self.values,
            "nearest": self.nearest,
            "rule": self.rule,
            "model": self.model,
            "endpoint": self.endpoint,
        }


def boundaries(program: Program, values: Mapping[str, Value], first: First) -> tuple[Boundary, ...]:
    """Return every change of one dimension that changes the rule or the first choice of a call, nearest first.

    Args:
        program: The compiled configuration.
        values: The call, a value for every dimension.
        first: What a route tries first for a call with these needs (tools, images, json).
    """
    search = _Search(program, values, first)
    found = [
        each
        for name, dimension in program.dimensions.items()
        for each in sorted(search.along(dimension), key=lambda each: _change(values[name], each.nearest))
    ]
    return tuple(sorted(found, key=lambda each: each.distance))


class _Search:
    """One call's surroundings. `_known` remembers what a rule gives to a call with some needs."""

    def __init__(self, program: Program, values: Mapping[str, Value], first: First) -> None:
        self._program = program
        self._values = values
        self._first = first
        self._known: dict[tuple[int, frozenset[str]], Deployment | None] = {}
        self._here = self._decided(values)
        self._asking = _asking(program, values)

    def along(self, dimension: Dimension) -> Iterator[Boundary]:
        """Yield what other values of a dimension would change; values that change it alike are told together."""
        asking = self._asking.get(dimension.name, [])
        if dimension.kind == "integer":
            yield from self._numbers(dimension, asking)
        elif asking or dimension.name in NEEDS:
            groups: dict[_Decided, list[Value]] = {}
            for value in dimension.values or (False, True):
                groups.setdefault(self._with(dimension, value), []).append(value)
            groups.pop(self._here, None)
            for decided, words in groups.items():
                written = words[0] if len(words) == 1 else words
                yield self._boundary(dimension, written, words[0], decided)

    def _numbers(self, dimension: Dimension, asking: Sequence[Route]) -> Iterator[Boundary]:
        least = dimension.least
        bounds = {
            bound
            for route in asking
            for low, high in number_ranges(route.accepted[dimension.name])
            for bound in (low, high + 1)
        }
        starts = sorted({least, *(bound for bound in bounds if least < bound <= MOST)})
        decisions = [(start, self._with(dimension, start)) for start in starts]
        alike = [decisions[0]]
        alike += [later for earlier, later in pairwise(decisions) if earlier[1] != later[1]]
        ends = [start - 1 for start, _ in alike[1:]] + [MOST]
        value = int(self._values[dimension.name])
        for (low, decided), high in zip(alike, ends, strict=True):
            if decided != self._here:
                nearest = low if low > value else high
                yield self._boundary(dimension, range_text(low, high, least), nearest, decided)

    def _with(self, dimension: Dimension, value: Value) -> _Decided:
        return self._decided({**self._values, dimension.name: value})

    def _decided(self, values: Mapping[str, Value]) -> _Decided:
        number = self._program.table.match(values)
        key = (number, frozenset(name for name in NEEDS if values[name]))
        if key not in self._known:
            self._known[key] = self._first(self._program.routes[number], key[1]) if number >= 0 else None
        return number, self._known[key]

    def _boundary(self, dimension: Dimension, values: object, nearest: Value, decided: _Decided) -> Boundary:
        number, first = decided
        return Boundary(
            dimension=dimension.name,
            values=values,
            nearest=nearest,
            rule=self._program.routes[number].name if number >= 0 else None,
            model=first.model if first else None,
            endpoint=first.endpoint.name if first else None,
            distance=_distance(self._values[dimension.name], nearest),
        )


def _change(here: Value, there: Value) -> int:
    return abs(there - here) if isinstance(here, int) and isinstance(there, int) else 0


def _distance(here: Value, there: Value) -> float:
    if isinstance(here, bool) or not isinstance(here, int):
        return 1.0
    change = _change(here, there)
    return change / (change + abs(here))


def _asking(program: Program, values: Mapping[str, Value]) -> dict[str, list[Route]]:
    """Return for each dimension the rules that ask for it and for nothing else that the call does not meet."""
    found: dict[str, list[Route]] = {}
    for route in program.routes:
        failing = [name for name, accepted in route.accepted.items() if not holds(accepted, values[name])]
        if len(failing) <= 1:
            for name in failing or route.accepted:
                found.setdefault(name, []).append(route)
    return found
