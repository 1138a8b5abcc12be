"""How a scripted outcome looks from the port: what the doubles and the mock endpoint share."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from router.core.errors import MalformedResponse, StreamInterrupted
from router.core.events import Done
from router.core.tokens import estimate, estimate_text
from router.core.usage import Usage
from router.providers._errors import error_for_status
from router.providers._source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.core.events import Event
    from router.core.outcome import Outcome
    from router.core.request import Request

_WORD = re.compile(r"\s*\S+\s*\Z|\s*\S+|\s+\Z")


def pick(script: Sequence[Outcome], turn: int) -> Outcome:
    """Return the step of one request, counted from 0; the last step repeats for ever."""
    return script[min(turn, len(script) - 1)]


async def begin(outcome: Outcome, where: str) -> None:
    """Play the head of the answer: return when it stands.

    Raises:
        AllAttemptsFailed: The outcome is a refusal or a failure.
    """
    if outcome.action == "silence":
        await asyncio.Event().wait()
    if outcome.error is not None:
        raise outcome.error(f"{where} failed as its script says")
    if outcome.status is not None:
        headers = {} if outcome.retry_after is None else {"retry-after": f"{outcome.retry_after:g}"}
        raise error_for_status(Source(where), outcome.status, headers)


def pieces(outcome: Outcome, request: Request) -> list[str]:
    """Return the texts of the answer's deltas: words for a stream, otherwise all at once."""
    text = outcome.text if outcome.text is not None else default_answer(request)
    words = _WORD.findall(text)
    if outcome.action == "cut":
        words = words[: len(words) // 2]
    return words if request.stream else ["".join(words)] if words else []


def finish(outcome: Outcome, request: Request, said: Sequence[str], where: str) -> Event:
    """Return the closing event of what was said.

    Raises:
        StreamInterrupted: The outcome is a cut.
        MalformedResponse: The answer is empty.
    """
    if outcome.action == "cut":
        raise StreamInterrupted(f"{where} ended in the middle of its answer")
    if not said:
        raise MalformedResponse(f"{where} gave an empty answer")
    usage = Usage(estimate(request.messages), estimate_text("".join(said)), estimated=True)
    return Done("stop", usage, request.model)


def default_answer(request: Request) -> str:
    """Return what is said without a script: the model's name, and the user's last words."""
    users = [message for message in request.messages if message.role == "user"]
    last = (users or list(request.messages))[-1]
    return f"[Mock {request.model} Response] {last.text}"
