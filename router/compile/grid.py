"""A decision table laid out in rows and columns: plain values, and how they are printed as JSON."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from router.core.form import FORMAT_VERSION
from router.core.frozen import dataclass
from router.policy.split import Split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Edge:
    """A dimension along one side of the grid, with its headings as a rule would write them."""

    dimension: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What calls of a cell meet.

    Attributes:
        rule: The rule that decides, or None where none matches.
        at: Where it stands.
        uses: Its models and splits, in failover order, as written: a call's needs may skip some.
        temperature: What its first model is sent; None when that is left to the endpoint.
        when: Which calls of the cell, each condition as a rule would write it; empty for all of them.
    """

    rule: str | None
    at: str | None
    uses: tuple[str | Split, ...]
    temperature: object
    when: tuple[Mapping[str, object], ...] = ()

    @property
    def first(self) -> str | None:
        """The model tried first; of a split its largest share."""
        use = self.uses[0] if self.uses else None
        return use.largest if isinstance(use, Split) else use

    @property
    def models(self) -> tuple[str, ...]:
        """The chain in words, splits with their shares."""
        return tuple((use if isinstance(use, str) else use.in_words) for use in self.uses)

    @property
    def split(self) -> dict[str, int] | None:
        """The weights of the first choice, where it is drawn."""
        return dict(self.uses[0].shares) if self.uses and isinstance(self.uses[0], Split) else None


@dataclass(frozen=True, slots=True)
class GridCell:
    """One cell: its conditions, and what its calls meet; several outcomes where other dimensions decide."""

    call: Mapping[str, object]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The decision table of a configuration.

    Attributes:
        file: The configuration's file.
        name: What it is called, if it is.
        rules: How many rules it has.
        rows: The dimensions down the side, the outer one first; none gives a single row.
        columns: The dimensions across the top.
        cells: Row by row.
    """

    file: str
    name: str | None
    rules: int
    rows: tuple[Edge, ...]
    columns: tuple[Edge, ...]
    cells: tuple[tuple[GridCell, ...], ...]

    @property
    def gaps(self) -> int:
        """How many cells have calls that no rule matches."""
        return sum(any(each.rule is None for each in cell.outcomes) for row in self.cells for cell in row)

    def as_json(self) -> dict[str, object]:
        """Return the object that `--format json` prints: a cell with several outcomes gives one entry for each."""
        return {
            "format_version": FORMAT_VERSION,
            "file": self.file,
            "name": self.name,
            "rules": self.rules,
            "gaps": self.gaps,
            "dimensions": {
                "rows": [edge.dimension for edge in self.rows],
                "columns": [edge.dimension for edge in self.columns],
            },
            "rows": headings(self.rows),
            "columns": headings(self.columns),
            "cells": [
                {"row": row, "column": column, **entry}
                for row, line in enumerate(self.cells)
                for column, cell in enumerate(line)
                for entry in _entries(cell)
            ],
        }


def headings(edges: Sequence[Edge]) -> list[dict[str, object]]:
    """Return the conditions of every row, or of every column, in order."""
    names = [edge.dimension for edge in edges]
    return [dict(zip(names, values, strict=True)) for values in product(*(edge.values for edge in edges))]


def _entries(cell: GridCell) -> Iterator[dict[str, object]]:
    for outcome in cell.outcomes:
        for when in outcome.when or ({},):
            yield {
                "call": {**cell.call, **when},
                "rule": outcome.rule,
                "first": outcome.first,
                "models": list(outcome.models),
                "split": outcome.split,
                "temperature": outcome.temperature,
                "gap": outcome.rule is None,
            }
