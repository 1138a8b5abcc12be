"""Two programs, and what differs in what holds for the whole file, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.compile.altered import altered, fields_of
from router.compile.places import came_and_went
from router.core.units import show_duration, show_money
from router.core.usage import to_dollars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.compile.program import Program, Route
    from router.core.dimension import Dimension

# What a route may have that differs, and how a line names it.
POLICIES = {
    "policy": "retry or failover",
    "deadline": "deadline",
    "urgency": "urgency",
    "inside": "streaming inside",
    "buffered": "delivery",
    "restart": "interruptions",
    "cache": "cache",
    "no_degrade": "no_degrade",
}


def policies(before: Route, after: Route) -> list[str]:
    """Return the policies that two rules do not share, in words."""
    return [word for name, word in POLICIES.items() if getattr(before, name) != getattr(after, name)]
