"""How a tested call was decided and what happened to it, line by line: what a failure shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.compile.explain import Explanation
    from router.suite.play import Played
    from router.suite.run import Result

MOST_RULES = 40


def trace(result: Result) -> Iterator[str]:
    """Yield the lines about a result; none where the test itself is wrong."""
    if result.explanation is not None:
        yield from _decided(result.explanation)
    if result.played is not None:
        yield from _happened(result.played)


def _decided(explanation: Explanation) -> Iterator[str]:
    shown = (f"{name}={str(value).lower()}" for name, value in explanation.call.items() if value is not False)
    yield f"call      {' '.join(shown)}"
    yield from _rules(explanation)
    for number, candidate in enumerate(explanation.candidates):
        skipped = f"  skipped: {candidate.skipped}" if candidate.skipped else ""
        yield f"{'then' if number else 'model':<10}{candidate.model} at {candidate.endpoint}{skipped}"
    for number, (name, option) in enumerate(explanation.options.items()):
        yield f"{'' if number else 'options':<10}{name} {option.value}  from {option.origin}"


def _rules(explanation: Explanation) -> Iterator[str]:
    """Yield a line for each rule; of many, for those that match."""
    many = len(explanation.rules) > MOST_RULES
    shown = [rule for rule in explanation.rules if rule.matched or not many]
    for number, rule in enumerate(shown[:MOST_RULES]):
        sign = "=>" if rule.name == explanation.rule else "+ " if rule.matched else "- "
        yield f"{'' if number else 'rules':<10}{sign} {rule.name}: {rule.because}"
    left = len(explanation.rules) - len(shown[:MOST_RULES])
    if left:
        yield f"{'' if shown else 'rules':<10}{left} more rules; `router explain` shows all"


def _happened(played: Played) -> Iterator[str]:
    for number, attempt in enumerate(played.attempts):
        status = f" ({attempt.status})" if attempt.status is not None else ""
        took = show_duration(round(attempt.ms / 1000, 3))
        yield f"{'' if number else 'attempts':<10}{attempt.model} at {attempt.endpoint}: {attempt.outcome}{status} after {took}"
    end = f"served by {played.served_by}" if played.error is None else played.error
    yield f"end       {end} after {show_duration(round(played.elapsed, 3))}"
