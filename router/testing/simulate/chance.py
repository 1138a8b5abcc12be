"""A throw of the dice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


def chance(dice: random.Random, share: float) -> bool:
    """Return true with a probability of `share`."""
    return dice.random() < share
