"""How many second attempts may run beside a slow first one."""

from __future__ import annotations

import threading
from collections import deque

from router.core.frozen import dataclass

WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """When a call gets a second attempt at another endpoint.

    Attributes:
        after: Seconds without content after which it starts.
        max: The share of calls that may have one, from 0 to 1.
    """

    after: float
    max: float = 0.05


class HedgeShare:
    """The share of hedged calls in the last minute, over all loops; `_lock` guards it. Time is an argument."""

    __slots__ = ("_calls", "_hedged", "_lock", "_policy")

    def __init__(self, policy: HedgePolicy) -> None:
        self._policy = policy
        self._calls: deque[float] = deque(maxlen=100_000)
        self._hedged: deque[float] = deque(maxlen=100_000)
        self._lock = threading.Lock()

    @property
    def after(self) -> float:
        """Seconds without content after which a second attempt starts."""
        return self._policy.after

    def called(self, now: float) -> None:
        """Take note of a call that could be hedged."""
        with self._lock:
            self._calls.append(now)

    def take(self, now: float) -> bool:
        """Return whether one more call may be hedged, and count it if so.

        The first call of a quiet minute may: a share of few calls would never allow one.
        """
        most = self._policy.max
        with self._lock:
            for seen in (self._calls, self._hedged):
                while seen and seen[0] < now - WINDOW:
                    seen.popleft()
            if not most or len(self._hedged) + 1 > max(1.0, most * len(self._calls)):
                return False
            self._hedged.append(now)
            return True
