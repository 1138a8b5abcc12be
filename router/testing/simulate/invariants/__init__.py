"""What must hold in every simulation: each invariant is a function whose name says it.

It takes a history and yields one sentence for each time it did not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.testing.simulate.invariants import answers, health, hedges, kept, ladder, limits, money, walks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.testing.simulate.history import History

INVARIANTS: tuple[Callable[[History], Iterator[str]], ...] = (
    *answers.INVARIANTS,
    *walks.INVARIANTS,
    *hedges.INVARIANTS,
    *kept.INVARIANTS,
    *money.INVARIANTS,
    *ladder.INVARIANTS,
    *limits.INVARIANTS,
    *health.INVARIANTS,
)
