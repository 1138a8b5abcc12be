"""Regular callers: they have names, ask the same things again, and say how they want to be answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.testing.simulate.chance import chance
from router.testing.simulate.extras import TEAMS

if TYPE_CHECKING:
    import random

    from router.testing.simulate.callers import Ask
    from router.testing.simulate.setting import Setting

USERS = ("ada", "bob", "eve", None)
AT_ONCE = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class _Topic:
    number: int
    size: int
    task: str
    model: str | None
    temperature: float | None
    user: str | None


def named(setting: Setting, asks: list[Ask], dice: random.Random) -> list[Ask]:
    """Return the calls with names, topics and wishes, as far as a setting has anything to do with them."""
    if setting.keeping is None and setting.money is None and setting.ladder is None:
        return asks
    topics = [_topic(number, setting, dice) for number in range(6)]
    again = setting.keeping is not None or (setting.ladder is not None and setting.ladder.stale is not None)
    found: list[Ask] = []
    for ask in asks:
        before = found[-1] if found else None
        if again and before is not None and ask.at - before.at < AT_ONCE and chance(dice, 0.7):
            found.append(_like(ask, before))
            continue
        own = _wishing(ask, setting, dice)
        found.append(_about(own, dice.choice(topics), dice) if again and chance(dice, 0.6) else own)
    return found


def _topic(number: int, setting: Setting, dice: random.Random) -> _Topic:
    model = dice.choice(list(setting.models)) if chance(dice, 0.4) else None
    size, task = dice.choice((40, 40, 400, 3000)), dice.choice(list(setting.chains))
    return _Topic(number, size, task, model, dice.choice((0, 0, 0.0, 0.7, None)), dice.choice(USERS))


def _wishing(ask: Ask, setting: Setting, dice: random.Random) -> Ask:
    said: tuple[str | float, ...] = ("off", "always", "always", 3.0)
    return replace(
        ask,
        user=dice.choice(USERS),
        team=dice.choice(TEAMS) if setting.teams and chance(dice, 0.3) else None,
        temperature=dice.choice((0, 0.7)) if chance(dice, 0.3) else None,
        seed=dice.choice((1, 2)) if chance(dice, 0.1) else None,
        most=dice.choice((16, 200)) if chance(dice, 0.2) else None,
        keep=dice.choice(said) if setting.keeping is not None and chance(dice, 0.2) else None,
        proud=setting.ladder is not None and chance(dice, 0.12),
    )


def _about(ask: Ask, topic: _Topic, dice: random.Random) -> Ask:
    """Return a call about a topic, which nearly always is asked for in the same way."""
    same = chance(dice, 0.8)
    return replace(
        ask,
        topic=topic.number,
        size=topic.size,
        task=topic.task,
        model=topic.model,
        temperature=topic.temperature if chance(dice, 0.9) else 0.7,
        seed=None if same else ask.seed,
        most=None if same else ask.most,
        team=None if same else ask.team,
        user=topic.user if chance(dice, 0.8) else ask.user,
    )


def _like(ask: Ask, before: Ask) -> Ask:
    """Return a call that asks what another one asks at the same time."""
    return replace(
        before,
        number=ask.number,
        at=ask.at,
        live=ask.live,
        deadline=ask.deadline,
        urgency=ask.urgency,
        leaves=ask.leaves,
        jumpy=ask.jumpy,
        pause=ask.pause,
        enough=ask.enough,
        topic=100 + before.number if before.topic is None else before.topic,
    )
