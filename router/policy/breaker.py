"""A breaker: leaves alone what fails, and lets one probe see whether it is well again."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final, Literal, NamedTuple

from router.core.frozen import dataclass

State = Literal["closed", "open", "half"]
CLOSED: Final = "closed"
OPEN: Final = "open"
HALF: Final = "half"
TRIPPED, MOST_TRIPPED = 300.0, 3600.0
PANIC = 2.0
POLL = 0.25
RISE = 2
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When it opens, and for how long; times in seconds.

    Attributes:
        failures: Failures in a row that open it.
        ratio: Share of failures, from 0 to 1, that opens it.
        window: The time in which the share is taken.
        minimum: Results in the window before the share counts.
        open: How long it stays open the first time.
        max_open: How long it stays open at most.
    """

    failures: int = 3
    ratio: float = 0.5
    window: float = 30.0
    minimum: int = 10
    open: float = 5.0
    max_open: float = 30.0


class Pass(NamedTuple):
    """The right to try once: results under an older `generation` than the breaker's are not counted."""

    generation: int
    probe: bool


class Breaker:
    """One scope's failures and what follows. Closed lets all through, open none, half-open one probe at a time.

    Times and dice are arguments. Its owner keeps two callers from changing it at once. Nothing goes through before
    `cooled_until`, whatever its state: the other side asked for that.
    """

    __slots__ = (
        "_failures",
        "_good_probes",
        "_opened",
        "_pass",
        "_policy",
        "_probing",
        "_reopened",
        "_seen",
        "_seen_failed",
        "_tripped",
        "_trips",
        "_until",
        "cooled_until",
        "generation",
        "state",
    )

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self.state: State = CLOSED
        self.generation = 0
        self._pass = Pass(0, probe=False)  # of its generation, or of an older one
        self._failures = 0  # in a row
        self._seen: deque[tuple[float, bool]] = deque(maxlen=_REMEMBERED)  # time, whether it failed
        self._seen_failed = 0
        self._until = 0.0  # open until then
        self._opened = 0.0
        self._reopened = 0  # times in a row that a probe failed
        self._trips = 0  # times in a row that a probe was refused for good
        self._tripped = False
        self.cooled_until = 0.0  # nothing before this time, whatever the state
        self._probing = False
        self._good_probes = 0

    def cooled(self, now: float) -> bool:
        """Whether the other side asked for time."""
        return self.cooled_until > now

    def opens(self, now: float) -> float:
        """Return when a try may be let through: `now` or earlier means at once."""
        at = self.cooled_until
        if self.state is OPEN:
            at = max(at, self._until)
        elif self.state is HALF and self._probing:
            at = max(at, now + POLL)
        return at

    def panics(self, now: float) -> float:
        """Return when it may be probed although it is open, because nothing else is left; `inf` means never.

        What was tripped or asked for time is left alone; what merely failed may be asked every two seconds.
        """
        if self.cooled_until > now or (self.state is OPEN and self._tripped):
            return inf
        if self.state is OPEN:
            return self._opened + PANIC
        return self.opens(now)

    def admit(self, now: float, *, panic: bool = False) -> Pass | None:
        """Let one try through, or None. Every pass ends with one of the four calls below."""
        if self.state is CLOSED:
            return self.usual() if self.cooled_until <= now else None
        if (self.panics(now) if panic else self.opens(now)) > now:
            return None
        if self.state is OPEN:
            self.state = HALF
            self.generation += 1
            self._good_probes = 0
        self._probing = True
        return Pass(self.generation, probe=True)

    def usual(self) -> Pass:
        """Return the pass of one that is closed: the same for all tries of a generation."""
        if self._pass.generation != self.generation:
            self._pass = Pass(self.generation, probe=False)
        return self._pass

    def succeeded(self, given: Pass, now: float) -> None:
        """Count a success."""
        if given.generation != self.generation:
            return
        if not given.probe:
            self._failures = 0
            self._note(now, failed=False)
            return
        self._probing = False
        self._good_probes += 1
        if self._good_probes >= RISE:
            self.close()

    def failed(self, given: Pass, now: float, dice: float) -> None:
        """Count a failure; `dice` from 0 to 1 spreads the time it stays open."""
        if given.generation != self.generation:
            return
        if given.probe:
            self._reopened += 1
            self._open(now, dice)
            return
        self._failures += 1
        self._note(now, failed=True)
        policy = self._policy
        many = len(self._seen) >= policy.minimum and self._seen_failed >= policy.ratio * len(self._seen)
        if self._failures >= policy.failures or many:
            self._open(now, dice)

    def tripped(self, given: Pass, now: float, dice: float, seconds: float | None = None) -> None:
        """Open it at once, for `seconds` if the other side said how long."""
        if given.generation != self.generation:
            return
        self._trips += given.probe  # it was tripped, or failed, and is not well yet
        base = TRIPPED if seconds is None else max(TRIPPED, seconds)
        length = min(base * 2 ** min(self._trips, 8), MOST_TRIPPED)
        self._shut(now, length if seconds is not None else length * (0.8 + 0.4 * dice), tripped=True)

    def released(self, given: Pass) -> None:
        """Give a pass back without a verdict."""
        if given.probe and given.generation == self.generation:
            self._probing = False

    def cool(self, until: float) -> None:
        """Let nothing through before this time: the other side asked for it."""
        self.cooled_until = max(self.cooled_until, until)

    def close(self) -> None:
        """Forget every failure."""
        self.state = CLOSED
        self.generation += 1
        self._failures = self._reopened = self._trips = self._seen_failed = 0
        self._tripped = self._probing = False
        self._seen.clear()

    def isolate(self, now: float, seconds: float) -> None:
        """Open it from outside, as a health check does; a probe may close it after `seconds`."""
        if self.state is CLOSED:
            self._shut(now, seconds, tripped=False)
        else:
            self._until = max(self._until, now + seconds)

    def _open(self, now: float, dice: float) -> None:
        policy = self._policy
        length = min(policy.open * 2 ** min(self._reopened, 16), policy.max_open)
        self._shut(now, min(length * (0.8 + 0.4 * dice), policy.max_open), tripped=False)

    def _shut(self, now: float, seconds: float, *, tripped: bool) -> None:
        self.state = OPEN
        self.generation += 1
        self._until = now + seconds
        self._opened = now
        self._tripped = tripped
        self._probing = False
        self._failures = 0

    def _note(self, now: float, *, failed: bool) -> None:
        seen = self._seen
        if len(seen) == _REMEMBERED:
            self._seen_failed -= seen[0][1]
        seen.append((now, failed))
        self._seen_failed += failed
        oldest = now - self._policy.window
        while seen[0][0] < oldest:
            self._seen_failed -= seen.popleft()[1]
