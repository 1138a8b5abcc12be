"""What an attempt used and cost, as far as its endpoint tells, and estimated where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import FirstTokenTimeout, StreamInterrupted, StreamStalled
from router.core.record import LOST
from router.core.tokens import estimate, estimate_text
from router.core.usage import NO_TOKENS, NOTHING, Usage

if TYPE_CHECKING:
    from decimal import Decimal

    from router.core.events import Collector, Done
    from router.core.usage import Price
    from router.policy.calibration import Calibration
    from router.runtime.call import Call
    from router.runtime.processing import Ready

# How an attempt may have ended of which its endpoint may bill what it had read and written so far.
BILLED = frozenset({"cancelled", LOST, FirstTokenTimeout.kind, StreamStalled.kind, StreamInterrupted.kind})


def estimated(call: Call, ready: Ready | None, written: Collector, scale: Calibration) -> Usage:
    """Return about how many tokens were read and written; `ready` is what was sent instead of the call's own."""
    made = estimate_text(written.text) + estimate_text(written.reasoning)
    read = estimate(call.messages) if ready is None else ready.tokens
    return Usage(scale.expected(read), scale.expected(made), estimated=True)


def cost_of(price: Price | None, usage: Usage | None, done: Done | None, seconds: float) -> Decimal | None:
    """Return dollars: of the tokens, or of the time it took, else as the endpoint says; None when nobody knows."""
    if usage is None and (price is None or price.per_hour is None):
        return NOTHING
    if price is None:
        return None if done is None else done.cost
    return price.cost(usage or NO_TOKENS, seconds)
