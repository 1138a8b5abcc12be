"""What a call does next: its walk over its candidates.

A plan does no I/O, reads no clock and rolls no dice: times and dice are passed in, and what is known of the
candidates' health by a gate. So the engine, `explain` and the tests all walk the same decisions.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from router.core.errors import AllCircuitsOpen, DeadlineExceeded, NoCandidate
from router.core.frozen import dataclass
from router.policy.kinds import NEVER, TELLING, TREATMENTS
from router.policy.retry import POLL, FailoverPolicy, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router.core.errors import CallFailed
    from router.policy.kinds import Treatment

PATIENCE = 5.0


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

    @property
    def load_timeout(self) -> float:
        """Seconds that it may say that it is loading."""
        ...


class Opening(NamedTuple):
    """When a candidate may be tried.

    Attributes:
        at: The time from which it may be; now or earlier means at once.
        panic: The same when nothing else is left; `inf` means never.
        asked: Whether it is closed because the other side asked for time.
        retry: Whether a further try at it is affordable.
        other_key: Whether a further try would go out under another credential than the last.
        why: What is told of a call that waits for nobody.
    """

    at: float
    panic: float
    asked: bool = False
    retry: bool = True
    other_key: bool = False
    why: str = ""


ALWAYS = Opening(0.0, 0.0)


def always_open(_index: int, _now: float) -> Opening:
    """Let every candidate be tried at any time."""
    return ALWAYS


@dataclass(frozen=True, slots=True)
class Try:
    """Send the call to the candidate of this index, in the order the plan was given.

    Attributes:
        index: Which one.
        panic: Whether it is tried although it is closed, because nothing else is left.
    """

    index: int
    panic: bool = False


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
    """One call's walk: retry here, wait, move on, or give up. Its state is one call's and the engine's alone.

    Args:
        candidates: In the order of failover.
        policy: What bounds the walk.
        deadline: The time at which the call is over.
        gate: Tells when a candidate may be tried.
        at: The candidate that is under way already, or -1.
    """

    __slots__ = (
        "_again",
        "_at",
        "_attempts",
        "_candidates",
        "_deadline",
        "_failures",
        "_gate",
        "_larger",
        "_left",
        "_loading",
        "_only",
        "_patience",
        "_policy",
        "_ready",
        "_tried",
    )

    def __init__(
        self,
        candidates: Sequence[Candidate],
        policy: PlanPolicy,
        deadline: float,
        gate: Callable[[int, float], Opening] = always_open,
        at: int = -1,
    ) -> None:
        self._candidates = candidates
        self._policy = policy
        self._deadline = deadline
        self._gate = gate
        self._left = list(range(len(candidates)))  # not given up yet, in order
        self._at = at  # the candidate under way, or -1 while one has to be chosen
        self._tried = [0] * len(candidates)  # attempts at each
        self._attempts = 0  # attempts in all; polls of a loading model do not count
        self._ready = 0.0  # not before this time
        self._larger = 0  # only candidates with more context than this, or with an unknown one
        self._only = -1  # the candidate that the last failure may not move on from, or -1
        self._again = False  # whether a further try is waited for that has to be paid for
        self._patience = PATIENCE  # seconds left to wait for a closed candidate
        self._failures: list[CallFailed] = []
        self._loading: dict[int, float] = {}  # since when candidates say that they are loading

    def next(self, now: float) -> Step:
        """Return the step to take now."""
        if now < self._ready:
            return Wait(self._ready)
        opening = self._gate(self._at, now) if self._at >= 0 else None
        if opening is not None and self._again and not opening.retry:
            self._forget(self._at)  # others were quicker to spend the budget
        self._again = False
        if opening is None or opening.at > now or self._at < 0:
            step = self._choose(now)
            if step is not None:
                return step
        if self._deadline - now < self._policy.min_left:
            return GiveUp(self.out_of_time())
        return Try(self._at)

    def failed(self, error: CallFailed, now: float, dice: float, *, index: int | None = None) -> Step:
        """Take note of a failed attempt and return the step to take now.

        Args:
            error: How it failed.
            now: The time.
            dice: A number from 0 to 1 that spreads the wait.
            index: The candidate, when it is not the one under way: a hedge.
        """
        at = self._at if index is None else index
        self._only, self._again = -1, False
        self._failures.append(error)
        treatment = TREATMENTS.get(error.kind, NEVER)
        self._attempts += not treatment.poll
        moves = self._moves(error, treatment)
        if treatment.failover == "larger" and moves:
            self._larger = max(self._larger, self._candidates[at].context or 0)
        if at != self._at:
            self._forget(at)
            if not moves:
                self._left.clear()
                self._at = -1
            return self.next(now)
        self._tried[at] += 1
        others = moves and any(index != at and self._eligible(index) for index in self._left)
        wait = self._wait_here(error, treatment, (now, dice), others=others)
        in_time = wait is not None and now + wait + self._policy.min_left <= self._deadline
        if wait is not None and in_time and self._eligible(at):
            self._ready = now + wait
            self._only, self._again = -1 if moves else at, wait > 0 and not treatment.poll
            return self.next(now)
        self._ready = now
        self._forget(at)
        if not moves:
            self._left.clear()
        return self.next(now)

    def refused(self, now: float) -> Step:
        """Return the step to take when the candidate closed between the choice and the try."""
        self._ready = now
        self._at = -1
        return self.next(now)

    def hedge(self, now: float, apart: Callable[[int, int], bool]) -> int | None:
        """Return a candidate to try beside the one under way, or None.

        Args:
            now: The time.
            apart: Tells whether two candidates have nothing in common.
        """
        if self._attempts + 1 >= self._policy.retry.attempts or self._deadline - now < self._policy.min_left:
            return None
        for index in self._left:
            if index != self._at and self._eligible(index) and apart(self._at, index):
                opening = self._gate(index, now)
                if opening.at <= now and opening.retry:
                    return index
        return None

    def moved(self, index: int) -> None:
        """Take note that a hedge goes on in the place of the candidate under way, which was slow and comes last now."""
        if self._at in self._left:
            self._left.remove(self._at)
            self._left.append(self._at)
        self._at = index

    def out_of_time(self, error: DeadlineExceeded | None = None) -> DeadlineExceeded:
        """Return the error of a call whose time is over; `error` is what was cut short."""
        if error is not None and not self._failures:
            return error
        last = f"; the last failure was: {self._failures[-1]}" if self._failures else ""
        return DeadlineExceeded(f"the call's deadline passed before an answer was there{last}")

    def _choose(self, now: float) -> Step | None:
        """Make the first open candidate the one under way and return None; else return what to do instead."""
        self._at = -1
        closed: dict[int, Opening] = {}
        every = self._only == -1 and not self._larger
        for index in self._left:
            if every or self._eligible(index):
                opening = self._gate(index, now)
                if opening.at <= now:
                    self._at = index
                    return None
                closed[index] = opening
        return self._all_closed(closed, now) if closed else GiveUp(self._telling())

    def _all_closed(self, closed: Mapping[int, Opening], now: float) -> Step:
        """Return what to do when nothing is open: probe what failed, wait for what opens soon, or give up."""
        left = self._deadline - now - self._policy.min_left
        probed = next((index for index, opening in closed.items() if opening.panic <= now), None)
        if probed is not None and left >= 0:
            self._at = probed
            return Try(probed, panic=True)
        soonest = min(closed.values(), key=lambda opening: opening.at)
        wait = soonest.at - now
        patience = self._policy.retry.wait_alone if soonest.asked else self._patience
        if wait <= min(patience, left):
            self._patience -= 0.0 if soonest.asked else wait
            return Wait(soonest.at)
        return GiveUp(self._closed(list(closed.values()), wait))

    def _closed(self, closed: Sequence[Opening], seconds: float) -> CallFailed:
        """Return the error of a call whose remaining candidates are all closed."""
        if self._failures:
            return self._telling()
        why = "; ".join(dict.fromkeys(opening.why for opening in closed if opening.why))
        return AllCircuitsOpen(
            f"every candidate is left alone for now{f' ({why})' if why else ''}",
            retry_after=max(0.0, seconds),
        )

    def _eligible(self, index: int) -> bool:
        if self._only not in (-1, index):
            return False
        if not self._larger:
            return True
        context = self._candidates[index].context
        return context is None or context > self._larger

    def _forget(self, index: int) -> None:
        if index in self._left:
            self._left.remove(index)
        if index == self._at:
            self._at = -1

    def _moves(self, error: CallFailed, treatment: Treatment) -> bool:
        """Whether a failure may move on to another candidate."""
        failover = self._policy.failover
        allowed = error.kind in failover.also_on or treatment.failover != "no"
        left = self._attempts < self._policy.retry.attempts
        return allowed and error.kind not in failover.never_on and left

    def _wait_here(
        self, error: CallFailed, treatment: Treatment, point: tuple[float, float], *, others: bool
    ) -> float | None:
        """Return seconds until the same deployment is tried again, or None when it is not."""
        retry = self._policy.retry
        now, dice = point
        tried = self._tried[self._at]
        if treatment.poll:
            since = self._loading.setdefault(self._at, now)
            too_long = now - since >= self._candidates[self._at].load_timeout
            return None if others or too_long or not error.retryable else max(POLL, error.retry_after or 0.0)
        if self._attempts >= retry.attempts:
            return None
        opening = self._gate(self._at, now)
        if treatment.other_key and opening.other_key and opening.at <= now:
            return 0.0  # only the one credential is closed
        opened = others and opening.at > now and not opening.asked  # its breaker: not worth a wait
        if opened or not (treatment.retry and error.retryable and opening.retry) or tried > retry.same:
            return None
        asked = max(opening.at - now, 0.0) if opening.asked else 0.0
        pushback = max(error.retry_after or 0.0, asked) or error.retry_after
        if pushback is not None and pushback > (retry.wait if others else retry.wait_alone):
            return None
        if treatment.at_once and tried == 1 and pushback is None:
            return 0.0
        return retry.delay(tried, pushback, dice)

    def _telling(self) -> CallFailed:
        """Return the failure that tells the caller most."""
        if not self._failures:
            return NoCandidate("no candidate may serve this call")
        kinds = [failure.kind for failure in self._failures]
        for kind in TELLING:
            if kind in kinds:
                return self._failures[len(kinds) - 1 - kinds[::-1].index(kind)]
        return self._failures[-1]
