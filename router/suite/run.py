"""Cases held against a compiled table: by its explanation, or by making the call in a scripted world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from router.config.routing_tests import NONE, parse_bound
from router.core.errors import InvalidCall
from router.core.frozen import dataclass
from router.core.units import show_duration
from router.runtime.said import explained
from router.suite.play import CannotPlay, Played, played

if TYPE_CHECKING:
    from router.compile.explain import Explanation
    from router.compile.program import Program
    from router.config.cases import Case
    from router.suite.cases import Suite

Status = Literal["pass", "fail", "error"]
ELAPSED = "elapsed"
# Times within half a millisecond are the same.
SAME_TIME = 0.0005


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went.

    Attributes:
        case: The case.
        status: `pass`, `fail` (the table does otherwise) or `error` (the test is wrong).
        reason: What differs, or what is wrong; "" for a pass.
        explanation: How the call is decided; None for a test that is wrong.
        played: What happened to the call; None where it was not made.
    """

    case: Case
    status: Status
    reason: str
    explanation: Explanation | None = None
    played: Played | None = None


def run_case(suite: Suite, case: Case) -> Result:
    """Hold one case against what its suite tests; nothing is sent."""
    wrong = suite.wrong(case)
    if wrong:
        return Result(case, "error", wrong)
    happened = None
    try:
        explanation = explained(suite.program, case.given)
        found = _facts(suite.program, explanation)
        if case.script is not None:
            happened = played(suite.program, case, explanation)
            found |= happened.facts()
    except (CannotPlay, InvalidCall) as error:
        return Result(case, "error", str(error))
    differing = [
        f"{name} is {_shown(name, found.get(name))}, not {_shown(name, wanted)}"
        for name, wanted in case.expect.items()
        if not _meets(found.get(name), wanted)
    ]
    status: Status = "fail" if differing else "pass"
    return Result(case, status, "; ".join(differing), explanation, happened)


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
    sign, limit = parse_bound(wanted) or ("", -1.0)
    match sign:
        case "<=":
            return seconds <= limit
        case ">=":
            return seconds >= limit
        case "<":
            return seconds < limit
        case ">":
            return seconds > limit
        case _:
            return abs(seconds - limit) < SAME_TIME


def _shown(name: str, value: object) -> str:
    if isinstance(value, float):
        return show_duration(round(value, 3)) if name == ELAPSED else f"{value:g}"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return NONE if value is None else str(value)
