"""Doubles, a virtual clock and the contract of providers, for tests of this package and of others."""

from router.testing.resident import ScriptedResident
from router.testing.scripted import ScriptedProvider
from router.testing.virtual import LostWakeup, VirtualLoop, run_virtual

__all__ = ["LostWakeup", "ScriptedProvider", "ScriptedResident", "VirtualLoop", "run_virtual"]
