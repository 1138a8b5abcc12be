"""What stands between a call and a deployment: the breakers of its scopes, rate limits, and how busy it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import BudgetExceeded, CallFailed, ConnectFailed, Overloaded
from router.core.observer import Notice
from router.policy.balance import Speed
from router.policy.breaker import CLOSED, OPEN
from router.policy.calibration import Calibration
from router.policy.kinds import NEVER, TREATMENTS
from router.policy.plan import ALWAYS, Opening

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from router.compile.program import Deployment
    from router.core.port import Vitality
    from router.core.usage import Usage
    from router.policy.breaker import Breaker, Pass
    from router.policy.kinds import Scope, Treatment
    from router.policy.rate import Rate, RetryBudget

LEAST_COOLED, MOST_COOLED = 1.0, 3600.0
CHECK_AGAIN = 1.0


class Refused(Exception):
    """A breaker closed the way between the choice and the try: nothing was sent."""


class Permit:
    """The right to send one attempt: a pass of each breaker, and the credential it goes out under."""

    __slots__ = ("at", "held", "key", "passes", "tokens")

    def __init__(self, passes: list[tuple[Guard, Pass]], key: int, at: float, tokens: int, held: int) -> None:
        self.passes = passes
        self.key = key
        self.at = at
        self.tokens = tokens  # as estimated
        self.held = held  # of the rate of tokens


class Guard:
    """A breaker with what it is for."""

    __slots__ = ("breaker", "name", "scope")

    def __init__(self, scope: Scope, name: str, breaker: Breaker) -> None:
        self.scope = scope
        self.name = name
        self.breaker = breaker


class Surroundings:
    """What all deployments at one endpoint share.

    Attributes:
        requests: Requests a minute, or None.
        tokens: Tokens a minute, or None.
        retries: Further tries it may be asked for.
        loading: Whether its last check said that it is loading.
        health: What its checks say, or None without any.
        busy: Attempts under way, and those that wait for a place.
        seen: Whether it has answered, and could be reached ever since.
    """

    __slots__ = ("busy", "health", "loading", "requests", "retries", "seen", "tokens")

    def __init__(self, requests: Rate | None, tokens: Rate | None, retries: RetryBudget) -> None:
        self.requests = requests
        self.tokens = tokens
        self.retries = retries
        self.loading = False
        self.health: Vitality | None = None
        self.busy = 0
        self.seen = False


class Gate:
    """One deployment's gate, shared by all loops.

    Its state is guarded by `lock`, which is held for microseconds, never over an await.

    Args:
        deployment: What is behind it.
        around: What it shares with the others at its endpoint.
        guards: The breakers of host, endpoint and deployment, as far as there are any.
        keys: For each credential its breakers.
        lock: Guards the state of all gates.
        notify: Is told when a breaker opens or closes.
    """

    def __init__(
        self,
        deployment: Deployment,
        around: Surroundings,
        guards: tuple[Guard, ...],
        keys: tuple[tuple[Guard, ...], ...],
        lock: threading.Lock,
        notify: Callable[[Notice], None],
    ) -> None:
        self._name = deployment.name
        self._places = deployment.endpoint.concurrency
        self._around = around
        self._guards = guards
        self._keys = keys
        self._lock = lock
        self._notify = notify
        self._plain = len(keys) < 2 and around.requests is None and around.tokens is None  # noqa: PLR2004
        self._first = (*guards, *(keys[0] if keys else ()))
        self._breakers = [guard.breaker for guard in self._first]
        self._passes = [(guard, guard.breaker.usual()) for guard in self._first]
        self._speed = Speed()
        self.scale = Calibration()

    @property
    def busy(self) -> float:
        """Attempts at the endpoint, waiting ones too, as a share of its places."""
        return self._around.busy / self._places

    @property
    def health(self) -> Vitality | None:
        """What health checks say of its endpoint, or None without any."""
        return self._around.health

    @property
    def unsure(self) -> bool:
        """Whether its endpoint has never answered, could not be reached of late, or is marked down."""
        around = self._around
        return (
            not around.seen
            or around.health == "down"
            or any(guard.scope == "host" and guard.breaker.state is not CLOSED for guard in self._guards)
        )

    @property
    def shut(self) -> bool:
        """Whether a breaker has not closed again since it opened; of several credentials, every one's."""
        keys = [any(guard.breaker.state is not CLOSED for guard in key) for key in self._keys]
        return any(guard.breaker.state is not CLOSED for guard in self._guards) or (bool(keys) and all(keys))

    def cost(self, now: float) -> float:
        """Return what one more call would wait, roughly."""
        return self._speed.cost(now, self._around.busy)

    def entered(self) -> None:
        """Count an attempt in, before it waits for a place; it ends with `gone`."""
        with self._lock:
            self._around.busy += 1

    def gone(self) -> None:
        """Count an attempt out."""
        with self._lock:
            self._around.busy -= 1

    def opening(self, now: float, tokens: int = 0) -> Opening:
        """Return when a call of so many prompt tokens may be tried here."""
        if self._calm(now):
            return ALWAYS
        around = self._around
        retry = around.retries.left
        key = self._open_key(now)
        guards = self._guards if key is None else (*self._guards, *self._keys[key])
        at, panic, asked, why = 0.0, 0.0, False, ""
        for guard in guards:
            opens = guard.breaker.opens(now)
            panic = max(panic, guard.breaker.panics(now))
            if opens > max(at, now):
                at, asked, why = opens, guard.breaker.cooled(now), guard.name
        limited = self._limited(now, tokens)
        panic = max(panic, limited)  # a probe pays too
        if limited > max(at, now):
            at, asked, why = limited, True, f"{self._name} has a rate limit"
        if around.loading and at <= now:
            at, panic, asked, why = now + CHECK_AGAIN, now + CHECK_AGAIN, True, f"{self._name} is loading"
        return Opening(at, panic, asked, retry, other_key=len(self._keys) > 1, why=why)

    def _calm(self, now: float) -> bool:
        """Whether nothing at all stands in the way, as nearly always."""
        around = self._around
        if not self._plain or around.loading or not around.retries.left:
            return False
        # Asked twice for every call: a generator would cost more than all the rest.
        for breaker in self._breakers:
            if breaker.state is not CLOSED or breaker.cooled_until > now:
                return False
        return True

    def admit(self, now: float, tokens: int = 0, *, panic: bool = False) -> Permit | None:
        """Return the right to send one attempt now, or None; each ends with `ended`."""
        with self._lock:
            if self._calm(now):
                return Permit(self._usual(), 0, now, tokens, 0)
            opening = self.opening(now, tokens)
            if (opening.panic if panic else opening.at) > now:
                return None
            key = self._open_key(now) if len(self._keys) > 1 else 0
            passes = []
            for guard in self._first if not key else (*self._guards, *self._keys[key]):
                given = guard.breaker.admit(now, panic=panic)
                if given is None:  # pragma: no cover - `opening` has looked, and the lock is held
                    raise AssertionError(f"{guard.name} closed under the lock")
                passes.append((guard, given))
            around = self._around
            if around.requests is not None:
                around.requests.take(now)
            held = 0
            if around.tokens is not None:
                held = self.scale.expected(tokens)
                around.tokens.take(now, held)
            return Permit(passes, key or 0, now, tokens, held)

    def _usual(self) -> list[tuple[Guard, Pass]]:
        """Return the passes of breakers that are all closed: the same for all tries until one of them opens."""
        for guard, given in self._passes:
            if given.generation != guard.breaker.generation:
                self._passes = [(guard, guard.breaker.usual()) for guard in self._first]
                break
        return self._passes

    def ended(
        self, permit: Permit, error: BaseException | None, usage: Usage | None, point: tuple[float, float]
    ) -> None:
        """Take in how an attempt went.

        Args:
            permit: Its permit.
            error: None for a good answer; what is no `CallFailed` of the endpoint counts for nothing.
            usage: Tokens it used, as far as known.
            point: The time, and a number from 0 to 1.
        """
        now, dice = point
        notices: list[Notice] = []
        with self._lock:
            around = self._around
            if usage is not None and permit.tokens:
                self._counted(permit, usage, now)
            treatment = TREATMENTS.get(error.kind) if isinstance(error, CallFailed) else None
            around.seen = error is None or (around.seen and not isinstance(error, ConnectFailed))
            if error is None:
                around.retries.earn()
            elif treatment is not None and self._slows(treatment):
                self._speed.failed(now - permit.at, now)
            scope = None if treatment is None else self._scope_of(treatment)
            for guard, given in permit.passes:
                if error is None and not given.probe:
                    guard.breaker.succeeded(given, now)
                    continue
                before = guard.breaker.state
                _settle(guard, given, (error, treatment, scope), now, dice)
                if guard.breaker.state != before:
                    notices += _notice(guard, error)
        for notice in notices:
            self._notify(notice)

    def _counted(self, permit: Permit, usage: Usage, now: float) -> None:
        """Correct what was taken of a rate, and learn how far the estimate was off."""
        if self._around.tokens is not None:
            self._around.tokens.take(now, usage.input_tokens + usage.output_tokens - permit.held)
        if not usage.estimated:
            self.scale.saw(permit.tokens, usage.input_tokens)

    def expects(self, seconds: float | None) -> None:
        """Start from the seconds to the first content that a benchmark measured, if any."""
        self._speed.expects(seconds)

    def saw(self, seconds: float, now: float) -> None:
        """Take in the seconds from an attempt's start to its first content."""
        self._speed.saw(seconds, now)

    def retried(self, error: CallFailed) -> None:
        """Pay for a further try at this endpoint."""
        self._around.retries.spend(timed_out=TREATMENTS.get(error.kind, NEVER).timeout)

    def hedged(self) -> None:
        """Pay for an attempt beside another."""
        self._around.retries.spend()

    def _slows(self, treatment: Treatment) -> bool:
        """Whether a failure makes a place look slow: also what fails fast must not attract, if no breaker stops it."""
        return treatment.verdict == "failure" or (treatment.verdict != "nothing" and not self._keys)

    def _limited(self, now: float, tokens: int) -> float:
        around = self._around
        at = around.requests.opens(now) if around.requests is not None else 0.0
        if around.tokens is None:
            return at
        return max(at, around.tokens.opens(now, self.scale.expected(tokens)))

    def _open_key(self, now: float) -> int | None:
        """Return the first credential that may be used, else the one that opens first; None without any."""
        if not self._keys:
            return None
        opens = [max(guard.breaker.opens(now) for guard in key) for key in self._keys]
        return next((index for index, at in enumerate(opens) if at <= now), opens.index(min(opens)))

    def _scope_of(self, treatment: Treatment) -> Scope:
        """Return whose breaker moves: without credentials, the endpoint's or the deployment's own."""
        if self._keys or treatment.scope not in ("key", "key_model"):
            return treatment.scope
        return "endpoint" if treatment.scope == "key" else "deployment"


