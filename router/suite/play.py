"""A case with a script: the call is really made, by the engine on a virtual clock against scripted endpoints."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from router.core.errors import CallFailed
from router.core.frozen import dataclass
from router.core.messages import ImagePart, Message, TextPart
from router.core.tokens import estimate, estimate_text
from router.runtime.engine import Engine
from router.testing import LostWakeup, ScriptedProvider, run_virtual

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.explain import Explanation
    from router.compile.program import Program
    from router.config.cases import Case
    from router.core.dimension import Value
    from router.core.record import AttemptRecord

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
IMAGE = "https://example.com/a.png"
MOST_TOKENS = 10_000_000


class CannotPlay(Exception):
    """No call can be made as the test says; the text says why."""


@dataclass(frozen=True, slots=True)
class Played:
    """What happened to a call.

    Attributes:
        attempts: Every attempt, in order.
        served_by: The model that answered, or None.
        error: The kind of failure, or None.
        elapsed: Seconds from its beginning to its end.
    """

    attempts: tuple[AttemptRecord, ...] = ()
    served_by: str | None = None
    error: str | None = None
    elapsed: float = 0.0

    def facts(self) -> dict[str, object]:
        """Return what a test may expect of it."""
        return {
            "attempts": [each.endpoint for each in self.attempts],
            "served_by": self.served_by,
            "error": self.error,
            "elapsed": self.elapsed,
        }


def played(program: Program, case: Case, explanation: Explanation) -> Played:
    """Make a call that measures as the case says, and return what happened.

    Args:
        program: The configuration.
        case: A case with a script.
        explanation: How its call is decided.

    Raises:
        CannotPlay: The script waits for ever, or no call measures so.
        InvalidCall: The call is malformed.
    """
    script = case.script or {}
    providers = {name: ScriptedProvider(*script.get(name, ("ok",)), name=name) for name in program.endpoints}
    # What was kept from real calls, and what they cost, is none of a test's business.
    costs = replace(program.costs, ledger=None) if program.costs is not None else None
    alone = replace(program, cache=None, costs=costs)
    engine = Engine(alone, providers, dice=random.Random(0))  # noqa: S311 - the same dice in every run
    messages, options = _measured(program, explanation.call)
    options |= {name: value for name, value in case.given.items() if not _is_measured(program, name)}
    live = explanation.call["stream"] is True

    async def call() -> Played:
        made = engine.call(messages, None, options, live=live)
        if made.rule != explanation.rule:
            least = estimate(made.messages)
            raise CannotPlay(
                f"a call like this has at least {least} tokens, by which rule `{made.rule}` decides it;"
                f" give `tokens: {least}` or more"
            )
        served_by = error = None
        try:
            attempt = await engine.run(made)
            served_by = attempt.model
            await attempt.close()
        except CallFailed as failure:
            error = failure.kind
        return Played(tuple(made.attempts), served_by, error, engine.now() - made.started)

    try:
        return run_virtual(call())
    except LostWakeup:
        raise CannotPlay(
            "a `timeout` in the script is waited for without end: no time limit applies"
        ) from None
    except CallFailed as failure:
        return Played(error=failure.kind)


def _is_measured(program: Program, name: str) -> bool:
    dimension = program.dimensions.get(name)
    return dimension is not None and dimension.measured


def _measured(program: Program, call: Mapping[str, Value]) -> tuple[list[Message], dict[str, object]]:
    """Return a conversation and options that measure as a call says; the shortest there is where it is too short."""
    options: dict[str, object] = {}
    if call["tools"]:
        options["tools"] = [TOOL]
    if call["json"]:
        options["response_format"] = {"type": "json_object"}
    images = (ImagePart(IMAGE),) if call["images"] else ()
    wanted = int(call["tokens"]) if program.counts_tokens else 0
    if wanted > MOST_TOKENS:
        raise CannotPlay(f"a call of {wanted:,} tokens is not made: at most {MOST_TOKENS:,} are")
    tools = estimate_text(json.dumps([TOOL])) if call["tools"] else 0
    frame = tools + estimate([Message("user", (TextPart(""), *images))])
    text = "word" * max(1, wanted - frame)
    return [Message("user", (TextPart(text), *images) if images else text)], options
