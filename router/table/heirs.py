"""Who would decide a rule's calls without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.table.cover import box, earlier, overlapping
from router.table.graph import TooComplex
from router.table.part import part

if TYPE_CHECKING:
    from router.table.graph import Space
    from router.table.part import Part

# So many steps of one search, each a mask of rules on one axis.
STEPS = 20_000


def heirs(space: Space, rule: int, later: int, alike: int) -> list[int]:
    """Return the later rules that decide a rule's calls when it is taken away, in order.

    Args:
        space: The table.
        rule: The rule; some call reaches it.
        later: The mask of the rules behind it that are looked at.
        alike: The mask of the rules that do the same with a call as it does.

    Returns:
        Nothing where one of these calls would find no rule, or one that does something else.

    Raises:
        TooComplex: It cannot be told within the budget.
    """
    near = overlapping(space, rule)
    rules = near & (earlier(space, rule) | space.bit(rule) | later)
    about = part(space.axes, space.sizes, rules, box(space, rule))
    search = _Search(about, rule, frozenset(space.numbers(alike & later & near)))
    return sorted(search.found) if search.all_alike(0, about.start) else []


class _Search:
    """Looks for a call of the rule that would be decided otherwise; what it has seen is its state."""

    def __init__(self, about: Part, rule: int, alike: frozenset[int]) -> None:
        self._part = about
        self._below = len(about.numbers) - 1 - about.numbers.index(rule)
        self._alike = alike
        self._seen: list[set[int]] = [set() for _ in about.sides]
        self._steps = 0
        self.found: set[int] = set()

    def all_alike(self, number: int, mask: int) -> bool:
        """Return whether there is none among the calls that a mask of rules is left for, axes from a number on."""
        certain = mask & self._part.certain[number]
        if certain >> (self._below + 1):
            return True  # an earlier rule takes them all
        later = mask & ((1 << self._below) - 1)
        sure = (certain & later).bit_length()
        later = later >> (sure - 1) << (sure - 1) if sure else later
        if not mask >> (self._below + 1) and sure == later.bit_length():
            return self._take(later)
        mask = mask >> self._below << self._below | later
        if mask in self._seen[number]:
            return True
        self._seen[number].add(mask)
        self._steps += 1
        if self._steps > STEPS:
            raise TooComplex
        return all(
            self.all_alike(number + 1, left)
            for left in {mask & cell for cell in self._part.sides[number].masks}
        )

    def _take(self, later: int) -> bool:
        """Take note of the heir of some calls; return whether it does the same."""
        if not later:
            return False
        heir = self._part.numbers[-later.bit_length()]
        self.found.add(heir)
        return heir in self._alike
