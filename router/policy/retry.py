"""How often a failed attempt is made again, and how long is waited between."""

from __future__ import annotations

from router.core.frozen import dataclass

POLL = 2.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Settings of retries.

    Attributes:
        attempts: Attempts in all, over every candidate.
        same: Further tries at one deployment.
        first: Seconds before the second try.
        factor: How much longer each next wait is.
        longest: Seconds of the longest wait.
        wait: Seconds a Retry-After is waited for while another candidate exists.
        wait_alone: The same when none exists.
    """

    attempts: int = 4
    same: int = 1
    first: float = 0.5
    factor: float = 2.0
    longest: float = 8.0
    wait: float = 3.0
    wait_alone: float = 60.0

    def delay(self, tried: int, retry_after: float | None, dice: float) -> float:
        """Return seconds before the next try at the same deployment.

        Args:
            tried: Tries at it so far, at least 1.
            retry_after: What it asked for, which is never undercut.
            dice: A number from 0 to 1; the wait lies in the upper half of its step.
        """
        step = self.first
        for _ in range(tried - 1):
            step = min(step * self.factor, self.longest)
        backoff = min(step, self.longest) * (0.5 + dice / 2)
        if retry_after is None:
            return backoff
        return max(backoff, retry_after) + dice * min(1.0, 0.1 * retry_after)


@dataclass(frozen=True, slots=True)
class FailoverPolicy:
    """Kinds of failure that move on to the next candidate, or do not, against the known treatment."""

    also_on: frozenset[str] = frozenset()
    never_on: frozenset[str] = frozenset()
