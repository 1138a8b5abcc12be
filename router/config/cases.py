"""The tests of a file, unfolded: one case for each value of each list, one for each row."""

from __future__ import annotations

from dataclasses import field
from itertools import product
from typing import TYPE_CHECKING

from router.config import problems
from router.config.node import Mapping, Sequence, leaves
from router.config.routing_tests import ARROW
from router.core.frozen import dataclass
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as Values

    from router.config.node import Node
    from router.config.routing_tests import TestFile, TestSettings
    from router.diagnostics.source import Span

MOST_CASES = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its name, and itself."""

    key: Span
    node: Node
    column: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One call and what is expected of it.

    Attributes:
        test: The test's name.
        name: The same, with the values that a list or a row gave it.
        given: The call.
        expect: What is compared.
        script: What each endpoint does, where the call is really made.
        span: Where the test stands: its name, or its row.
        given_at: Where each given value stands.
        expect_at: Where each expectation stands.
        script_at: Where each endpoint of the script stands.
    """

    test: str
    name: str
    given: Values[str, object]
    expect: Values[str, object]
    script: Values[str, tuple[object, ...]] | None
    span: Span
    given_at: Values[str, Place]
    expect_at: Values[str, Place]
    script_at: Values[str, Span] = field(default_factory=dict)

    def places(self) -> Iterator[Span]:
        """Yield every place that it alone is made of."""
        yield from self.script_at.values()
        for place in (*self.given_at.values(), *self.expect_at.values()):
            yield place.key
            yield place.node.span
            yield from (leaf.span for leaf in leaves(place.node))


def unfold(file: TestFile, found: list[problems.Problem]) -> tuple[Case, ...]:
    """Return the cases of a file in order; what cannot be unfolded is left out, and added to what is found."""
    defaults = _Said(file.defaults or {}, _places(file.node.entries.get("defaults")))
    cases: list[Case] = []
    for test in file.tests:
        rows = _rows(test, found) if test.columns else iter((_single(test),))
        for case in (case for row in rows for case in _expanded(test, row, defaults, found)):
            if len(cases) == MOST_CASES:
                found.append(problems.TooLarge(test.node.span, f"unfolds to more than {MOST_CASES:,} tests"))
                return tuple(cases)
            cases.append(case)
    return tuple(cases)


@dataclass(frozen=True, slots=True)
class _Said:
    """Values by name, and where they stand."""

    values: Values[str, object]
    places: Values[str, Place]


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a test before its lists are unfolded; `shown` names what a row gives."""

    given: _Said
    expect: _Said
    span: Span
    shown: tuple[str, ...] = ()


def _single(test: TestSettings) -> _Row:
    given = _Said(test.given or {}, _places(test.node.entries.get("given")))
    expect = _Said(test.expect or {}, _places(test.node.entries.get("expect")))
    return _Row(given, expect, test.span("name"))


def _rows(test: TestSettings, found: list[problems.Problem]) -> Iterator[_Row]:
    rows = getattr(test.node.entries.get("rows"), "items", ())
    heads = getattr(test.node.entries.get("columns"), "items", ())
    if len(heads) != len(test.columns) or not _told_apart(test.columns, heads, found):
        return
    for values, row in zip(test.rows, rows, strict=False):
        if len(values) != len(heads):
            wanted = f"{len(heads)} cells, one for each of `columns`"
            found.append(problems.OutOfRange(row.span, f"a row of {len(values)}", wanted))
            continue
        given, expect = _Said({}, {}), _Said({}, {})
        for column, head, value, cell in zip(test.columns, heads, values, row.items, strict=True):
            expected = column.startswith(ARROW)
            side = expect if expected else given
            name = column.removeprefix(ARROW).strip()
            side.values[name] = value  # type: ignore[index]  # under construction
            side.places[name] = Place(head.span, cell, column=expected)  # type: ignore[index]
        yield _Row(given, expect, row.span, tuple(given.values))


def _told_apart(columns: tuple[str, ...], heads: Iterable[Node], found: list[problems.Problem]) -> bool:
    """Return whether no column stands twice; report the one that does."""
    first: dict[str, Span] = {}
    for column, head in zip(columns, heads, strict=True):
        place = first.setdefault(column, head.span)
        if place != head.span:
            found.append(problems.DuplicateName(head.span, printable(column), place, "column"))
            return False
    return True


def _expanded(
    test: TestSettings, row: _Row, defaults: _Said, found: list[problems.Problem]
) -> Iterator[Case]:
    """Yield a case for each value of each list that is given."""
    given = {**defaults.values, **row.given.values}
    places = {**defaults.places, **row.given.places}
    lists = {name: _items(given[name], places[name]) for name in given if isinstance(given[name], list)}
    empty = [name for name, items in lists.items() if not items]
    found += [
        problems.OutOfRange(places[name].node.span, "an empty list", "at least one value to give")
        for name in empty
    ]
    script = test.node.entries.get("script")
    # What an empty list stands for is nothing: the product has no case.
    for chosen in product(*lists.values()):
        values = dict(zip(lists, chosen, strict=True))
        each = {**given, **{name: value for name, (value, _) in values.items()}}
        shown = [name for name in each if name in row.shown or name in values]
        yield Case(
            test=test.name,
            name=_named(test.name, {name: each[name] for name in shown}),
            given=each,
            expect=row.expect.values,
            script=test.script,
            span=row.span,
            given_at={**places, **{name: place for name, (_, place) in values.items()}},
            expect_at=row.expect.places,
            script_at=script.keys if isinstance(script, Mapping) else {},
        )


def _items(values: object, place: Place) -> list[tuple[object, Place]]:
    """Return each value of a list with its place."""
    nodes = place.node.items if isinstance(place.node, Sequence) else []
    return [
        (value, Place(place.key, node))
        for value, node in zip(values if isinstance(values, list) else (), nodes, strict=True)
    ]


def _named(name: str, shown: Values[str, object]) -> str:
    values = ", ".join(
        f"{each}={str(value).lower() if isinstance(value, bool) else value}" for each, value in shown.items()
    )
    return f"{name} [{values}]" if values else name


def _places(node: Node | None) -> dict[str, Place]:
    if not isinstance(node, Mapping):
        return {}
    return {name: Place(node.keys[name], value) for name, value in node.entries.items()}
