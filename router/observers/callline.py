"""A call as a line of JSON: what decided it, what it met, what it cost; no prompt unless that is wanted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from router.core.form import FORMAT_VERSION
from router.core.options import PARAMS
from router.observers.content import caller, said

if TYPE_CHECKING:
    from decimal import Decimal

    from router.core.observer import CallRecord
    from router.core.record import AttemptRecord
    from router.core.usage import Price, Usage
    from router.observers.redaction import Redaction
    from router.policy.calllog import Content

# What a call says beside its dimensions that decides where it goes or what it gets; texts of its own are none of it.
TOLD = ("model", "deadline", "urgency", "cache", "no_degrade")
SPOKEN = tuple(name for name in PARAMS if name != "stop")
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def line(record: CallRecord, content: Content, redaction: Redaction) -> bytes:
    """Return the line of a call, its end included, in ASCII.

    Args:
        record: The call.
        content: What is written of prompts and answers. Who called is written as a hash, unless it is `full`.
        redaction: Keeps secrets out of what callers wrote.
    """
    call = {
        **record.dimensions,
        **{name: record.params[name] for name in SPOKEN if name in record.params},
        **{name: record.options[name] for name in TOLD if name in record.options},
    }
    fields: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "time": f"{datetime.fromtimestamp(record.began, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "request_id": record.request_id,
        "rule": record.rule,
        "call": call,
        "chain": record.chain,
        "attempts": [_attempt(each) for each in record.attempts],
        "outcome": record.outcome,
        "model": record.model,
        "endpoint": record.endpoint,
        "usage": None if record.usage is None else _usage(record.usage),
        "cost": _dollars(record.cost),
        "ms": _ms(record.ms),
        "draw": record.draw,
    }
    more: dict[str, object] = {
        "user": caller(record.user, content, redaction),
        "first_ms": None if record.first_ms is None else _ms(record.first_ms),
        "cached": record.cached or None,
        "saved": _dollars(record.saved),
        "degraded": record.degraded,
        "points": dict(record.points) or None,
        "tags": redaction.fields(record.tags) if record.tags else None,
        **said(record, content, redaction),
    }
    fields |= {name: value for name, value in more.items() if value is not None}
    return _ENCODE(fields).encode("ascii") + b"\n"


def _attempt(record: AttemptRecord) -> dict[str, object]:
    found: dict[str, object] = {
        "model": record.model,
        "endpoint": record.endpoint,
        "outcome": record.outcome,
        "at_ms": _ms(record.at_ms),
        "ms": _ms(record.ms),
    }
    if record.first_ms is not None:
        found["first_ms"] = _ms(record.first_ms)
    if record.status is not None:
        found["status"] = record.status
    if record.usage is not None:
        found["usage"] = _usage(record.usage)
    if not record.sent:
        found["sent"] = False
    found["cost"] = _dollars(record.cost)
    found["price"] = None if record.price is None else _price(record.price)
    return found


def _usage(usage: Usage) -> dict[str, object]:
    found: dict[str, object] = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    if usage.cached_input_tokens:
        found["cached_input_tokens"] = usage.cached_input_tokens
    if usage.reasoning_tokens:
        found["reasoning_tokens"] = usage.reasoning_tokens
    if usage.estimated:
        found["estimated"] = True
    return found


@lru_cache(maxsize=256)
def _price(price: Price) -> dict[str, str | None]:
    if price.per_hour is not None:
        return {"per_hour": _dollars(price.per_hour)}
    found = {"input": _dollars(price.input), "output": _dollars(price.output)}
    return found if price.cached_input is None else {**found, "cached_input": _dollars(price.cached_input)}


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"


def _ms(ms: float) -> float:
    """Return milliseconds to the microsecond, as costs by the hour count them."""
    return round(ms * 1000) / 1000
