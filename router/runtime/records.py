"""What observers are told of a call that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import CallFailed
from router.core.observer import CallRecord
from router.core.usage import NOTHING
from router.policy.split import Split

if TYPE_CHECKING:
    from decimal import Decimal

    from router.core.messages import Completion
    from router.runtime.call import Call, Origin
    from router.runtime.said import Said


def total_cost(call: Call) -> Decimal | None:
    """Return dollars of all attempts, or None when one of them is unknown."""
    if len(call.attempts) == 1:
        return call.attempts[0].cost
    total = NOTHING
    for record in call.attempts:
        if record.cost is None:
            return None
        total += record.cost
    return total


def refused(origin: Origin, error: CallFailed, asked: Said) -> CallRecord:
    """Return the record of a call that no candidate may serve: nothing was tried.

    Args:
        origin: What the engine adds to the call.
        error: Why it is refused.
        asked: What the caller said, as far as it is known to be well-formed.
    """
    return CallRecord(
        request_id=origin.request_id,
        began=origin.began,
        rule=None,
        dimensions=asked.dimensions,
        model=None,
        endpoint=None,
        outcome=error.kind,
        ms=0.0,
        cost=NOTHING,
        stream=origin.live,
        user=asked.options.get("user"),
        tags=asked.options.get("tags", {}),
        error=error,
        named=asked.options.get("model"),
        params=asked.params,
        options=asked.options,
        draw=origin.dice,
    )


def recorded(call: Call, completion: Completion | None, error: BaseException | None, ms: float) -> CallRecord:
    """Return the record of a call that took so many milliseconds; without answer and error it was left."""
    last = call.attempts[-1] if call.attempts else None
    first = next((each for each in call.attempts if each.first_ms is not None), None)
    outcome = "ok" if completion is not None else error.kind if isinstance(error, CallFailed) else "cancelled"
    return CallRecord(
        request_id=call.request_id,
        began=call.began,
        rule=call.rule,
        dimensions=call.dimensions,
        model=completion.model if completion else last.model if last else None,
        endpoint=completion.endpoint if completion else last.endpoint if last else None,
        outcome=outcome,
        ms=ms,
        first_ms=None if first is None or first.first_ms is None else first.at_ms + first.first_ms,
        usage=completion.usage if completion else None,
        cost=total_cost(call),
        attempts=tuple(call.attempts),
        stream=call.live,
        cached=completion is not None and completion.cached,
        saved=call.saved,
        degraded=call.degraded,
        user=call.options.get("user"),
        tags=call.options.get("tags", {}),
        messages=call.messages,
        completion=completion,
        error=error,
        named=call.options.get("model"),
        params=call.params,
        options=call.options,
        chain=tuple((each.model, each.endpoint.name) for each in call.intended),
        draw=call.dice,
        points=_points(call) if call.route.candidates is None else {},
    )


def _points(call: Call) -> dict[str, float]:
    """Return where a call's user stands in each split of its rule."""
    user = call.options.get("user")
    return {
        use.key: use.point(user, call.dice)
        for use in call.route.uses
        if isinstance(use, Split) and use.by_user and user is not None
    }
