"""An explanation as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.table_facts import in_words
from router.compile.worst import dollars
from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from router.compile.boundary import Boundary
    from router.compile.explain import ExplainedCandidate, ExplainedLadder, Explanation

MOST_BOUNDARIES = 8


def lines(explanation: Explanation) -> Iterator[str]:
    """Yield an explanation as a person reads it."""
    shown = (f"{name}={str(value).lower()}" for name, value in explanation.call.items() if value is not False)
    yield f"call      {' '.join(shown)}"
    yield from _decision(explanation)
    yield from _block(
        "options",
        (f"{name} {option.value}  from {option.origin}" for name, option in explanation.options.items()),
    )
    if explanation.model is not None:
        yield from _bounds(explanation)
    yield from _block("nearest", _nearest(explanation.nearest))
    yield from _block("rules", _rules(explanation))


def _decision(explanation: Explanation) -> Iterator[str]:
    """Yield the rule and where it sends the call."""
    if explanation.rule is not None:
        yield f"rule      {explanation.rule}  ({explanation.rule_at})"
    elif explanation.model is None:
        yield "rule      none matches; the call would fail with no_candidate"
    if explanation.split:
        total = sum(explanation.split.values())
        shares = ", ".join(f"{model} {weight / total:.0%}" for model, weight in explanation.split.items())
        yield f"split     {shares}"
    for number, candidate in enumerate(explanation.candidates):
        word = "then" if number else "model"
        skipped = f"  skipped: {candidate.skipped}" if candidate.skipped else ""
        yield f"{word:<10}{_place(candidate)}{skipped}"
    if explanation.offline is not None:
        yield from _block("offline", _ladder(explanation.offline))


def _bounds(explanation: Explanation) -> Iterator[str]:
    """Yield what holds for the call: time, attempts, money and what is kept."""
    attempts = f"{explanation.attempts} attempt{'s' if explanation.attempts > 1 else ''}"
    yield f"limits    {show_duration(explanation.deadline)} in all, at most {attempts}"
    yield from _block("budgets", explanation.budgets)
    for key, words in explanation.policies:
        yield f"{key:<10}{words}"
    if explanation.cache is not None:
        yield f"cache     {explanation.cache}"
    yield from _block("slowest", _slowest(explanation))
    yield from _block("cost", _costs(explanation))


def _block(word: str, texts: Iterable[str]) -> Iterator[str]:
    """Yield lines of which the first begins with a word."""
    for number, text in enumerate(texts):
        yield f"{'' if number else word:<10}{text}"


def _ladder(ladder: ExplainedLadder) -> Iterator[str]:
    """Yield what answers when no candidate does."""
    steps = [
        f"{_place(each)}{f'  skipped: {each.skipped}' if each.skipped else ''}" for each in ladder.candidates
    ]
    if ladder.stale is not None:
        steps.append(f"a kept answer, at most {show_duration(ladder.stale)} old")
    if ladder.replies:
        steps.append("a canned reply")
    if ladder.refused:
        steps = ["nothing: the rule says `no_degrade`"]
    yield from steps or ["nothing: the call fails"]


def _place(candidate: ExplainedCandidate) -> str:
    return f"{candidate.model} at {candidate.endpoint}"


def _slowest(explanation: Explanation) -> Iterator[str]:
    turns = [(_place(each), each.turn) for each in explanation.candidates if each.turn is not None]
    later = [f"{place} after {show_seconds(turn.starts)}" for place, turn in turns if turn.starts]
    then = f": {', '.join(later)}" if later else ""
    yield f"{show_seconds(explanation.slowest)} when every attempt times out{then}"
    yield from (f"{place} never gets its turn: {turn.never}" for place, turn in turns if turn.starts is None)


def _costs(explanation: Explanation) -> Iterator[str]:
    """Yield what each attempt costs, and all together; nothing is free unless its price says so."""
    able = [each for each in explanation.candidates if each.skipped is None]
    if not any(each.cost.worst is None or each.cost.worst for each in able):
        yield "nothing: free"
        return
    tokens = explanation.call["tokens"]
    for each in able:
        yield f"{_place(each)}: {_cost(each, tokens)}"
    yield f"all attempts together: {_at_most(explanation.dearest)}"


def _cost(candidate: ExplainedCandidate, tokens: object) -> str:
    cost = candidate.cost
    if cost.worst == 0:
        return "free"
    if cost.input is None:
        return "unknown: it has no price"
    read = f"${dollars(cost.input)} for {tokens} tokens in"
    if cost.worst is None:
        return f"{read}, the answer unknown: no max_tokens"
    longest = candidate.options.get("max_tokens")
    written = f" with {longest.value} out" if longest is not None else ""
    return f"{read}, at most ${dollars(cost.worst)}{written}"


def _at_most(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"at most ${dollars(amount)}"


def _nearest(found: tuple[Boundary, ...]) -> Iterator[str]:
    for each in found[:MOST_BOUNDARIES]:
        when = in_words({each.dimension: each.values})
        if each.rule is None:
            yield f"{when} -> no rule matches"
        else:
            yield f"{when} -> {each.model or 'no model can take it'}  (rule {each.rule})"
    if len(found) > MOST_BOUNDARIES:
        yield f"and {len(found) - MOST_BOUNDARIES} more; `--format json` has all"


def _rules(explanation: Explanation) -> Iterator[str]:
    for rule in explanation.rules:
        sign = "=>" if rule.name == explanation.rule else "+ " if rule.matched else "- "
        yield f"{sign} {rule.name}: {rule.because}"


def show_seconds(seconds: float) -> str:
    """Return seconds as a file writes them, rounded to milliseconds."""
    return show_duration(round(seconds, 3))
