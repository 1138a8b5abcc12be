"""How long Claude may think, and how long it may answer: what `reasoning_effort` and `max_tokens` become. No I/O.

From version 4.6 on a model decides itself and is told an effort; older ones are told a number of tokens. The number
is a share of `max_tokens`, which the thinking is part of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from router.core.claude import usual_answer
from router.core.errors import UnsupportedFeature

if TYPE_CHECKING:
    from router.core.request import Request

LEAST_BUDGET = 1_024
SHARES = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95}
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max"}
ADAPTIVE_SINCE = (4, 6)
_NUMBER = re.compile(r"(?<![\w.])(\d{1,2})(?:[-.](\d{1,2}))?(?![\w.])")


def version_of(model: str) -> tuple[int, int] | None:
    """Return the version in the name of a Claude model, such as (4, 5) of `claude-sonnet-4-5-20250929`, or None."""
    found = _NUMBER.search(model)
    return (int(found[1]), int(found[2] or 0)) if found and "claude" in model else None


def max_tokens(request: Request) -> int:
    """Return how many tokens an answer may have, its thinking included."""
    asked = request.params.get("max_tokens")
    return asked if isinstance(asked, int) else usual_answer(request.model, request.params)


def thinking(request: Request, where: str) -> dict[str, Any]:
    """Return the fields that say how long the model may think.

    Raises:
        UnsupportedFeature: It cannot think in this call.
    """
    effort = request.params.get("reasoning_effort")
    version = version_of(request.model)
    adaptive = version is not None and version >= ADAPTIVE_SINCE
    if effort is None:
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}} if adaptive else {}
    why = _hindrance(request, adaptive=adaptive)
    if why is not None:
        raise UnsupportedFeature(f"{where} cannot think in this call: {why}; nothing was sent")
    if adaptive:
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": EFFORTS[str(effort)]}}
    budget = max(LEAST_BUDGET, int(max_tokens(request) * SHARES[str(effort)]))
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _hindrance(request: Request, *, adaptive: bool) -> str | None:
    """Return why a model cannot think in a call, or None."""
    if not adaptive and max_tokens(request) <= LEAST_BUDGET:
        return f"max_tokens must be more than {LEAST_BUDGET}"
    if request.params.get("temperature", 1) != 1:
        return "its temperature must be 1, or left out"
    if request.tools and request.tool_choice not in (None, "auto", "none"):
        return "tool_choice must be auto, none or left out"
    if not adaptive and request.messages[-1].role == "tool":
        return "it would want its own signed thoughts back with the results of tools, which messages do not carry"
    if request.messages[-1].role == "assistant":
        return "the answer must not be begun for it"
    return None
