"""The fault simulator: a random world, a random configuration, and what must hold whatever happens.

`simulate(load, seed)` makes a router with `load`, sends calls through it while its endpoints fail in every known
way, on a virtual clock, and returns a report with every invariant that did not hold.
"""

from router.testing.simulate.invariants import INVARIANTS
from router.testing.simulate.run import Parts, Report, Violation, simulate

__all__ = ["INVARIANTS", "Parts", "Report", "Violation", "simulate"]
