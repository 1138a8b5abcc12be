"""Retries, deadline and breaker: what the old file says of failing, in our numbers."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from router.convert.quantities import seconds
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.convert.deployment import Deployment
    from router.convert.old import Keys

OLD_RETRIES = 2
MOST = 10
MOST_FAILURES = 1000
USUAL_TIMEOUT = Decimal(60)
USUAL_DEADLINE = Decimal(120)
# For waits between tries, beside the tries themselves.
SLACK = Decimal(30)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and how long a call is tried.

    Attributes:
        same: Further tries at one deployment.
        attempts: Tries in all.
        deadline: Seconds for the whole call; None where the usual ones are enough.
        wanted: How often one deployment would be tried again if calls might be tried without end.
    """

    same: int
    attempts: int
    deadline: Decimal | None
    wanted: int


def limits(retries: int, groups: Iterable[int], chains: Iterable[list[Deployment]]) -> Limits:
    """Return the limits under which every chain is walked to its end.

    Args:
        retries: How often the old program tries a model again, at any of its deployments.
        groups: How many deployments each model has.
        chains: The deployments of each rule, in order.
    """
    wanted = -(-(retries + 1) // min(groups)) - 1
    walks = list(chains)
    most = max(map(len, walks))
    same = min(wanted, max(0, MOST // most - 1))
    longest = max(sum((_timeout(each) for each in walk), Decimal(0)) for walk in walks) * (same + 1) + SLACK
    deadline = (longest / 10).to_integral_value(ROUND_CEILING) * 10
    attempts = min(MOST, most * (same + 1))
    return Limits(same, attempts, deadline if deadline > USUAL_DEADLINE else None, wanted)


def _timeout(deployment: Deployment) -> Decimal:
    found = dict(deployment.place).get("timeout")
    return found if isinstance(found, Decimal) else USUAL_TIMEOUT


def retries_of(sections: Iterable[Keys]) -> tuple[int, Keys | None]:
    """Return how often the old file has a call tried again, and which section says so."""
    for section in sections:
        if section.has("num_retries"):
            number = section.number("num_retries")
            if number is not None:
                return int(number), section
    return OLD_RETRIES, None


def breaker_of(sections: Iterable[Keys]) -> tuple[dict[str, str], str]:
    """Return when an endpoint is left alone, and what said so; empty where nothing did."""
    found: dict[str, str] = {}
    said = []
    for section in sections:
        fails = section.number("allowed_fails") if "failures" not in found else None
        if fails is not None and fails >= MOST_FAILURES:
            section.leave("allowed_fails", f"a breaker counts to {MOST_FAILURES:,}")
        elif fails is not None:
            found["failures"] = str(int(fails) + 1)
            said.append(f"{section.path}.allowed_fails")
        cooldown = section.time("cooldown_time") if "open" not in found else None
        if cooldown:
            found["open"] = seconds(cooldown)
            found["max_open"] = seconds(max(cooldown, Decimal(30)))
            said.append(f"{section.path}.cooldown_time")
    return found, ", ".join(said)
