"""What a deployment is sent: the call's messages as its model takes them, and whether they fit at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from router.compile.options import clamps_that_bite
from router.core.errors import ContextLength
from router.core.tokens import estimate, least
from router.policy.shorten import shortened
from router.runtime.processing import Ready

if TYPE_CHECKING:
    from router.compile.program import Deployment
    from router.core.messages import Message
    from router.policy.calibration import Calibration
    from router.policy.shorten import Drop
    from router.runtime.call import Call
    from router.runtime.processing import Pipeline

ANSWER = 1000  # tokens that are kept free for an answer that nothing bounds, but no more than a quarter of the window
SLACK = 0.9  # how much of the room a shortened prompt is to fill: estimates are estimates


def prepared(call: Call, deployment: Deployment, scale: Calibration) -> Ready | None:
    """Return what is sent to a deployment; None for what the call brings, as it is.

    Raises:
        ContextLength: It surely does not fit into the context window.
        UnsupportedFeature: A processor refuses it.
    """
    pipeline = call.snapshot.pipelines.get(deployment.model)
    if pipeline is not None:
        return _processed(call, deployment, scale, pipeline)
    context = deployment.context
    if context is not None:
        most = call.most(deployment)
        if scale.expected(call.tokens) + most > context:
            _fit(deployment, scale, call.messages, (call.tokens, most))
    return None


def _processed(call: Call, deployment: Deployment, scale: Calibration, pipeline: Pipeline) -> Ready:
    messages = pipeline.messages(call.messages)
    model, context = pipeline.model, deployment.context
    notes = [*clamps_that_bite(call.asked_of(deployment), model.clamps)] if model.clamps else []
    tools = call.tokens - estimate(call.messages) if call.options.get("tools") else 0
    tokens = estimate(messages) + tools
    if context is not None:
        most = call.most(deployment)
        if model.truncate != "none" and scale.expected(tokens) + (most or _answer(context)) > context:
            room = int((context - (most or _answer(context))) * SLACK / scale.ratio) - tools
            shorter = shortened(messages, room, cast("Drop", model.truncate))
            if len(shorter) < len(messages):
                out = len(messages) - len(shorter)
                notes.append(
                    f"{out} message{'s were' if out > 1 else ' was'} left out (truncate: {model.truncate})"
                )
                messages, tokens = shorter, estimate(shorter) + tools
        _fit(deployment, scale, messages, (tokens, most))
    ready = Ready(messages, tokens, tuple(notes))
    if pipeline.after:
        return replace(ready, changes=pipeline.changes(call.request(deployment, ready=ready)))
    return ready


def _answer(context: int) -> int:
    return min(ANSWER, context // 4)


def _fit(
    deployment: Deployment,
    scale: Calibration,
    messages: tuple[Message, ...],
    size: tuple[int, int],
) -> None:
    """Raise where a prompt and its longest answer are surely more than the window holds."""
    tokens, most = size
    context = deployment.context or 0
    if scale.expected(tokens) + most <= context:
        return
    surely = scale.surely(least(messages))
    if surely + most > context:
        answer = f" and the answer may have {most:,}" if most else ""
        raise ContextLength(
            f"{deployment.name} holds {context:,} tokens: the prompt has about {scale.expected(tokens):,},"
            f" surely {surely:,}{answer}; it was not sent"
        )
