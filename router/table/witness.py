"""A call for each rule: one that it decides, as near to what callers leave unsaid as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.dimension import LEAST
from router.table.index import build
from router.table.regions import samples

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from router.core.dimension import Accepted, Dimension, Value
    from router.table.axis import Cell
    from router.table.graph import Graph, Space
    from router.table.index import Table


def witnesses(
    space: Space,
    graph: Graph,
    dimensions: Mapping[str, Dimension],
    rules: Sequence[Mapping[str, Accepted]],
    wanted: Container[int],
) -> dict[int, dict[str, Value]]:
    """Return what a call says that a rule decides, by the rule's number; a rule that no call reaches has none.

    Args:
        space: The rules laid out.
        graph: What every call meets.
        dimensions: Every dimension by name.
        rules: What each rule accepts, in order.
        wanted: The numbers of the rules that a call is wanted for.
    """
    table = build(dimensions, rules)
    found = {}
    for number, cells in sorted(samples(space, graph).items()):
        if number >= 0 and number in wanted:
            call = {
                axis.dimension.name: _value(axis.cells[cell])
                for axis, cell in zip(space.axes, cells, strict=True)
            }
            found[number] = _said(_nearest(call, number, table, dimensions), rules[number], dimensions)
    return found


def _value(cell: Cell) -> Value:
    """Return a value of a cell: of numbers its lowest, or its highest where it has no lowest."""
    return cell.high if not cell.words and cell.low == LEAST else cell.witness


def _nearest(
    call: Mapping[str, Value], number: int, table: Table, dimensions: Mapping[str, Dimension]
) -> dict[str, Value]:
    """Return a whole call that the same rule decides, with as many defaults as two passes can put in."""
    whole: dict[str, Value] = {}
    for name, dimension in dimensions.items():
        unsaid = dimension.values[0] if dimension.default is None else dimension.default
        whole[name] = call.get(name, unsaid)
    # What the first pass puts in may make room for more.
    for name in (*call, *call):
        default = dimensions[name].default
        if default is not None and table.match({**whole, name: default}) == number:
            whole[name] = default
    return whole


def _said(
    whole: Mapping[str, Value], accepted: Mapping[str, Accepted], dimensions: Mapping[str, Dimension]
) -> dict[str, Value]:
    """Return what must be said of a call, and what its rule asks for."""
    return {
        name: value for name, value in whole.items() if name in accepted or value != dimensions[name].default
    }