def _settle(
    guard: Guard,
    given: Pass,
    result: tuple[BaseException | None, Treatment | None, Scope | None],
    now: float,
    dice: float,
) -> None:
    """Tell one breaker how an attempt went."""
    error, treatment, scope = result
    breaker = guard.breaker
    if error is None:
        breaker.succeeded(given, now)
    elif treatment is None or not isinstance(error, CallFailed) or isinstance(error, BudgetExceeded):
        breaker.released(given)  # nothing was heard of it, or nothing was sent at all
    elif guard.scope == scope and treatment.verdict != "nothing":
        _blame(breaker, given, error, treatment, (now, dice))
    elif given.probe and (treatment.alive or error.status is not None or guard.scope == "host"):
        breaker.succeeded(given, now)  # it lives: it read the call, and the fault is not its own
    else:
        breaker.released(given)


def _blame(
    breaker: Breaker, given: Pass, error: CallFailed, treatment: Treatment, point: tuple[float, float]
) -> None:
    now, dice = point
    asked = error.retry_after
    if treatment.verdict == "trip":
        breaker.tripped(given, now, dice, asked)
    elif treatment.verdict == "cooldown":
        breaker.released(given)
        breaker.cool(now + min(max(LEAST_COOLED, asked or 0.0), MOST_COOLED))
    else:
        breaker.failed(given, now, dice)
        if asked is not None and isinstance(error, Overloaded):
            breaker.cool(now + min(asked, MOST_COOLED))


def _notice(guard: Guard, error: BaseException | None) -> list[Notice]:
    state = guard.breaker.state
    if state == OPEN:
        return [Notice("breaker", guard.name, "open", str(error) if error is not None else "")]
    return [Notice("breaker", guard.name, "closed")] if state == CLOSED else []
