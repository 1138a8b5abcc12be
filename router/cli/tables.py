"""Columns of text, and how commands that ask endpoints read their file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from router.cli.common import configuration, ended_by_findings
from router.compile.compiler import OFFLINE
from router.core.errors import ConfigError
from router.diagnostics.source import printable
from router.runtime.inspection import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from router.runtime.inspection import Prepared

KIB = 1024
WIDEST = 48


def prepared(config: Path | None, form: str, *, offline: bool = False) -> Prepared:
    """Return the file to use, read with the variables that are set; end the program where it has errors."""
    env = {**os.environ, OFFLINE: "1"} if offline else os.environ
    try:
        return prepare(configuration(config), env)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under their heads, each column as wide as its widest cell; columns that are empty are left out."""
    shown = [[printable(cell, WIDEST) for cell in row] for row in rows]
    columns = [number for number in range(len(heads)) if any(row[number] for row in shown)]
    widths = {number: max(len(heads[number]), *(len(row[number]) for row in shown)) for number in columns}
    lines = [
        [heads[number] for number in columns],
        *([row[number] or "-" for number in columns] for row in shown),
    ]
    padded = (
        "  ".join(cell.ljust(widths[number]) for cell, number in zip(line, columns, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)


def size_words(count: int | None) -> str:
    """Return bytes for a person: `1.9 GiB`; "" where they are unknown."""
    if count is None:
        return ""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < KIB:
            return f"{amount:.3g} {unit}" if amount % 1 else f"{amount:.0f} {unit}"
        amount /= KIB
    return f"{amount:,.1f} GiB"
