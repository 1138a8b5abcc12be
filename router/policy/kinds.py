"""What each kind of failure allows next, and what it says about the health of whom."""

from __future__ import annotations

from typing import Literal

from router.core import errors
from router.core.frozen import dataclass

Failover = Literal["yes", "larger", "no"]
Verdict = Literal["failure", "cooldown", "trip", "nothing"]
# Whose health it is: the machine's, the endpoint's, the deployment's, the credential's there, or the model's under
# that credential.
Scope = Literal["host", "endpoint", "deployment", "key", "key_model"]


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a kind of failure allows.

    Attributes:
        retry: Whether the same deployment may be tried again.
        failover: Whether the next candidate may be tried; `larger` only one with a larger context window.
        at_once: Whether the first further try needs no wait.
        poll: Whether it is waited for, again and again, until it passes.
        verdict: What it says of the health of its scope.
        scope: Whose breaker moves.
        other_key: Whether another credential of the same endpoint may be tried at once.
        timeout: Whether time was lost, so that a further try is dearer.
        alive: Whether it proves that the endpoint is well: it read the call and refused it with reason.
    """

    retry: bool
    failover: Failover
    at_once: bool = False
    poll: bool = False
    verdict: Verdict = "nothing"
    scope: Scope = "deployment"
    other_key: bool = False
    timeout: bool = False
    alive: bool = False


NEVER = Treatment(retry=False, failover="no", alive=True)


def _again(scope: Scope = "deployment", verdict: Verdict = "failure") -> Treatment:
    return Treatment(retry=True, failover="yes", verdict=verdict, scope=scope)


def _elsewhere(scope: Scope = "deployment", verdict: Verdict = "failure") -> Treatment:
    return Treatment(retry=False, failover="yes", verdict=verdict, scope=scope)


def _slow() -> Treatment:
    return Treatment(retry=False, failover="yes", verdict="failure", timeout=True)


def _refused(failover: Failover = "yes") -> Treatment:
    return Treatment(retry=False, failover=failover, alive=True)


TREATMENTS: dict[str, Treatment] = {
    errors.ConnectFailed.kind: _again("host"),
    errors.ConnectionLost.kind: Treatment(
        retry=True, failover="yes", at_once=True, verdict="failure", scope="endpoint"
    ),
    errors.FirstTokenTimeout.kind: _slow(),
    errors.StreamStalled.kind: _slow(),
    errors.StreamInterrupted.kind: _elsewhere(),
    errors.MalformedResponse.kind: _again("endpoint"),
    errors.ResponseTooLarge.kind: _elsewhere("endpoint"),
    errors.ServerError.kind: _again(),
    errors.Overloaded.kind: _again(),
    errors.ModelLoading.kind: Treatment(retry=True, failover="yes", poll=True),
    errors.RateLimited.kind: Treatment(
        retry=True, failover="yes", verdict="cooldown", scope="key_model", other_key=True
    ),
    errors.QuotaExhausted.kind: Treatment(
        retry=False, failover="yes", verdict="trip", scope="key", other_key=True
    ),
    errors.Authentication.kind: Treatment(
        retry=False, failover="yes", verdict="trip", scope="key", other_key=True
    ),
    errors.ModelNotFound.kind: _elsewhere(verdict="trip"),
    errors.ContextLength.kind: _refused("larger"),
    errors.RequestTooLarge.kind: _refused(),
    errors.UnsupportedFeature.kind: _refused(),
    errors.ContentFiltered.kind: NEVER,
    errors.InvalidRequest.kind: NEVER,
    errors.Conflict.kind: _again(verdict="nothing"),
    errors.UpstreamRedirect.kind: _elsewhere("endpoint"),
    errors.Shed.kind: _elsewhere(verdict="nothing"),
    # The next candidate may be free, or cheap enough.
    errors.BudgetExceeded.kind: _elsewhere(verdict="nothing"),
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
