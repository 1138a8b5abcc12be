"""Every check, in the order of the codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks import undefined_model, unknown_key, unused_model
from router.config.node import path_at
from router.diagnostics.diagnostic import in_order

if TYPE_CHECKING:
    from router.checks.base import Check
    from router.config.load import Configuration
    from router.diagnostics.diagnostic import Diagnostic

ALL: tuple[Check, ...] = (
    unknown_key.CHECK,
    undefined_model.CHECK,
    unused_model.CHECK,
)


def run_all(configuration: Configuration) -> list[Diagnostic]:
    """Return every finding of every check, the most important first."""
    found = []
    for check in ALL:
        for finding in check.run(configuration):
            path = path_at(configuration.root, finding.span) if configuration.root is not None else ""
            found.append(finding.diagnostic(check, path))
    return in_order(found)
