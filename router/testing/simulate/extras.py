"""What some worlds have beside endpoints and rules: kept answers, prices with budgets, an offline ladder."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

TEAMS = ("red", "blue")
Rates = tuple[Decimal, Decimal | None, Decimal]
PLAIN: Rates = (Decimal(1), None, Decimal(2))


@dataclass(frozen=True, slots=True)
class Keeping:
    """Which answers are kept.

    Attributes:
        ttl: Seconds an answer stays good.
        separate: Dimensions that keep answers apart, as the file says; None leaves it to the default, which is all.
        size: Bytes to keep, or None for plenty.
        rules: What rules say of kept answers, by task: `off`, `always` or seconds.
    """

    ttl: float
    separate: tuple[str, ...] | None = None
    size: int | None = None
    rules: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def apart(self) -> tuple[str, ...]:
        """The dimensions that keep answers apart."""
        return ("data", "team") if self.separate is None else self.separate


@dataclass(frozen=True, slots=True)
class Sum:
    """A budget.

    Attributes:
        name: Its name.
        limit: Billionths of a dollar.
        per: The time it is for.
        each: `user`, `team`, or None for one sum of all.
        refuses: Whether it refuses what does not fit.
        use: The model that answers then, or None.
    """

    name: str
    limit: int
    per: str
    each: str | None
    refuses: bool
    use: str | None


@dataclass(frozen=True, slots=True)
class Money:
    """Prices by model, in dollars per million tokens (input, cached input, output), and budgets."""

    rates: Mapping[str, Rates]
    sums: tuple[Sum, ...]

    @property
    def bounds(self) -> bool:
        """Whether any budget refuses anything."""
        return any(each.refuses for each in self.sums)

    @property
    def others(self) -> tuple[str, ...]:
        """The models that answer where a budget is spent."""
        return tuple(each.use for each in self.sums if each.use is not None)


@dataclass(frozen=True, slots=True)
class Ladder:
    """What answers when nobody does.

    Attributes:
        only: Whether remote endpoints are never contacted.
        uses: Further models.
        stale: How old a kept answer may be, in seconds, or None.
        replies: The words that canned replies are for (none fits all), and what they say.
        proud: Tasks whose rules refuse the ladder.
    """

    only: bool = False
    uses: tuple[str, ...] = ()
    stale: float | None = None
    replies: tuple[tuple[tuple[str, ...], str], ...] = ()
    proud: frozenset[str] = frozenset()


class Adorned(Protocol):
    """A setting, as far as this goes: see `router.testing.simulate.setting.Setting`."""

    @property
    def keeping(self) -> Keeping | None:
        """Which answers are kept, if any."""
        ...

    @property
    def money(self) -> Money | None:
        """Prices and budgets, if there are any."""
        ...

    @property
    def ladder(self) -> Ladder | None:
        """What answers when nobody does, if anything."""
        ...


def rule_of(setting: Adorned, task: str) -> dict[str, Any]:
    """Return what a task's rule says of kept answers and of the ladder."""
    found: dict[str, Any] = {}
    use = setting.keeping.rules.get(task) if setting.keeping is not None else None
    if use is not None:
        found["cache"] = use if isinstance(use, str) else {"ttl": f"{use:g}s"}
    if setting.ladder is not None and task in setting.ladder.proud:
        found["no_degrade"] = True
    return found


def blocks(setting: Adorned) -> dict[str, Any]:
    """Return the blocks of the file that declare it."""
    found: dict[str, Any] = {}
    keeping, money, ladder = setting.keeping, setting.money, setting.ladder
    if keeping is not None:
        found["cache"] = {"ttl": f"{keeping.ttl:g}s"}
        if keeping.separate is not None:
            found["cache"]["separate"] = list(keeping.separate)
        if keeping.size is not None:
            found["cache"]["size"] = f"{keeping.size // 1024}KiB"
    if money is not None and money.sums:
        found["costs"] = {"budgets": [_sum(each) for each in money.sums]}
    if ladder is not None:
        offline: dict[str, Any] = {"mode": "only" if ladder.only else "auto", "use": list(ladder.uses)}
        if ladder.stale is not None:
            offline["stale_cache"] = f"{ladder.stale:g}s"
        offline["replies"] = [
            {"contains": list(words), "say": say} if words else {"say": say} for words, say in ladder.replies
        ]
        found["offline"] = {key: value for key, value in offline.items() if value}
    return found


def _sum(each: Sum) -> dict[str, Any]:
    then: object = {"use": each.use} if each.use is not None else "refuse" if each.refuses else "warn"
    found = {"name": each.name, "limit": f"${each.limit / 1e9:g}", "per": each.per, "then": then}
    return found if each.each is None else {**found, "each": each.each}


def price_of(rates: Rates) -> Any:
    """Return a price as a file writes it."""
    given, cached, made = rates
    if not (given or made):
        return "free"
    found = {"input": f"${given}", "output": f"${made}"}
    return found if cached is None else {**found, "cached_input": f"${cached}"}
