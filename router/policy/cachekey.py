"""Which answers may be kept, for how long, and under which key: everything that changes an answer is in it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass
from router.core.messages import ImagePart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.core.messages import Completion, Message
    from router.core.request import Endpoint, Request

FORMAT = 1
LARGEST = 256 * 1024
SPREAD = 0.1
SKEW = 5.0
_ENCODE = json.JSONEncoder(sort_keys=True, allow_nan=False, separators=(",", ":")).encode
# `off`, `always` (whatever the sampling), or for how many seconds an answer stays good.
CacheUse = Literal["off", "always"] | float


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Which answers are kept, and where.

    Attributes:
        path: The SQLite file; None keeps them in memory.
        size: Bytes to keep.
        ttl: Seconds an answer stays good.
        tools: Whether answers that call tools are kept.
        separate: Dimensions that keep answers apart.
        fresh: Whether kept answers stand for new ones; else they are kept for `stale` alone.
        stale: Seconds that answers are kept for when nobody answers; None for not at all.
    """

    path: str | None = None
    size: int = 64 * 2**20
    ttl: float = 3600.0
    tools: bool = False
    separate: tuple[str, ...] = ()
    fresh: bool = True
    stale: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One deployment that may answer, what it would be sent, and how its model's processors would change it."""

    model: str
    endpoint: Endpoint
    request: Request
    processed: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a call asks, as far as its answer may be kept.

    Attributes:
        key: Equal for calls that must get equal answers.
        ttl: Seconds its answer stays good; None when no kept answer may stand for it.
        oldest: Seconds of age that it takes at most, as the caller or the rule says, or None.
        json: Whether the answer must be JSON.
        models: Whose answers count: another's was the last resort of its moment.
    """

    key: str
    ttl: float | None
    oldest: float | None
    json: bool
    models: frozenset[str]


def question(
    tenant: Mapping[str, object], asked: Sequence[Asked], use: CacheUse | None, policy: CachePolicy
) -> Question | None:
    """Return what a call asks, or None when its answer is not to be kept.

    Args:
        tenant: What keeps answers apart: the user, and dimensions.
        asked: Who may answer, in an order that is the same for equal calls.
        use: What the call or its rule says, or None.
        policy: What the file says.
    """
    if use == "off" or not asked:
        return None
    good = policy.fresh and (use == "always" or certain([each.request for each in asked]))
    if not good and policy.stale is None:
        return None
    key = key_of(tenant, asked)
    if key is None:
        return None
    own = None if use is None or isinstance(use, str) else use
    form = asked[0].request.response_format
    wants_json = form is not None and form.get("type") != "text"
    models = frozenset(each.model for each in asked)
    return Question(key, (own or policy.ttl) if good else None, own, wants_json, models)


def certain(requests: Sequence[Request]) -> bool:
    """Whether asking again would give the same: temperature 0 or a seed everywhere, and nothing fetched by address."""
    fixed = all(fixes(each.params) for each in requests)
    return fixed and not any(_fetched(message) for message in requests[0].messages)


def fixes(params: Mapping[str, object]) -> bool:
    """Whether sampling options leave nothing to chance."""
    return params.get("temperature") == 0 or "seed" in params


def _fetched(message: Message) -> bool:
    """Whether it shows an image that may be another one the next time."""
    parts = () if isinstance(message.content, str) else message.content
    return any(isinstance(part, ImagePart) and not part.url.startswith("data:") for part in parts)


def key_of(tenant: Mapping[str, object], asked: Sequence[Asked]) -> str | None:
    """Return the SHA-256 of everything that changes the answer; None for what is no JSON.

    1, 1.0 and true differ, and so do an option that is absent and one that has its default.
    """
    first = asked[0].request
    whole = {
        "format": FORMAT,
        "tenant": dict(tenant),
        "asked": [_one(each) for each in asked],
        "messages": [_message(each) for each in first.messages],
        "tools": list(first.tools),
        "tool_choice": first.tool_choice,
        "response_format": first.response_format,
    }
    try:
        text = _ENCODE(whole)
    except (TypeError, ValueError, RecursionError):
        return None
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _one(asked: Asked) -> list[object]:
    endpoint, request = asked.endpoint, asked.request
    # Secrets among them show as `***`: another key asks the same model.
    place = repr((sorted(endpoint.headers.items()), sorted(endpoint.settings.items())))
    return [
        *(asked.model, endpoint.name, endpoint.kind, endpoint.url, place),
        *(request.model, request.context, dict(request.params), dict(request.extra)),
        *((asked.processed,) if asked.processed else ()),
    ]


def _message(message: Message) -> list[object]:
    content: object = message.content
    if not isinstance(message.content, str):
        content = [
            ["image", part.url, part.detail] if isinstance(part, ImagePart) else ["text", part.text]
            for part in message.content
        ]
    calls = [[each.id, each.name, each.arguments] for each in message.tool_calls]
    return [message.role, content, calls, message.tool_call_id, message.name]


def worth_keeping(answer: Completion, asked: Question, policy: CachePolicy) -> bool:
    """Whether an answer is whole, sound and its own: no refusal, no half of one, none that was kept before."""
    if answer.cached or answer.degraded is not None or answer.model not in asked.models:
        return False
    if answer.tool_calls:
        return policy.tools and answer.finish_reason in ("stop", "tool_calls")
    if answer.finish_reason != "stop" or not answer.text.strip():
        return False
    return not asked.json or _is_json(answer.text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def good_for(ttl: float, dice: float) -> float:
    """Return for how many seconds an answer stays good: a tenth more or less, so that not all end at once."""
    return ttl * (1 + SPREAD * (2 * dice - 1))


def is_good(asked: Question, now: float, stored: float, until: float) -> bool:
    """Whether a kept answer may stand for a new one; one from the future may not: the clock was set back.

    Args:
        asked: What is asked.
        now: Seconds since 1970.
        stored: When it was stored.
        until: When it is no longer good.
    """
    age = now - stored
    return age >= -SKEW and now < until and (asked.oldest is None or age <= asked.oldest)
