"""What some worlds have beside endpoints and rules: kept answers, prices with budgets, an offline ladder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from router.testing.simulate.chance import chance

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from router.testing.simulate.setting import Setting

TEAMS = ("red", "blue")
CENT = 10_000_000  # billionths of a dollar
Rates = tuple[Decimal, Decimal | None, Decimal]
PLAIN: Rates = (Decimal(1), None, Decimal(2))
RATES: tuple[Rates, ...] = (
    *(PLAIN, PLAIN, (Decimal(3), Decimal("0.3"), Decimal(15)), (Decimal("0.0375"), None, Decimal("0.1505"))),
    (Decimal(0), None, Decimal(0)),
)


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


def adorned(setting: Setting, dice: random.Random) -> Setting:
    """Return a setting with some of it; a third of all settings stay as they are."""
    if chance(dice, 0.33):
        return setting
    here = [
        name
        for name, places in setting.models.items()
        if all(setting.upstreams[place.endpoint].local for place in places)
    ]
    return replace(
        setting,
        keeping=_keeping(setting, dice) if chance(dice, 0.55) else None,
        money=_money(setting, here, dice) if chance(dice, 0.5) else None,
        ladder=_ladder(setting, here, dice) if chance(dice, 0.55) else None,
    )


def _keeping(setting: Setting, dice: random.Random) -> Keeping:
    said: tuple[str | float, ...] = ("off", "always", 5.0)
    return Keeping(
        ttl=dice.choice((5.0, 30.0, 3600.0)),
        separate=dice.choice((None, None, ("data",), ("data", "team"))),
        size=4096 if chance(dice, 0.2) else None,
        rules={task: dice.choice(said) for task in setting.chains if chance(dice, 0.15)},
    )


def _money(setting: Setting, here: list[str], dice: random.Random) -> Money:
    sums = []
    for number in range(dice.choice((0, 1, 1, 2, 3))):
        refuses, each = chance(dice, 0.75), dice.choice((None, "user", "user", "team"))
        use = dice.choice(here) if refuses and chance(dice, 0.4) else None
        # What bounds all callers must begin anew before the end, where every call has to be answered.
        per = "hour" if refuses and each != "user" else dice.choice(("hour", "day", "total"))
        limit = dice.choice((CENT // 4, CENT, 2 * CENT) if each == "user" else (CENT, 2 * CENT, 5 * CENT))
        sums.append(Sum(f"b{number}", limit, per, each, refuses, use))
    return Money({name: dice.choice(RATES) for name in setting.models}, tuple(sums))


def _ladder(setting: Setting, here: list[str], dice: random.Random) -> Ladder:
    only = chance(dice, 0.15)
    replies: list[tuple[tuple[str, ...], str]] = []
    if chance(dice, 0.5):
        replies.append((("topic", "weather"), "I know it by heart."))
    if chance(dice, 0.4):
        replies.append(((), "Nobody is here."))
    proud = frozenset(task for task in setting.chains if chance(dice, 0.15))
    return Ladder(
        only=only,
        uses=tuple(dice.sample(here, 1)) if only or chance(dice, 0.5) else (),
        stale=dice.choice((10.0, 60.0, 3600.0)) if chance(dice, 0.5) else None,
        replies=tuple(replies),
        proud=frozenset() if only else proud,
    )


def rule_of(setting: Setting, task: str) -> dict[str, Any]:
    """Return what a task's rule says of kept answers and of the ladder."""
    found: dict[str, Any] = {}
    use = setting.keeping.rules.get(task) if setting.keeping is not None else None
    if use is not None:
        found["cache"] = use if isinstance(use, str) else {"ttl": f"{use:g}s"}
    if setting.ladder is not None and task in setting.ladder.proud:
        found["no_degrade"] = True
    return found


def blocks(setting: Setting) -> dict[str, Any]:
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
