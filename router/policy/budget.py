"""Budgets: sums that may be spent, by whom and when, and what an attempt may cost beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from router.core.calendar import Period, period_of
from router.core.frozen import dataclass
from router.core.usage import Usage, from_nano, to_nano

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.core.calendar import Per
    from router.core.usage import Price

NEAR = 80  # percent of a budget at which its owner is told
OUTPUT = 1000  # tokens an answer is taken to have where nothing bounds it
HELD = 60.0  # seconds that a machine paid by the hour is taken for where nothing bounds an attempt
Then = Literal["refuse", "warn", "use"]


@dataclass(frozen=True, slots=True)
class Budget:
    """A sum that may be spent.

    Attributes:
        name: Its name.
        limit: The sum in billionths of a dollar.
        per: The time it is for.
        each: `user` or a dimension with a sum of its own for each value; None for one sum.
        then: What happens when it is spent.
        use: The model that answers then, or None.
        zone: Whose hours, days and months count.
    """

    name: str
    limit: int
    per: Per = "day"
    each: str | None = None
    then: Then = "refuse"
    use: str | None = None
    zone: str = "UTC"

    @property
    def in_words(self) -> str:
        """How `explain` tells it: "`team`: $5 a day for each user, then refuse"."""
        span = "in all" if self.per == "total" else f"a {self.per}"
        each = f" for each {self.each}" if self.each is not None else ""
        then = f"`{self.use}` answers" if self.use is not None else self.then
        return f"`{self.name}`: ${from_nano(self.limit).normalize():f} {span}{each}, then {then}"

    def period(self, wall: float) -> Period:
        """Return the period that a moment (seconds since 1970) lies in."""
        return period_of(wall, self.per, self.zone)

    def who(self, user: str | None, dimensions: Mapping[str, object]) -> str:
        """Return whose account of it a call is charged to; `""` for the one of all, and of nobody in particular."""
        if self.each is None:
            return ""
        return str((user if self.each == "user" else dimensions.get(self.each)) or "")


class Account(NamedTuple):
    """One sum of one budget in one period: what is charged.

    Attributes:
        budget: The budget.
        who: Whose, or `""`.
        period: In which period.
        enforced: Whether a charge that does not fit is refused.
    """

    budget: Budget
    who: str
    period: Period
    enforced: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from any other."""
        return self.budget.name, self.who, f"{self.budget.per}:{self.period.key}"

    @property
    def title(self) -> str:
        """How messages call it; whose it is is not told."""
        return f"budget `{self.budget.name}`"


@dataclass(frozen=True, slots=True)
class CostPolicy:
    """What is spent, and what may be.

    Attributes:
        ledger: The file that keeps every attempt, or None.
        budgets: Sums that may be spent.
        allow: Whether attempts go on when the ledger cannot be written.
        zone: Whose hours, days and months count.
    """

    ledger: str | None = None
    budgets: tuple[Budget, ...] = ()
    allow: bool = True
    zone: str = "UTC"

    def accounts(
        self, wall: float, user: str | None, dimensions: Mapping[str, object], spent: frozenset[str]
    ) -> tuple[Account, ...]:
        """Return what an attempt is charged to.

        Args:
            wall: When it begins, in seconds since 1970.
            user: Whose it is.
            dimensions: What the call says of itself.
            spent: Names of budgets whose other model answers: they bound this call no more.
        """
        return tuple(
            Account(
                each,
                each.who(user, dimensions),
                each.period(wall),
                each.then != "warn" and each.name not in spent,
            )
            for each in self.budgets
        )


def reserve(price: Price | None, tokens: int, most: int | None, seconds: float) -> int | None:
    """Return what an attempt may cost, in billionths of a dollar; None when its price is unknown.

    Args:
        price: Its price.
        tokens: Estimated tokens of the prompt.
        most: Tokens of the answer at most, or None when nothing bounds them.
        seconds: How long it may take.
    """
    if price is None:
        return None
    return to_nano(price.cost(Usage(tokens, OUTPUT if most is None else most), seconds))


def crossed(limit: int, before: int, after: int) -> Literal["near", "spent"] | None:
    """Return which mark a sum has passed on its way: all of the limit, or most of it."""
    if before < limit <= after:
        return "spent"
    near = -(-limit * NEAR // 100)
    return "near" if before < near <= after else None
