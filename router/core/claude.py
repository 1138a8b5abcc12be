"""How many tokens an answer of Anthropic's models may have when nobody says: their API wants a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Every model since Claude 3.5 gives 8,192, and every model that thinks 32,000.
ANSWER, SHORT_ANSWER, THOUGHTFUL_ANSWER = 8_192, 4_096, 32_000
_FIRST = re.compile(r"claude-3-(opus|sonnet|haiku)")


def thinks(params: Mapping[str, object]) -> bool:
    """Return whether sampling options ask a model to think."""
    return params.get("reasoning_effort", "none") != "none"


def usual_answer(model: str, params: Mapping[str, object]) -> int:
    """Return how many tokens an answer may have, its thinking included, unless `max_tokens` says.

    Args:
        model: The name the endpoint knows.
        params: The sampling options.
    """
    if thinks(params):
        return THOUGHTFUL_ANSWER
    return SHORT_ANSWER if _FIRST.search(model) else ANSWER
