"""Some of the worlds get more than endpoints and rules: kept answers, prices with budgets, an offline ladder."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from router.testing.simulate.chance import chance
from router.testing.simulate.extras import PLAIN, Keeping, Ladder, Money, Sum

if TYPE_CHECKING:
    import random

    from router.testing.simulate.extras import Rates
    from router.testing.simulate.setting import Setting

CENT = 10_000_000  # billionths of a dollar
RATES: tuple[Rates, ...] = (
    *(PLAIN, PLAIN, (Decimal(3), Decimal("0.3"), Decimal(15)), (Decimal("0.0375"), None, Decimal("0.1505"))),
    (Decimal(0), None, Decimal(0)),
)


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
