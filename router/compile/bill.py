"""What an attempt of a replayed call costs, in billionths of a dollar: the sum that `Price.cost` gives, worked out faster."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from router.core.usage import NO_TOKENS, Usage, to_nano
from router.policy.budget import HELD, OUTPUT

if TYPE_CHECKING:
    from router.compile.program import Deployment
    from router.compile.recorded import Tried
    from router.core.usage import Price


def cost_here(deployment: Deployment, tried: Tried) -> int | None:
    """Return what a recorded attempt costs at a deployment, as the engine works it out; None when unknown."""
    price = deployment.price
    if not tried.sent or (tried.usage is None and (price is None or price.per_hour is None)):
        return 0
    return None if price is None else _nano(price, tried.usage or NO_TOKENS, tried.seconds)


def cost_of_answer(deployment: Deployment, usage: Usage | None, seconds: float | None) -> int | None:
    """Return what an answer costs that another deployment gave in fact; None when unknown."""
    price = deployment.price
    if price is not None and price.free:
        return 0
    if price is None or (usage is None if price.per_hour is None else seconds is None):
        return None
    return _nano(price, usage or NO_TOKENS, seconds or 0.0)


def held_for(deployment: Deployment, tokens: int, most: int | None) -> int:
    """Return what is held for an attempt before it is made; see `router.policy.budget.reserve`.

    Args:
        deployment: What is tried.
        tokens: Tokens of the prompt.
        most: Tokens of the answer at most, or None when nothing bounds them.
    """
    price = deployment.price
    if price is None:
        return 0
    return _nano(
        price, Usage(tokens, OUTPUT if most is None else most), deployment.endpoint.timeouts.total or HELD
    )


def worst_of(deployment: Deployment, tokens: int, most: int | None) -> int | None:
    """Return what one attempt costs at most; None when unknown. See `router.compile.worst.cost_of`."""
    price = deployment.price
    if price is None:
        return None
    total = deployment.endpoint.timeouts.total
    if price.per_hour is not None:
        return None if total is None else _nano(price, NO_TOKENS, total)
    if most is None and price.output:
        return None
    return _nano(price, Usage(tokens, most or 0), 0.0)


def _nano(price: Price, usage: Usage, seconds: float) -> int:
    if price.per_hour is not None:
        return to_nano(price.cost(usage, seconds))
    fresh, cached, written, scale = _rates(price)
    kept = min(usage.cached_input_tokens, usage.input_tokens)
    whole, rest = divmod(
        (usage.input_tokens - kept) * fresh + kept * cached + usage.output_tokens * written, scale
    )
    twice = 2 * rest
    return whole + (twice > scale or (twice == scale and whole % 2 == 1))


@lru_cache(maxsize=1024)
def _rates(price: Price) -> tuple[int, int, int, int]:
    """Return billionths of a dollar for an input, a cached and an output token, as parts of a whole, and the whole."""
    cached = price.input if price.cached_input is None else price.cached_input
    rates = [each * 1000 for each in (price.input, cached, price.output)]
    scale = 10 ** max(0, *(-int(each.as_tuple().exponent) for each in rates))
    fresh, kept, written = (int(each * scale) for each in rates)
    return fresh, kept, written, scale
