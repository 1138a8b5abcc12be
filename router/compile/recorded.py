"""A recorded call, read from a line of a call log: what it asked, what was decided, what it met."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from router.core.options import CALL_OPTIONS, PARAMS
from router.core.usage import Usage, to_nano

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = ("call", "dimensions")
MOST_TOKENS = 10**12
_DECODE = json.JSONDecoder().decode
LATEST = 7000 * 365.25 * 86400  # seconds since 1970
# What decides a call beside its dimensions, each with what it must be.
TOLD = {name: CALL_OPTIONS[name] for name in ("model", "deadline", "cache")} | {
    "max_tokens": PARAMS["max_tokens"]
}
Place = tuple[str, str]  # a model and an endpoint


class BadLine(ValueError):
    """A line that is no call; the text says why."""


class Tried(NamedTuple):
    """An attempt that was made.

    Attributes:
        place: Its model and its endpoint.
        outcome: `ok`, or how it ended.
        at: Seconds from the call's beginning to its own.
        seconds: How long it took.
        usage: Its tokens, or None.
        sent: Whether anything was sent.
        cost: Billionths of a dollar, or None when unknown.
    """

    place: Place
    outcome: str
    at: float
    seconds: float
    usage: Usage | None
    sent: bool
    cost: int | None


class Recorded(NamedTuple):
    """A call that was made.

    Attributes:
        call: What it said: dimensions, measured ones too, and options.
        began: When, in seconds since 1970; 0 where it is not told.
        rule: The rule that decided it, or None.
        chain: Its candidates, best first; None where they are not told.
        attempts: Every attempt, in the order in which they ended.
        outcome: `ok`, or how it ended.
        usage: The tokens of its answer, or None.
        cost: Billionths of a dollar, or None when unknown.
        saved: The same that a kept answer had cost, or None.
        seconds: How long it took, or None.
        place: The model and the endpoint that answered, or None.
        cached: Whether its answer was kept from another call.
        degraded: What was amiss with its answer, or None.
        user: Whose call it was, or what stands for that.
        draw: What drew its splits, or None.
        points: Where its user stands in splits, by their models.
    """

    call: Mapping[str, object]
    began: float
    rule: str | None
    chain: tuple[Place, ...] | None
    attempts: tuple[Tried, ...]
    outcome: str
    usage: Usage | None
    cost: int | None
    saved: int | None
    seconds: float | None
    place: Place | None
    cached: bool
    degraded: str | None
    user: str | None
    draw: float | None
    points: Mapping[str, float]


def loaded(line: bytes) -> Mapping[str, Any]:
    """Return the object of a line.

    Raises:
        BadLine: It is none.
    """
    try:
        found = _DECODE(line.decode())
    except (ValueError, RecursionError):
        raise BadLine("not JSON") from None
    if not isinstance(found, Mapping):
        raise BadLine("not an object")
    return found


def call_of(found: Mapping[str, Any]) -> dict[str, object]:
    """Return what a call said, without what it said nothing of.

    Raises:
        BadLine: It does not tell.
    """
    for key in KEYS:
        said = found.get(key)
        if isinstance(said, Mapping):
            return {name: value for name, value in said.items() if value is not None}
    raise BadLine("it has no mapping `call` or `dimensions`")


def recorded(line: bytes) -> Recorded:
    """Return the call of a line. What it does not tell is unknown: a line with a `call` alone is one too.

    Raises:
        BadLine: It is no call.
    """
    found = loaded(line)
    call = call_of(found)
    try:
        return _recorded(found, call)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, InvalidOperation) as error:
        raise BadLine(f"not as a call log has it ({_words(error)})") from None


def answers(line: bytes) -> list[tuple[Place, float]]:
    """Return the deployments that answered in a line, each with the seconds that it took: what is needed of a first look.

    Raises:
        BadLine: It is no call.
    """
    try:
        return [
            (_place(each["model"], each["endpoint"]), _seconds(each["ms"]))
            for each in loaded(line)["attempts"]
            if each["outcome"] == "ok"
        ]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BadLine("not as a call log has it") from None


def _words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no `{error.args[0]}`"
    return str(error)[:80] if isinstance(error, ValueError) else "a value of another type"


def _recorded(found: Mapping[str, Any], call: dict[str, Any]) -> Recorded:
    get = found.get
    for name, wrong in TOLD.items():
        if name in call:
            _check(name, wrong(call[name]))
    chain, model, draw, ms = get("chain"), get("model"), get("draw"), get("ms")
    return Recorded(
        call=call,
        began=_moment(get("time")),
        rule=_text(get("rule")),
        chain=None if chain is None else tuple([_place(*each) for each in chain]),
        attempts=tuple([_tried(each) for each in get("attempts") or ()]),
        outcome=_text(get("outcome")) or "ok",
        usage=_usage(get("usage")),
        cost=_nano(get("cost")),
        saved=_nano(get("saved")),
        seconds=None if ms is None else _seconds(ms),
        place=_place(model, get("endpoint")) if model else None,
        cached=get("cached") is True,
        degraded=_text(get("degraded")),
        user=_text(get("user")),
        draw=None if draw is None else _share(draw),
        points={str(name): _share(point) for name, point in (get("points") or {}).items()},
    )


def _check(name: str, wanted: str | None) -> None:
    if wanted is not None:
        raise ValueError(f"`{name}` must be {wanted}")


def _tried(found: Mapping[str, Any]) -> Tried:
    return Tried(
        _place(found["model"], found["endpoint"]),
        str(found["outcome"]),
        _seconds(found.get("at_ms") or 0),
        _seconds(found["ms"]),
        _usage(found.get("usage")),
        found.get("sent") is not False,
        _nano(found.get("cost")),
    )


def _place(model: object, endpoint: object) -> Place:
    return str(model), str(endpoint)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _moment(value: object) -> float:
    """Return seconds since 1970."""
    if value is None:
        return 0.0
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a `time` without its zone")
        value = moment.timestamp()
    found = _finite(value)
    if not 0 <= found <= LATEST:
        raise ValueError("a `time` out of all reason")
    return found


def _finite(value: Any) -> float:
    found = float(value)
    if not isfinite(found):
        raise ValueError("a number that is none")
    return found


def _seconds(ms: Any) -> float:
    """Return seconds of milliseconds, to the microsecond."""
    us = round(_finite(ms) * 1000)
    if us < 0:
        raise ValueError("a time below 0")
    return us / 1_000_000


def _share(value: Any) -> float:
    found = _finite(value)
    if not 0 <= found <= 1:
        raise ValueError("a draw that is not from 0 to 1")
    return found


def _nano(value: object) -> int | None:
    return None if value is None else _nano_of(str(value))


@lru_cache(maxsize=4096)
def _nano_of(text: str) -> int:
    return to_nano(Decimal(text))


def _usage(found: Mapping[str, Any] | None) -> Usage | None:
    if found is None:
        return None
    return Usage(
        _tokens(found["input_tokens"]),
        _tokens(found["output_tokens"]),
        _tokens(found.get("cached_input_tokens", 0)),
        _tokens(found.get("reasoning_tokens", 0)),
        found.get("estimated") is True,
    )


def _tokens(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MOST_TOKENS:
        raise ValueError("a number of tokens that is none")
    return value


def models_of(chain: Sequence[Place]) -> tuple[str, ...]:
    """Return the models of a chain, each once."""
    return tuple(dict.fromkeys(model for model, _ in chain))
