"""What OpenCode calls its errors: it answers 200, and tells inside by name what the provider behind it said.

Errors that pass it never tells: it tries again by itself. The reason of such a retry is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.core.errors import (
    Authentication,
    ContentFiltered,
    ContextLength,
    InvalidRequest,
    MalformedResponse,
    ModelLoading,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    ServerError,
    StreamInterrupted,
)
from router.providers._errors import error_for_status

if TYPE_CHECKING:
    from router.core.errors import AllAttemptsFailed
    from router.providers._kinds import Kind
    from router.providers._source import Source

BY_NAME: dict[str, Kind] = {
    "ProviderAuthError": Authentication,
    "ContextOverflowError": ContextLength,
    "MessageOutputLengthError": ContextLength,
    "ContentFilterError": ContentFiltered,
    "StructuredOutputError": MalformedResponse,
    "MessageAbortedError": StreamInterrupted,
    "BadRequest": InvalidRequest,
}

# What the reason of a retry, which comes as words without a status, means; the first that fits.
BY_REASON: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words, re.IGNORECASE))
    for kind, words in (
        (QuotaExhausted, r"quota|credit balance|usage (limit|exceeded)|free_tier|billing|payment"),
        (RateLimited, r"rate.?limit|too many requests|\b429\b"),
        (ModelLoading, r"loading model|model is loading"),
        (Overloaded, r"overloaded|unavailable|busy|at capacity|\b(503|529)\b"),
    )
)
# From so many seconds on a time to wait is the provider's word: the server's own first one is 2 s.
ASKED = 4.0


def error_of_opencode(source: Source, payload: object) -> AllAttemptsFailed:
    """Return the error that `info.error`, or the `error` of a `session.error` event, means.

    Args:
        source: Who answered.
        payload: An object of `name` and `data`; anything else is a failure of the server.
    """
    error = payload if isinstance(payload, Mapping) else {}
    data = error.get("data")
    details: Mapping[str, object] = data if isinstance(data, Mapping) else {}
    name, said = str(error.get("name") or "an unnamed error"), str(details.get("message") or "")
    status = details.get("statusCode")
    if isinstance(status, int) and 300 <= status <= 599:  # noqa: PLR2004 - what the provider behind it answered
        return _passed_on(source, status, details, said)
    kind = BY_NAME.get(name, ServerError)
    text = f"{name}: {said}" if said else name
    found = kind(f"{source.where} failed inside its answer: {source.quote(text)}")
    if kind is ServerError and details.get("isRetryable") is False:
        found.retryable = False
    return found


def error_of_retry(
    source: Source, status: Mapping[str, object], wait: float | None, *, begun: bool
) -> AllAttemptsFailed:
    """Return the error that the server hides: it would ask its provider again and again, and never answer.

    Args:
        source: Who answered.
        status: The status of the session: `message`, and an `action` where the account is the matter.
        wait: Seconds until it would ask again, or None.
        begun: Whether a part of the answer had come, which it would give anew.
    """
    said = str(status.get("message") or "no reason given")
    action = status.get("action")
    reason = f"{action.get('reason', '')} {said}" if isinstance(action, Mapping) else said
    other = StreamInterrupted if begun else ServerError
    kind = next((kind for kind, words in BY_REASON if words.search(reason)), other)
    return kind(
        f"{source.where} failed and would try again for ever: {source.quote(said)}",
        retry_after=wait
        if wait is not None and wait >= ASKED and kind in {RateLimited, Overloaded}
        else None,
    )


def _passed_on(source: Source, status: int, details: Mapping[str, object], said: str) -> AllAttemptsFailed:
    fields = details.get("responseHeaders")
    headers = fields.items() if isinstance(fields, Mapping) else ()
    body = str(details.get("responseBody") or said).encode("utf-8", "replace")
    return error_for_status(source, status, {str(name).lower(): str(value) for name, value in headers}, body)
