"""What a call does next: its walk over its candidates.

A plan does no I/O, reads no clock and rolls no dice: times and dice are passed in. So the engine, `explain`
and the tests all walk the same decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from router.core.errors import DeadlineExceeded, NoCandidate
from router.policy.kinds import NEVER, TELLING, TREATMENTS
from router.policy.retry import POLL, FailoverPolicy, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.core.errors import CallFailed
    from router.policy.kinds import Treatment


class Candidate(Protocol):
    """What a plan has to know of a deployment."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    @property
    def context(self) -> int | None:
        """Tokens of its context window, or None when unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Try:
    """Send the call to the candidate of this index, in the order the plan was given."""

    index: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until this time, then ask again."""

    until: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Raise this."""

    error: CallFailed


Step = Try | Wait | GiveUp


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """What bounds a call's walk.

    Attributes:
        retry: Attempts and waits.
        failover: Changes to which failures move on.
        min_left: No attempt starts with fewer seconds than this.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    failover: FailoverPolicy = field(default_factory=FailoverPolicy)
    min_left: float = 0.25


class Plan:
    """One call's walk: retry here, wait, move on, or give up. Its state is one call's and the engine's alone."""

    __slots__ = ("_at", "_attempts", "_candidates", "_deadline", "_failures", "_policy", "_ready", "_tried")

    def __init__(self, candidates: Sequence[Candidate], policy: PlanPolicy, deadline: float) -> None:
        self._candidates = candidates
        self._policy = policy
        self._deadline = deadline
        self._at = 0  # the candidate under way
        self._tried = 0  # attempts at it
        self._attempts = 0  # attempts in all; polls of a loading model do not count
        self._ready = 0.0  # not before this time
        self._failures: list[CallFailed] = []

    def next(self, now: float) -> Step:
        """Return the step to take now."""
        if self._at >= len(self._candidates):
            return GiveUp(self._telling())
        if now < self._ready:
            return Wait(self._ready)
        if self._deadline - now < self._policy.min_left:
            return GiveUp(self.out_of_time())
        return Try(self._at)

    def failed(self, error: CallFailed, now: float, dice: float) -> Step:
        """Take note of a failed attempt and return the step to take now."""
        self._failures.append(error)
        treatment = TREATMENTS.get(error.kind, NEVER)
        self._tried += 1
        self._attempts += not treatment.poll
        others = self._next_candidate(error, treatment)
        wait = self._wait_here(error, treatment, dice, others=others is not None)
        if wait is not None and now + wait + self._policy.min_left <= self._deadline:
            self._ready = now + wait
            return self.next(now)
        self._at = len(self._candidates) if others is None else others
        self._tried = 0
        self._ready = now
        return self.next(now)

    def out_of_time(self, error: DeadlineExceeded | None = None) -> DeadlineExceeded:
        """Return the error of a call whose time is over; `error` is what was cut short."""
        if error is not None and not self._failures:
            return error
        last = f"; the last failure was: {self._failures[-1]}" if self._failures else ""
        return DeadlineExceeded(f"the call's deadline passed before an answer was there{last}")

    def _wait_here(
        self,
        error: CallFailed,
        treatment: Treatment,
        dice: float,
        *,
        others: bool,
    ) -> float | None:
        """Return seconds until the same deployment is tried again, or None when it is not."""
        retry = self._policy.retry
        if not (treatment.retry and error.retryable):
            return None
        if treatment.poll:
            return None if others else max(POLL, error.retry_after or 0.0)
        if self._tried > retry.same or self._attempts >= retry.attempts:
            return None
        pushback = error.retry_after
        if pushback is not None and pushback > (retry.wait if others else retry.wait_alone):
            return None
        if treatment.at_once and self._tried == 1 and pushback is None:
            return 0.0
        return retry.delay(self._tried, pushback, dice)

    def _next_candidate(self, error: CallFailed, treatment: Treatment) -> int | None:
        """Return the index of the candidate that a failure moves on to, or None."""
        failover = self._policy.failover
        moves = error.kind in failover.also_on or treatment.failover != "no"
        if not moves or error.kind in failover.never_on or self._attempts >= self._policy.retry.attempts:
            return None
        here = self._candidates[self._at].context
        for index in range(self._at + 1, len(self._candidates)):
            there = self._candidates[index].context
            if treatment.failover != "larger" or here is None or there is None or there > here:
                return index
        return None

    def _telling(self) -> CallFailed:
        """Return the failure that tells the caller most."""
        if not self._failures:
            return NoCandidate("no candidate may serve this call")
        kinds = [failure.kind for failure in self._failures]
        for kind in TELLING:
            if kind in kinds:
                return self._failures[len(kinds) - 1 - kinds[::-1].index(kind)]
        return self._failures[-1]
