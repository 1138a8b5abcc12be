"""The values by which a file's own dimensions say that a call is private."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.dimension import BUILT_IN, MEASURED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.core.dimension import Dimension, Value

# Whole words: `private-cloud` or `non-sensitive` say something else.
PRIVATE = frozenset({"private", "confidential", "secret", "sensitive", "pii", "internal_only"})
_NOT_ITS_OWN = frozenset(each.name for each in (*BUILT_IN, *MEASURED))


def private_values(dimensions: Mapping[str, Dimension]) -> dict[str, frozenset[Value]]:
    """Return the values of each dimension of the file's own that say so; a dimension without any is left out.

    A boolean dimension says so by its name: `pii: true`.
    """
    found: dict[str, frozenset[Value]] = {}
    for name, dimension in dimensions.items():
        if name in _NOT_ITS_OWN:
            continue
        if dimension.kind == "boolean":
            values: frozenset[Value] = frozenset({True} if says_private(name) else ())
        else:
            values = frozenset(word for word in dimension.values if says_private(word))
        if values:
            found[name] = values
    return found


def says_private(word: str) -> bool:
    """Return whether a word says that what it is about is private."""
    return word.casefold().replace("-", "_").replace(" ", "_") in PRIVATE
