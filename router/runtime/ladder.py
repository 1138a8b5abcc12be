"""The offline ladder: what answers a call whose candidates all failed, step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from router.compile.program import in_order
from router.core.errors import CallFailed, DeadlineExceeded, NoCandidate
from router.core.messages import Completion
from router.policy.offline import descends
from router.policy.split import Split
from router.runtime.call import fitting
from router.runtime.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from router.compile.program import Deployment
    from router.policy.offline import OfflinePolicy
    from router.runtime.attempt import Attempt
    from router.runtime.call import Call

    Walked = Callable[[Call], Awaitable[Attempt]]
    Stale = Callable[[Call, float], Awaitable[Completion | None]]

MODEL, STALE, CANNED = "offline model", "stale cache", "canned reply"
NOTHING_SPENT: frozenset[str] = frozenset()


async def descend(
    call: Call, error: CallFailed, walked: Walked, stale: Stale | None, dice: float
) -> Attempt | Replay:
    """Return the answer of the first step that has one; the step is noted in `call.degraded`.

    A `Replay` of it has yet to be told of the call's attempts, cost and time.

    Args:
        call: A call whose candidates have all failed.
        error: What it would end with.
        walked: Walks over a call's candidates until an attempt stands.
        stale: Returns a kept answer to exactly this call that is no older than so many seconds, or None.
        dice: A number from 0 to 1 that draws splits.

    Raises:
        CallFailed: No step answered, or none may.
    """
    policy = call.program.offline
    if policy is None or not _may(call, error):
        raise error
    attempt = await _modelled(call, policy, walked, dice)
    if attempt is not None:
        return attempt
    if policy.stale is not None and stale is not None:
        kept = await stale(call, policy.stale)
        if kept is not None:
            return _replay(call, kept, STALE)
    text = policy.reply(_last_words(call)) if _takes_text(call) else None
    if text is None:
        raise error
    return _replay(call, Completion(role="assistant", content=text), CANNED)


def _replay(call: Call, answer: Completion, step: str) -> Replay:
    call.degraded = step
    own = replace(answer, rule=call.rule, degraded=step, request_id=call.request_id)
    return Replay(call, own)


def _may(call: Call, error: CallFailed) -> bool:
    """Whether a call may be answered by a lower step."""
    if call.options.get("no_degrade") or call.route.no_degrade:
        return False
    if call.live and not call.route.restart and error.partial_text:
        return False  # the file wants to hear of an answer that broke off
    return descends(error) or (isinstance(error, NoCandidate) and not call.candidates)


async def _modelled(call: Call, policy: OfflinePolicy, walked: Walked, dice: float) -> Attempt | None:
    """Return an attempt of the further models that stands, or None; they get a walk of their own.

    Raises:
        DeadlineExceeded: The call's time is over.
    """
    before = call.candidates
    found = fitting(call, _further(call, policy, dice))
    if not found:
        return None
    # A budget whose other model failed bounds these again.
    call.candidates, call.spent = found, NOTHING_SPENT
    try:
        attempt = await walked(call)
    except DeadlineExceeded:
        raise
    except CallFailed:
        return None  # what the first candidates said is told
    finally:
        call.candidates = before
    if attempt.deployment in found:  # else a budget's other model answers, as is noted already
        call.degraded = f"{MODEL} {attempt.model}"
    return attempt


def _further(call: Call, policy: OfflinePolicy, dice: float) -> tuple[Deployment, ...]:
    user = call.options.get("user")
    names = [use.pick(user, dice) if isinstance(use, Split) else use for use in policy.uses]
    before = {*call.candidates, *call.intended}  # a spent budget may have put another model in their place
    return tuple(each for each in in_order(call.program.models, names) if each not in before)


def _takes_text(call: Call) -> bool:
    """Whether a plain text is an answer to a call: not where a form or a tool is asked for."""
    choice = call.options.get("tool_choice")
    return not call.dimensions["json"] and (choice is None or choice in ("auto", "none"))


def _last_words(call: Call) -> str:
    return next((each.text for each in reversed(call.messages) if each.role == "user"), "")
