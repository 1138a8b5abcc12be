"""What OpenCode calls its errors: it answers 200, and tells inside by name what the provider behind it said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.core.errors import (
    Authentication,
    ContentFiltered,
    ContextLength,
    InvalidRequest,
    MalformedResponse,
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


def _passed_on(source: Source, status: int, details: Mapping[str, object], said: str) -> AllAttemptsFailed:
    fields = details.get("responseHeaders")
    headers = fields.items() if isinstance(fields, Mapping) else ()
    body = str(details.get("responseBody") or said).encode("utf-8", "replace")
    return error_for_status(source, status, {str(name).lower(): str(value) for name, value in headers}, body)
