"""Budgets kept in memory while recorded calls are replayed: what is held, what is spent, what no longer fits."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.core.calendar import Period
    from router.policy.budget import Budget

MOST = 200_000  # sums; those of periods that are over go first


class Sum:
    """One sum of one budget in one period, in billionths of a dollar; its books alone change it."""

    __slots__ = ("budget", "end", "held", "spent")

    def __init__(self, budget: Budget, end: float) -> None:
        self.budget = budget
        self.end = end
        self.spent = self.held = 0


class Account(NamedTuple):
    """A sum that an attempt is charged to, and whether one that does not fit is refused."""

    sum: Sum
    enforced: bool


class Books:
    """The sums of some budgets, all empty at first.

    What an attempt may cost is held from its beginning to its end, as it is while a router runs: calls that overlap
    leave less for each other. Its changing state is all of it; one replay uses it.

    Args:
        budgets: What may be spent.
    """

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self._budgets = tuple(budgets)
        self._sums: dict[tuple[str, str, float], Sum] = {}
        self._open: list[tuple[float, int, tuple[Account, ...], int, int]] = []
        self._number = 0
        self._periods: dict[tuple[str, str], Period] = {}

    def __bool__(self) -> bool:
        return bool(self._budgets)

    def accounts(
        self, wall: float, user: str | None, dimensions: Mapping[str, object], spent: frozenset[str]
    ) -> tuple[Account, ...]:
        """Return what an attempt is charged to; see `CostPolicy.accounts`."""
        found = []
        for budget in self._budgets:
            period = self._period(budget, wall)
            key = (budget.name, budget.who(user, dimensions), period.start)
            total = self._sums.get(key)
            if total is None:
                if len(self._sums) >= MOST:
                    self._forget(period.start)
                total = self._sums[key] = Sum(budget, period.end)
            found.append(Account(total, budget.then != "warn" and budget.name not in spent))
        return tuple(found)

    def hold(self, accounts: tuple[Account, ...], amount: int, cost: int, end: float) -> None:
        """Hold an amount until an attempt ends, in seconds since 1970, and charge its cost then."""
        for account in accounts:
            account.sum.held += amount
        self._number += 1
        heappush(self._open, (end, self._number, accounts, amount, cost))

    def until(self, wall: float) -> None:
        """Charge every attempt that has ended by this time."""
        while self._open and self._open[0][0] <= wall:
            _, _, accounts, amount, cost = heappop(self._open)
            for account in accounts:
                account.sum.held -= amount
                account.sum.spent += cost

    def _forget(self, now: float) -> None:
        self._sums = {key: each for key, each in self._sums.items() if each.end > now or each.held}

    def _period(self, budget: Budget, wall: float) -> Period:
        key = (budget.per, budget.zone)
        period = self._periods.get(key)
        if period is None or not period.start <= wall < period.end:
            period = self._periods[key] = budget.period(wall)
        return period


def full(accounts: tuple[Account, ...], amount: int) -> Budget | None:
    """Return the first budget that so many billionths of a dollar do not fit in, or None."""
    if amount:
        for found, enforced in accounts:
            if enforced and found.spent + found.held + amount > found.budget.limit:
                return found.budget
    return None
