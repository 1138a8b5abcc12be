"""Values that stand for a variable nobody has set yet: what is decoded in their place is a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.expand import is_reference
from router.config.node import leaves

if TYPE_CHECKING:
    from router.config.load import Configuration
    from router.config.record import Record


def guessed(configuration: Configuration, record: Record, *names: str) -> bool:
    """Return whether a value under one of these keys of a record is not known in this run."""
    nodes = (record.node.entries[name] for name in names if record.has(name))
    asked = {leaf.span for node in nodes for leaf in leaves(node) if is_reference(leaf)}
    return bool(asked) and any(
        variable.default is None and variable.span in asked for variable in configuration.variables
    )
