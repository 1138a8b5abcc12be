"""Cases held against a compiled table: by its explanation, or by making the call in a scripted world."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from router.core.errors import CallFailed, InvalidCall
from router.core.options import PARAMS
from router.core.units import parse_duration
from router.runtime.said import explained
from router.runtime.engine import Engine
from router.suite.language import EXPECTATIONS
from router.testing import LostWakeup, ScriptedProvider, run_virtual

if TYPE_CHECKING:
    from router.compile.explain import Explanation
    from router.compile.program import Program
    from router.suite.cases import Case

SCRIPTED = ("attempts", "served_by", "elapsed", "error")
NONE = "none"
Status = Literal["pass", "fail", "error"]
_BOUND = re.compile(r"(<=|>=|<|>)\s*(.+)\Z")


class _WrongTest(Exception):
    """The test itself is wrong; the text says how."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went.

    Attributes:
        case: The case.
        status: `pass`, `fail` (the table does otherwise) or `error` (the test is wrong).
        reason: What differs, or what is wrong; "" for a pass.
        explanation: How the call is decided; None for a test that is wrong.
    """

    case: Case
    status: Status
    reason: str
    explanation: Explanation | None = None


def run_case(program: Program, case: Case) -> Result:
    """Hold one case against a program; nothing is sent."""
    try:
        explanation = explained(program, case.given)
        _check_expectations(program, case)
        found = _facts(program, explanation)
        if case.script is not None:
            found |= _played(program, case)
    except (_WrongTest, InvalidCall) as error:
        return Result(case, "error", str(error))
    differing = [
        f"{name} is {_shown(found.get(name))}, not {_shown(wanted)}"
        for name, wanted in case.expect.items()
        if not _meets(found.get(name), wanted)
    ]
    return Result(case, "fail" if differing else "pass", "; ".join(differing), explanation)


def _check_expectations(program: Program, case: Case) -> None:
    for name, wanted in case.expect.items():
        if name not in EXPECTATIONS and name not in PARAMS:
            legal = ", ".join((*EXPECTATIONS, *PARAMS))
            raise _WrongTest(f"nothing is known of `{name}`; what can be expected: {legal}")
        if name in SCRIPTED and case.script is None:
            raise _WrongTest(f"`{name}` can only be expected of a test with a `script`")
        known = {
            "rule": {route.name for route in program.routes},
            "model": program.models,
            "endpoint": program.endpoints,
        }
        if name in known and wanted not in (None, NONE) and wanted not in known[name]:
            raise _WrongTest(f"there is no {name} `{wanted}`")
    for endpoint in case.script or ():
        if endpoint not in program.endpoints:
            raise _WrongTest(f"there is no endpoint `{endpoint}` to script")


def _facts(program: Program, explanation: Explanation) -> dict[str, object]:
    able = [each for each in explanation.candidates if each.skipped is None]
    endpoint = program.endpoints.get(explanation.endpoint or "")
    return {
        "rule": explanation.rule,
        "model": explanation.model,
        "models": list(dict.fromkeys(each.model for each in able)),
        "endpoint": explanation.endpoint,
        "locality": endpoint.locality if endpoint else None,
        **{name: option.value for name, option in explanation.options.items()},
    }


def _played(program: Program, case: Case) -> dict[str, object]:
    """Make the call on a virtual clock against scripted endpoints and return what happened."""
    script = case.script or {}
    providers = {name: ScriptedProvider(*script.get(name, ("ok",)), name=name) for name in program.endpoints}
    alone = replace(program, cache=None)  # what was kept from real calls is none of a test's business
    engine = Engine(alone, providers, dice=random.Random(0))  # noqa: S311 - the same dice in every run
    measured = {name for name, dimension in program.dimensions.items() if dimension.measured}
    options = {name: value for name, value in case.given.items() if name not in measured}

    async def call() -> dict[str, object]:
        found: dict[str, object] = {"error": None, "served_by": None}
        made = engine.call("a call of a test", None, options, live=case.given.get("stream") is True)
        try:
            attempt = await engine.run(made)
            found["served_by"] = attempt.model
            await attempt.close()
        except CallFailed as error:
            found["error"] = error.kind
        found["attempts"] = [each.endpoint for each in made.attempts]
        found["elapsed"] = engine.now() - made.started
        return found

    try:
        return run_virtual(call())
    except LostWakeup:
        raise _WrongTest(
            "a `timeout` in the script is waited for without end: no time limit applies"
        ) from None
    except CallFailed as error:
        return {"error": error.kind, "served_by": None, "attempts": [], "elapsed": 0.0}


def _meets(found: object, wanted: object) -> bool:
    if wanted == NONE:
        return found is None
    if isinstance(found, float) and isinstance(wanted, str):
        return _within(found, wanted)
    if isinstance(found, tuple):
        found = list(found)
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def _within(seconds: float, wanted: str) -> bool:
    """Return whether a time meets `<= 60s`, `> 2s` or `2s`."""
    bound = _BOUND.match(wanted)
    limit = parse_duration(bound[2] if bound else wanted)
    if limit is None:
        return False
    match bound[1] if bound else "=":
        case "<=":
            return seconds <= limit
        case ">=":
            return seconds >= limit
        case "<":
            return seconds < limit
        case ">":
            return seconds > limit
        case _:
            return abs(seconds - limit) < 0.0005  # noqa: PLR2004 - half a millisecond


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return NONE if value is None else str(value)
