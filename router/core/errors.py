"""Everything this package raises.

* RouterError
  x ConfigError                the file cannot be compiled; carries its findings
  x InvalidCall                the call is malformed; nothing was sent
  x CallFailed                 the call was well formed and got no answer
    + AllAttemptsFailed        candidates were tried; the class is the most telling failure among them
      . ConnectFailed, ConnectionLost, UpstreamRedirect
      . FirstTokenTimeout, StreamStalled, StreamInterrupted
      . MalformedResponse, ResponseTooLarge
      . ServerError, Overloaded, ModelLoading, Conflict
      . RateLimited, QuotaExhausted, Authentication, ModelNotFound
      . ContextLength, RequestTooLarge, UnsupportedFeature, ContentFiltered, InvalidRequest
    + DeadlineExceeded         the call's own time is over
    + Shed                     an endpoint's queue or memory was full, or too slow
    + AllCircuitsOpen          every candidate failed so often lately that it is left alone; nothing was sent
    + NoCandidate              no rule matches, or no candidate may serve this call
    + BudgetExceeded           the attempt may cost more than a budget has left; nothing was sent
    + InvariantViolated        a hop would break an invariant of the file; nothing was sent

A kind is the snake_case name of the class (`rate_limited`), the word that YAML, logs and JSON use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.core.record import AttemptRecord
    from router.core.usage import Usage


class RouterError(Exception):
    """Base class of every error raised here."""


class ConfigError(RouterError):
    """The configuration cannot be compiled.

    Attributes:
        findings: Every finding of the run, the most important first (`router.diagnostics.Diagnostic`).
        report: The errors among them as a person reads them, with their lines of the file.
    """

    def __init__(self, message: str, findings: Sequence[Any] = (), report: str = "") -> None:
        super().__init__(f"{message}\n\n{report}".rstrip())
        self.findings = tuple(findings)
        self.report = report


class InvalidCall(RouterError):
    """The call is malformed: an unknown option, value, model or message. Nothing was sent."""


class CallFailed(RouterError):
    """The call got no answer.

    Attributes:
        kind: The class in snake_case.
        retryable: Whether the same call may succeed later.
        retry_after: Seconds an endpoint asked to wait, or None.
        status: HTTP status of the failed attempt, or None.
        attempts: Every attempt of the call, in order.
        partial_text: What of the answer had arrived.
        usage: Tokens the failed attempt is known to have used, or None.
        request_id: The call's own id.
        upstream_id: The endpoint's own id of the failed request, or None.
        degraded: What was amiss with what had arrived, or None.
    """

    kind: ClassVar[str] = "call_failed"
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status
        self.attempts: tuple[AttemptRecord, ...] = ()
        self.partial_text = ""
        self.usage: Usage | None = None
        self.request_id = ""
        self.upstream_id: str | None = None
        self.degraded: str | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.kind = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class AllAttemptsFailed(CallFailed):
    """Candidates were tried and none answered; the subclass is the most telling failure."""


class ConnectFailed(AllAttemptsFailed):
    """No connection: name, refusal, TLS or connect timeout."""

    retryable = True


class ConnectionLost(AllAttemptsFailed):
    """The connection ended before the first byte of an answer."""

    retryable = True


class UpstreamRedirect(AllAttemptsFailed):
    """The endpoint answered with a redirect; those are never followed."""


class FirstTokenTimeout(AllAttemptsFailed):
    """Nothing of the answer arrived in the attempt's time."""

    retryable = True


class StreamStalled(AllAttemptsFailed):
    """The answer began and then stood still."""

    retryable = True


class StreamInterrupted(AllAttemptsFailed):
    """The answer ended in the middle."""

    retryable = True


class MalformedResponse(AllAttemptsFailed):
    """The answer is not what the protocol says."""

    retryable = True


class ResponseTooLarge(AllAttemptsFailed):
    """The answer is larger than the caps."""


class ServerError(AllAttemptsFailed):
    """The endpoint failed (5xx)."""

    retryable = True


class Overloaded(AllAttemptsFailed):
    """The endpoint is too busy (503, 529)."""

    retryable = True


class ModelLoading(AllAttemptsFailed):
    """The endpoint is still loading the model."""

    retryable = True


class Conflict(AllAttemptsFailed):
    """A passing refusal (408, 409, 425)."""

    retryable = True


class RateLimited(AllAttemptsFailed):
    """Too many requests for now (429)."""

    retryable = True


class QuotaExhausted(AllAttemptsFailed):
    """The account has no money or quota left."""


class Authentication(AllAttemptsFailed):
    """The endpoint refused the key (401, 403)."""


class ModelNotFound(AllAttemptsFailed):
    """The endpoint does not know the model."""


class ContextLength(AllAttemptsFailed):
    """The prompt is longer than the model's context window."""


class RequestTooLarge(AllAttemptsFailed):
    """The request has too many bytes for the endpoint."""


class UnsupportedFeature(AllAttemptsFailed):
    """The model cannot take what the call carries (tools, images, a response format)."""


class ContentFiltered(AllAttemptsFailed):
    """The endpoint's content filter refused the prompt or the answer."""


class InvalidRequest(AllAttemptsFailed):
    """The endpoint refused the request as malformed (400, 422)."""


class DeadlineExceeded(CallFailed):
    """The call's own time is over: queue, retries, waits and failovers included."""

    retryable = True


class Shed(CallFailed):
    """An endpoint's queue or memory was full, or the wait for it too long."""

    retryable = True


class AllCircuitsOpen(CallFailed):
    """Every candidate is left alone for now: too many failures, or it asked for time. Nothing was sent."""

    retryable = True


class BudgetExceeded(CallFailed):
    """The attempt may cost more than a budget has left, or what it costs cannot be written down. Nothing was sent.

    Attributes:
        budget: The budget's name, or None when it is the ledger that fails.
        use: The model that answers instead, or None.
    """

    budget: str | None = None
    use: str | None = None


class NoCandidate(CallFailed):
    """No rule matches the call, or none of its candidates may serve it."""


class InvariantViolated(CallFailed):
    """A hop of the call would break an invariant of the file; nothing was sent."""
