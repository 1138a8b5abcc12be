"""How much of a table its tests look at, and a test for each rule that none does."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from router.table.graph import TooComplex, lay_out
from router.table.regions import samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.compile.program import Program
    from router.core.dimension import Value
    from router.suite.run import Result
    from router.table.graph import Axis


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


@dataclass(frozen=True, slots=True)
class Coverage:
    """What passing tests look at: rules that decided one of them, and cells of the table that one fell into."""

    rules: Counted
    cells: Counted
    untested: tuple[str, ...]


def coverage(program: Program, results: Iterable[Result]) -> Coverage:
    """Return what the passing ones of some results cover."""
    space = lay_out(program.dimensions, [route.accepted for route in program.routes])
    explained = [
        each.explanation for each in results if each.status == "pass" and each.explanation is not None
    ]
    rules = {each.rule for each in explained}
    cells = {tuple(_cell(axis, each.call) for axis in space.axes) for each in explained}
    names = [route.name for route in program.routes]
    return Coverage(
        Counted(sum(name in rules for name in names), len(names)),
        Counted(len(cells), prod(len(axis.cells) for axis in space.axes)),
        tuple(name for name in names if name not in rules),
    )


def _cell(axis: Axis, call: Mapping[str, Value]) -> int:
    value = call[axis.dimension.name]
    return next(
        number
        for number, cell in enumerate(axis.cells)
        if value in cell.words or (not cell.words and cell.low <= value <= cell.high)  # type: ignore[operator]
    )


def suggestions(program: Program, untested: Iterable[str]) -> list[str]:
    """Return a test in YAML for each rule that no test looks at and some call reaches."""
    space = lay_out(program.dimensions, [route.accepted for route in program.routes])
    try:
        reached = samples(space, space.graph())
    except TooComplex:
        return []
    wanted = set(untested)
    found = []
    for number, route in enumerate(program.routes):
        if route.name not in wanted or number not in reached:
            continue
        given = {
            axis.dimension.name: axis.cells[cell].witness
            for axis, cell in zip(space.axes, reached[number], strict=True)
            if axis.dimension.name in route.accepted or axis.dimension.default != axis.cells[cell].witness
        }
        call = ", ".join(
            f"{name}: {str(value).lower() if isinstance(value, bool) else value}"
            for name, value in given.items()
        )
        found.append(f'  - {{name: "{route.name}", given: {{{call}}}, expect: {{rule: "{route.name}"}}}}')
    return found
