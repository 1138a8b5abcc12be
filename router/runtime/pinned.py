"""A call that one place of one model answers, or nobody: for measuring it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from router.runtime.call import Call

# What such a call says of itself: it is neither answered from what is kept nor from the offline ladder.
ALONE = {"no_degrade": True, "cache": "off"}


class Pin(NamedTuple):
    """The place that is to answer: a model and one of its endpoints, by name."""

    model: str
    endpoint: str


def pin(call: Call, place: Pin) -> None:
    """Leave a call that names its model one place and one attempt; a model that is loading is waited for."""
    call.pinned = True
    call.candidates = tuple(
        each for each in call.candidates if (each.model, each.endpoint.name) == (place.model, place.endpoint)
    )
    call.intended = call.candidates
    policy = call.route.policy
    call.route = replace(call.route, policy=replace(policy, retry=replace(policy.retry, attempts=1)))
