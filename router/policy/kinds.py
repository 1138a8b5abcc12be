"""What each kind of failure allows next: another try at the same deployment, the next candidate, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from router.core import errors

Failover = Literal["yes", "larger", "no"]


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a kind of failure allows.

    Attributes:
        retry: Whether the same deployment may be tried again.
        failover: Whether the next candidate may be tried; `larger` only one with a larger context window.
        at_once: Whether the first further try needs no wait.
        poll: Whether it is waited for, again and again, until it passes.
    """

    retry: bool
    failover: Failover
    at_once: bool = False
    poll: bool = False


_AGAIN = Treatment(retry=True, failover="yes")
_ELSEWHERE = Treatment(retry=False, failover="yes")
NEVER = Treatment(retry=False, failover="no")

TREATMENTS: dict[str, Treatment] = {
    errors.ConnectFailed.kind: _AGAIN,
    errors.ConnectionLost.kind: Treatment(retry=True, failover="yes", at_once=True),
    errors.FirstTokenTimeout.kind: _ELSEWHERE,
    errors.StreamStalled.kind: _ELSEWHERE,
    errors.StreamInterrupted.kind: _ELSEWHERE,
    errors.MalformedResponse.kind: _AGAIN,
    errors.ResponseTooLarge.kind: _ELSEWHERE,
    errors.ServerError.kind: _AGAIN,
    errors.Overloaded.kind: _AGAIN,
    errors.ModelLoading.kind: Treatment(retry=True, failover="yes", poll=True),
    errors.RateLimited.kind: _AGAIN,
    errors.QuotaExhausted.kind: _ELSEWHERE,
    errors.Authentication.kind: _ELSEWHERE,
    errors.ModelNotFound.kind: _ELSEWHERE,
    errors.ContextLength.kind: Treatment(retry=False, failover="larger"),
    errors.RequestTooLarge.kind: _ELSEWHERE,
    errors.UnsupportedFeature.kind: _ELSEWHERE,
    errors.ContentFiltered.kind: NEVER,
    errors.InvalidRequest.kind: NEVER,
    errors.Conflict.kind: _AGAIN,
    errors.UpstreamRedirect.kind: _ELSEWHERE,
    errors.Shed.kind: _ELSEWHERE,
}

# Among the failures of one call, the first of these tells the caller most; else the last one does.
TELLING = tuple(
    cls.kind
    for cls in (
        errors.InvalidRequest,
        errors.ContextLength,
        errors.ContentFiltered,
        errors.UnsupportedFeature,
        errors.QuotaExhausted,
        errors.Authentication,
        errors.ModelNotFound,
        errors.RateLimited,
        errors.Overloaded,
        errors.ModelLoading,
    )
)
