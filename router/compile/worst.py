"""How long a call may take and what it may cost: its plan walked with every attempt timing out, and its dearest tries."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, TypeVar

from router.core.errors import FirstTokenTimeout
from router.core.frozen import dataclass
from router.core.usage import MILLION, NO_TOKENS
from router.policy.plan import Plan, Try, Wait

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.compile.program import Deployment
    from router.core.request import Timeouts
    from router.policy.plan import PlanPolicy

NOTHING = Decimal(0)
LONGEST_JITTER = 1.0
Sum = TypeVar("Sum", int, Decimal)  # billionths of a dollar, or dollars


@dataclass(frozen=True, slots=True)
class Turn:
    """When a candidate is first tried.

    Attributes:
        starts: Seconds after the call began, or None when it never is.
        never: Why it never is, or None.
    """

    starts: float | None
    never: str | None = None


@dataclass(frozen=True, slots=True)
class Slowest:
    """A call of which every attempt times out.

    Attributes:
        seconds: When it is over.
        turns: A turn for each candidate, in order.
    """

    seconds: float
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one attempt costs, in dollars; None where it is unknown.

    Attributes:
        input: The prompt.
        worst: The prompt and the longest answer.
    """

    input: Decimal | None
    worst: Decimal | None

    def as_json(self) -> dict[str, str | None]:
        """Return it as `--format json` prints it."""
        return {"input": dollars(self.input), "worst": dollars(self.worst)}


def slowest(candidates: Sequence[Deployment], policy: PlanPolicy, deadline: float, *, live: bool) -> Slowest:
    """Walk a call's plan with every attempt timing out and every wait at its longest.

    Args:
        candidates: The deployments that may serve it, best first.
        policy: What bounds the walk.
        deadline: Seconds of the whole call.
        live: Whether the answer is handed out as it comes: then an attempt that has begun to answer is the last,
            and one that has not is given up after the `first` of its endpoint.
    """
    plan = Plan(candidates, policy, deadline)
    starts: dict[int, float] = {}
    now = end = 0.0
    attempts = 0
    step = plan.next(now)
    while isinstance(step, Try | Wait):
        if isinstance(step, Wait):
            now = step.until
            step = plan.next(now)
            continue
        attempts += 1
        starts.setdefault(step.index, now)
        timeouts = candidates[step.index].endpoint.timeouts
        end = max(end, min(deadline, now + _whole(timeouts)))
        now = min(deadline, now + (_silent(timeouts) if live else _whole(timeouts)))
        if now >= deadline:
            break
        step = plan.failed(FirstTokenTimeout("it timed out"), now, LONGEST_JITTER)
    never = _why(policy, attempts, deadline - now)
    return Slowest(
        max(end, now),
        tuple(
            Turn(starts[number]) if number in starts else Turn(None, never)
            for number in range(len(candidates))
        ),
    )


def _whole(timeouts: Timeouts) -> float:
    return inf if timeouts.total is None else timeouts.total


def _silent(timeouts: Timeouts) -> float:
    return min(_whole(timeouts), inf if timeouts.first is None else timeouts.first)


def _why(policy: PlanPolicy, attempts: int, left: float) -> str:
    if left < policy.min_left or left <= 0:
        return "the deadline passes before"
    if attempts >= policy.retry.attempts:
        return f"{attempts} attempt{'s are' if attempts > 1 else ' is'} all there may be"
    return "a timeout does not move on to it"


def cost_of(deployment: Deployment, tokens: object, max_tokens: object) -> Cost:
    """Return what an attempt costs.

    Args:
        deployment: What is tried.
        tokens: Tokens of the prompt; unknown unless a whole number.
        max_tokens: Tokens of the longest answer; unknown unless a whole number.
    """
    price = deployment.price
    if price is None:
        return Cost(None, None)
    if price.per_hour is not None:
        total = deployment.endpoint.timeouts.total
        return Cost(NOTHING, None if total is None else price.cost(NO_TOKENS, total))
    read = _priced(price.input, tokens)
    written = _priced(price.output, max_tokens)
    return Cost(read, None if read is None or written is None else read + written)


def _priced(rate: Decimal, tokens: object) -> Decimal | None:
    """Return the cost of tokens; an unknown number of free ones is known to cost nothing."""
    if not rate:
        return NOTHING
    return tokens * rate / MILLION if isinstance(tokens, int) else None


def dearest(
    costs: Sequence[Sum | None],
    attempts: int,
    same: int,
    nothing: Sum = NOTHING,  # type: ignore[assignment]  # dollars, where nothing else is said
) -> Sum | None:
    """Return the most that a chain of candidates may cost, or None when it is unknown.

    Candidates are tried in order, each at least once before the next and at most `same` times more.

    Args:
        costs: The most that one attempt costs, for each candidate in order.
        attempts: Attempts in all.
        same: Further tries at one candidate.
        nothing: What no attempt costs: 0 of what `costs` are.
    """
    worst = nothing
    reached: list[Sum] = []
    for cost in costs[:attempts]:
        if cost is None:
            return None
        reached.append(cost)
        more = attempts - len(reached)
        again = [each for each in sorted(reached, reverse=True) for _ in range(min(same, more))]
        worst = max(worst, sum(reached, nothing) + sum(again[:more], nothing))
    return worst


def dollars(amount: Decimal | None) -> str | None:
    """Return dollars as digits: `0.00012`; None stays None."""
    return None if amount is None else f"{amount.normalize():f}"
