"""The models of a file where they are: what the file says of each, and what its endpoint does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.runtime.inspection import CLOCK, NO_CONTACT, PATIENCE, Seen, deployments, inspect, used

if TYPE_CHECKING:
    from typing import Literal

    from router.compile.program import Deployment
    from router.core.clock import Clock
    from router.core.port import Listed
    from router.runtime.inspection import Prepared

    Health = Literal["up", "loading", "down", "unasked"]


@dataclass(frozen=True, slots=True)
class Stocked:
    """A model at one endpoint.

    Attributes:
        deployment: What the file says.
        seen: What its endpoint says of itself.
        listed: What its endpoint says of it, or None.
        state: Whether it can be had: `loaded`, `unloaded`, `loading`, `sleeping` or `failed` as the endpoint says;
            `available` where it lists the model and tells no more; `missing` where it does not list it;
            `unknown` where it does not say or was not asked.
    """

    deployment: Deployment
    seen: Seen
    listed: Listed | None
    state: str


async def stock(
    prepared: Prepared, seconds: float = PATIENCE, *, contact: bool = True, clock: Clock = CLOCK
) -> tuple[Stocked, ...]:
    """Return every model at every place, in the file's order; endpoints that cannot be asked are no error.

    Args:
        prepared: The file.
        seconds: How long each endpoint may take to answer.
        contact: Whether endpoints are asked at all.
        clock: Where time comes from.
    """
    endpoints = used(prepared.program)
    if contact:
        seen = await inspect(prepared, endpoints, seconds, clock)
    else:
        seen = {each.name: Seen(each, "unasked", NO_CONTACT) for each in endpoints}
    return tuple(_stocked(each, seen[each.endpoint.name]) for each in deployments(prepared.program))


def answers_any_name(seen: Seen) -> bool:
    """Whether an endpoint answers with its one model, whichever it is asked for: llama-server with one file."""
    return seen.models is not None and len(seen.models) == 1 and seen.models[0].slots is not None


def _stocked(deployment: Deployment, seen: Seen) -> Stocked:
    listed = seen.listed(deployment.id)
    if listed is None and answers_any_name(seen):
        listed = (seen.models or ())[0]
    if seen.models is None:
        state = "loading" if seen.standing == "loading" else "unknown"
    elif listed is None:
        state = "missing"
    else:
        state = listed.state or ("loaded" if answers_any_name(seen) else "available")
    return Stocked(deployment, seen, listed, state)
