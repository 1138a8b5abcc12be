"""How much of a table its tests look at, and a test for each rule that none does."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from router.config.ready_test import ready_test
from router.core.frozen import dataclass
from router.table.graph import GAP, TooComplex, lay_out
from router.table.regions import winners
from router.table.witness import witnesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.compile.explain import Explanation
    from router.compile.program import Program, Route
    from router.core.dimension import Value
    from router.suite.run import Result
    from router.table.axis import Axis
    from router.table.graph import Graph, Space


@dataclass(frozen=True, slots=True)
class Counted:
    """So many of so many."""

    covered: int
    total: int

    @property
    def percent(self) -> float:
        """The share in percent, with one digit, never rounded up."""
        return 100.0 if self.covered == self.total else int(1000 * self.covered / self.total) / 10

    def as_json(self) -> dict[str, int]:
        """Return it as `--format json` prints it."""
        return {"covered": self.covered, "total": self.total}

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.covered + other.covered, self.total + other.total)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What passing tests look at.

    Attributes:
        rules: Rules that decided one of them, of those that some call reaches.
        outcomes: What may become of a call: models in order with what their rule asks of them, or no rule.
        cells: Cells of the table that one fell into.
        untested: The rules of these that decided no test at all, in order.
    """

    rules: Counted
    outcomes: Counted
    cells: Counted
    untested: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that no test looks at, and a test for it in YAML."""

    rule: str
    test: str


def coverage(program: Program, results: Iterable[Result]) -> Coverage:
    """Return what the passing ones of some results cover, and what none looks at."""
    space, graph = _laid_out(program)
    reached = _reached(program, graph)
    names = [route.name for route in program.routes]
    numbers: dict[str | None, int] = {None: GAP} | {name: number for number, name in enumerate(names)}
    looked_at: set[int] = set()
    decided: set[int] = set()
    cells: set[tuple[int, ...]] = set()
    for result in results:
        explained = _asked(result)
        if explained is not None:
            looked_at.add(numbers[explained.rule])
            if result.status == "pass":
                decided.add(numbers[explained.rule])
                cells.add(tuple(_cell(axis, explained.call) for axis in space.axes))
    rules = reached - {GAP}
    return Coverage(
        Counted(len(decided & rules), len(rules)),
        Counted(len(_outcomes(program, decided & reached)), len(_outcomes(program, reached))),
        Counted(len(cells), prod(len(axis.cells) for axis in space.axes)),
        tuple(names[number] for number in sorted(rules - looked_at)),
    )


def suggestions(program: Program, untested: Iterable[str]) -> list[Suggestion]:
    """Return a test for each rule that no test looks at and some call reaches."""
    space, graph = _laid_out(program)
    if graph is None:
        return []
    names = set(untested)
    wanted = {number for number, route in enumerate(program.routes) if route.name in names}
    rules = [route.accepted for route in program.routes]
    return [
        Suggestion(program.routes[number].name, ready_test(program.routes[number].name, call))
        for number, call in witnesses(space, graph, program.dimensions, rules, wanted).items()
    ]


def _laid_out(program: Program) -> tuple[Space, Graph | None]:
    space = lay_out(program.dimensions, [route.accepted for route in program.routes])
    try:
        return space, space.graph()
    except TooComplex:
        return space, None


def _reached(program: Program, graph: Graph | None) -> set[int]:
    """Return the rules that some call reaches, and the gap if there is one; every rule where it cannot be told."""
    return winners(graph) if graph is not None else set(range(len(program.routes)))


def _asked(result: Result) -> Explanation | None:
    """Return how the table decided the call of a test; a call that names its model did not ask it."""
    return None if result.case.given.get("model") is not None else result.explanation


def _outcomes(program: Program, numbers: Iterable[int]) -> set[object]:
    return {None if number == GAP else _outcome(program.routes[number]) for number in numbers}


def _outcome(route: Route) -> object:
    """Return what becomes of a call, so that two rules can be compared."""
    options = (sorted(route.params.items()), route.extra)
    return repr((route.uses, options, route.policy, route.deadline, route.urgency))


def _cell(axis: Axis, call: Mapping[str, Value]) -> int:
    value = call[axis.dimension.name]
    return next(
        number
        for number, cell in enumerate(axis.cells)
        if value in cell.words or (not cell.words and cell.low <= value <= cell.high)  # type: ignore[operator]
    )
