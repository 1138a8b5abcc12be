"""What happens to an endpoint over time: spells of good and of every kind of bad weather."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from router.core import errors
from router.core.frozen import dataclass
from router.testing.simulate.chance import chance

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from router.core.errors import CallFailed
    from router.testing.simulate.setting import Upstream

# Regimes that refuse at once: the error, and its HTTP status.
REFUSALS: dict[str, tuple[type[CallFailed], int | None]] = {
    "refused": (errors.ConnectFailed, None),
    "reset": (errors.ConnectionLost, None),
    "500": (errors.ServerError, 500),
    "503": (errors.Overloaded, 503),
    "429": (errors.RateLimited, 429),
    "429 long": (errors.RateLimited, 429),
    "quota": (errors.QuotaExhausted, 429),
    "auth": (errors.Authentication, 401),
    "missing": (errors.ModelNotFound, 404),
    "malformed": (errors.MalformedResponse, 200),
    "context": (errors.ContextLength, 400),
    "filter": (errors.ContentFiltered, 400),
    "invalid": (errors.InvalidRequest, 400),
    "loading": (errors.ModelLoading, 503),
    "conflict": (errors.Conflict, 409),
}
# Regimes that draw another one for each request.
MIXED = {
    "flaky": ("ok", "ok", "500", "reset", "malformed", "garbled"),
    "sick": ("hang", "hang", "mute", "500", "500", "503"),
}
BY_KEY = frozenset({"429", "429 long", "quota", "auth"})
BAD = (
    *("refused", "refused", "reset", "500", "500", "503", "429", "429 long", "quota", "auth", "missing"),
    *(
        "malformed",
        "context",
        "filter",
        "invalid",
        "loading",
        "conflict",
        "hang",
        "hang",
        "mute",
        "slow",
        "slow",
        "slow",
    ),
    *("cut", "stall", "truncated", "empty", "garbled", "flaky", "sick", "sick"),
)


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of time with one kind of weather.

    Attributes:
        until: When it ends, in seconds of the loop.
        regime: What happens: `ok`, `slow`, a word of `REFUSALS`, `hang` (no head), `mute` (a head, then nothing),
            `cut`, `stall`, `truncated` (no end), `empty`, `garbled`; `flaky` and `sick` draw one for each request.
        keys: The credentials it concerns, counted from 0; None means all.
        retry_after: What a refusal asks for, in seconds, or None.
    """

    until: float
    regime: str
    keys: frozenset[int] | None = None
    retry_after: float | None = None


def forecast(upstream: Upstream, horizon: float, dice: random.Random) -> tuple[Spell, ...]:
    """Return an endpoint's weather until the horizon; after it all is well."""
    found: list[Spell] = []
    now = 0.0
    while now < horizon:
        fair = len(found) % 2 == 0
        now += dice.uniform(3, 25) if fair else dice.choice((2.0, 6.0, 20.0, 35.0)) * dice.uniform(0.5, 1.5)
        now = min(now, horizon)
        regime = "ok" if fair else "slow" if upstream.calm else dice.choice(BAD)
        keys = None
        if regime in BY_KEY and len(upstream.keys) > 1 and chance(dice, 0.7):
            keys = frozenset(dice.sample(range(len(upstream.keys)), dice.randint(1, len(upstream.keys) - 1)))
        found.append(Spell(now, regime, keys, _asked(regime, dice)))
    return tuple(found)


def cut_off(weather: Sequence[Spell], since: float, until: float) -> tuple[Spell, ...]:
    """Return a weather in which nothing can be reached for a while."""
    before = [spell for spell in weather if spell.until <= since]
    rest = weather[len(before) :]
    last = replace(rest[0], until=since) if rest else Spell(since, "ok")
    return (*before, last, Spell(until, "refused"), *(spell for spell in rest if spell.until > until))


def at(weather: Sequence[Spell], now: float, key: int) -> Spell:
    """Return the weather of a moment for one credential."""
    for spell in weather:
        if now < spell.until:
            return spell if spell.keys is None or key in spell.keys else Spell(spell.until, "ok")
    return Spell(float("inf"), "ok")


def _asked(regime: str, dice: random.Random) -> float | None:
    if regime == "429 long":
        return 120.0
    if regime in ("429", "503") and chance(dice, 0.6):
        return dice.choice((0.5, 1.0, 2.0, 5.0))
    return None
