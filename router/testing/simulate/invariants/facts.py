"""What follows from a configuration and its weather, without asking the router."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN
from typing import TYPE_CHECKING

from router.testing.simulate.history import EXACT

if TYPE_CHECKING:
    from collections.abc import Hashable

    from router.core.usage import Usage
    from router.testing.simulate.callers import Ask, Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.setting import Setting


OTHER_MODEL, STALE, CANNED = "offline model ", "stale cache", "canned reply"


def always_open(setting: Setting, name: str, *, healthy: bool = False) -> bool:
    """Whether nothing ever keeps the router from sending to an endpoint that has a free place.

    Args:
        setting: The configuration.
        name: The endpoint.
        healthy: Whether it must be so because it never fails.
    """
    upstream = setting.upstreams[name]
    if upstream.requests is not None or upstream.tokens is not None:
        return False
    if (setting.ladder is not None and not upstream.local) or (
        setting.money is not None and setting.money.bounds
    ):
        return False
    unguarded = setting.breaker is None and len(upstream.keys) < 2 and not healthy  # noqa: PLR2004
    return upstream.calm or unguarded


def waits(history: History, name: str) -> list[tuple[float, float, Seen]]:
    """Return from when to when calls waited for a place at an endpoint, as far as that is certain.

    These are calls that could go nowhere else, before their first request.
    """
    found = []
    for seen in history.seen:
        if wanders(history.setting, seen.ask) or waits_for_others(history.setting, seen.ask):
            continue
        if {place.endpoint for place in seen.ask.candidates(history.setting)} == {name}:
            hits = history.of(seen)
            if not hits and seen.completion is not None:
                continue  # it was answered from what is kept, or by a canned reply
            until = hits[0].arrived if hits else seen.ended
            if until is not None and until > seen.started:
                found.append((seen.started, until, seen))
    return found


def refuses(setting: Setting, ask: Ask) -> bool:
    """Whether a call refuses the offline ladder."""
    ladder = setting.ladder
    return ask.proud or (ladder is not None and ask.model is None and ask.task in ladder.proud)


def further(setting: Setting, ask: Ask) -> frozenset[str]:
    """Return the models beside its candidates that may answer a call: those of the ladder and of budgets."""
    below = setting.ladder.uses if setting.ladder is not None and not refuses(setting, ask) else ()
    return frozenset((*below, *(setting.money.others if setting.money is not None else ())))


def wanders(setting: Setting, ask: Ask) -> bool:
    """Whether a call may go on to what is no candidate of its own."""
    return bool(further(setting, ask))


def handed(setting: Setting, ask: Ask) -> bool:
    """Whether a call gets its answer as it comes."""
    return ask.live and not setting.buffered


def use_of(setting: Setting, ask: Ask) -> str | float | None:
    """Return what a call, else its rule, says of kept answers."""
    if ask.keep is not None or setting.keeping is None or ask.model is not None:
        return ask.keep
    return setting.keeping.rules.get(ask.task)


def fresh(setting: Setting, ask: Ask) -> bool:
    """Whether a kept answer may stand for a new one, and the answer may be kept."""
    use = use_of(setting, ask)
    if setting.keeping is None or use == "off":
        return False
    return use == "always" or ask.temperature == 0 or ask.seed is not None


def waits_for_others(setting: Setting, ask: Ask) -> bool:
    """Whether a call waits while an equal one is being answered."""
    return ask.topic is not None and fresh(setting, ask) and not handed(setting, ask)


def question(setting: Setting, ask: Ask) -> Hashable:
    """Return all that an answer depends on, and whom it is for: equal only for calls that may share one."""
    private = ask.model is None and ask.task == "private"
    said = {"data": "private" if private else "public", "team": ask.team or "red"}
    apart = setting.keeping.apart if setting.keeping is not None else tuple(said)
    params = repr(sorted(ask.params.items()))
    return (
        *(ask.prompt, ask.user, params, ask.candidates(setting)),
        tuple(said[name] for name in sorted(apart)),
    )


def shared(history: History, seen: Seen) -> bool:
    """Whether how a call ended may be how another one ended that was asked in its place."""
    if not waits_for_others(history.setting, seen.ask) or history.of(seen):
        return False
    own = question(history.setting, seen.ask)
    return any(
        other is not seen
        and other.ended is not None
        and abs(other.ended - (seen.ended or 0.0)) < EXACT
        and question(history.setting, other.ask) == own
        for other in history.seen
    )


def bill(setting: Setting, model: str, usage: Usage | None) -> int:
    """Return what tokens of a model cost, in billionths of a dollar."""
    if usage is None:
        return 0
    given, cached, made = setting.rates(model)
    known = min(usage.cached_input_tokens, usage.input_tokens)
    sums = (usage.input_tokens - known) * given + known * (given if cached is None else cached)
    return int(((sums + usage.output_tokens * made) * 1000).to_integral_value(ROUND_HALF_EVEN))


def reachable(setting: Setting, name: str) -> bool:
    """Whether an endpoint may be contacted at all."""
    return setting.upstreams[name].local or setting.ladder is None or not setting.ladder.only


def barred(setting: Setting, model: str) -> bool:
    """Whether a model is nowhere that may be contacted."""
    return not any(reachable(setting, place.endpoint) for place in setting.models[model])


def canned(setting: Setting, ask: Ask) -> str | None:
    """Return the canned reply to a call, or None."""
    words = set(ask.prompt.replace(":", " ").split())
    replies = setting.ladder.replies if setting.ladder is not None else ()
    return next((say for fits, say in replies if not fits or words & set(fits)), None)
