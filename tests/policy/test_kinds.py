"""The table of failures holds together."""

from __future__ import annotations

import pytest

from router.core import errors
from router.policy.kinds import NEVER, TREATMENTS

CALLERS_FAULT = {
    "context_length",
    "request_too_large",
    "unsupported_feature",
    "content_filtered",
    "invalid_request",
}


@pytest.mark.parametrize("kind", sorted(TREATMENTS))
def test_what_is_retried_may_also_move_on(kind):
    treatment = TREATMENTS[kind]
    assert not treatment.retry or treatment.failover == "yes"


@pytest.mark.parametrize("kind", sorted(TREATMENTS))
def test_a_kind_is_retried_only_if_its_error_says_that_it_may_pass(kind):
    known = (*errors.AllAttemptsFailed.__subclasses__(), *errors.CallFailed.__subclasses__())
    cls = next(each for each in known if each.kind == kind)
    assert not TREATMENTS[kind].retry or cls.retryable


def test_the_callers_own_faults_harm_nobodys_health_and_prove_that_the_endpoint_lives():
    assert {kind for kind, each in TREATMENTS.items() if each.alive} == CALLERS_FAULT
    assert {TREATMENTS[kind].verdict for kind in CALLERS_FAULT} == {"nothing"}
    assert (NEVER.verdict, NEVER.failover, NEVER.retry) == ("nothing", "no", False)


@pytest.mark.parametrize(
    ("kind", "verdict", "scope"),
    [
        ("connect_failed", "failure", "host"),
        ("connection_lost", "failure", "endpoint"),
        ("first_token_timeout", "failure", "deployment"),
        ("server_error", "failure", "deployment"),
        ("rate_limited", "cooldown", "key_model"),
        ("quota_exhausted", "trip", "key"),
        ("authentication", "trip", "key"),
        ("model_not_found", "trip", "deployment"),
    ],
)
def test_a_failure_moves_the_breaker_of_the_one_whose_fault_it_is(kind, verdict, scope):
    assert (TREATMENTS[kind].verdict, TREATMENTS[kind].scope) == (verdict, scope)


def test_another_credential_helps_only_where_the_credential_is_at_fault():
    assert {kind for kind, each in TREATMENTS.items() if each.other_key} == {
        kind for kind, each in TREATMENTS.items() if each.scope in ("key", "key_model")
    }


def test_time_was_lost_only_by_what_is_silent():
    silent = {"first_token_timeout", "stream_stalled"}
    assert {kind for kind, each in TREATMENTS.items() if each.timeout} == silent
