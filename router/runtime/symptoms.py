"""What an examination finds: a fact that is well, or what is wrong and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

Verdict = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was looked at.

    Attributes:
        check: What kind of thing: file, variable, readable, writable, endpoint, model, context, slots, memory, clock.
        subject: Which one.
        verdict: `ok`, `warn`, `fail`, or `skip` where it could not be looked at.
        detail: What was seen.
        advice: What to do next; "" where nothing is to be done.
        ms: Milliseconds that an answer took, or None.
    """

    check: str
    subject: str
    verdict: Verdict
    detail: str
    advice: str = ""
    ms: float | None = None


def count(symptoms: Sequence[Symptom], verdict: Verdict) -> int:
    """Return how many have a verdict."""
    return sum(each.verdict == verdict for each in symptoms)
