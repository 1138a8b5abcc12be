"""What a benchmark measured, as a file names it under `speeds`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from router.config.listing import read_listing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router.config.language import Document, ModelSettings

MOST_BYTES = 16 * 2**20


def read_speeds(path: Path) -> dict[tuple[str, str], float]:
    """Return seconds to the first content by model and endpoint, from a file that `router bench --save` wrote.

    Raises:
        ValueError: It cannot be read, or is of another form; the text tells why.
    """
    _, entries = read_listing(path, "places", MOST_BYTES)
    speeds: dict[tuple[str, str], float] = {}
    for number, entry in enumerate(entries, start=1):
        key, seconds = _entry(number, entry)
        if seconds is not None:
            speeds[key] = seconds
    return speeds


def _entry(number: int, entry: object) -> tuple[tuple[str, str], float | None]:
    """Return one place with its seconds; None where it never answered."""
    if not isinstance(entry, dict):
        raise ValueError(f"place {number} is no object")  # noqa: TRY004 - one error for all
    model, endpoint, seconds = (entry.get(name) for name in ("model", "endpoint", "first_seconds"))
    if not isinstance(model, str) or not isinstance(endpoint, str):
        raise ValueError(f"place {number} has no `model` or no `endpoint`")  # noqa: TRY004 - one error for all
    if seconds is None:
        return (model, endpoint), None
    good = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not good or not 0 <= seconds < math.inf:
        raise ValueError(f"`first_seconds` of place {number} is no number of seconds")
    return (model, endpoint), float(seconds)


def speeds_of(document: Document, folder: Path) -> Mapping[tuple[str, str], float] | None:
    """Return what a document's list says; nothing where it names none, None where it cannot be read.

    Args:
        document: The file's keys.
        folder: The file's folder, where the path of its list starts.
    """
    if document.speeds is None:
        return {}
    try:
        return read_speeds(folder / document.speeds)
    except ValueError:
        return None


def useful_speeds(document: Document, folder: Path) -> dict[tuple[str, str], float]:
    """Return those of them that are of places which `balance: fastest` chooses among."""
    found = speeds_of(document, folder) or {}
    return {
        (name, at.name): found[name, at.name]
        for name, model in document.models.items()
        if asks_for_speed(model)
        for at, _ in model.at
        if (name, at.name) in found
    }


def asks_for_speed(model: ModelSettings) -> bool:
    """Whether a model's places are chosen among by how fast they are."""
    return model.balance == "fastest" and len(model.at) > 1
