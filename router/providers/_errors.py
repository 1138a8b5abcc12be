"""Which kind of failure an endpoint's refusal is: by status and by code, in one table."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING, TypeGuard

from router.core.errors import (
    AllAttemptsFailed,
    Authentication,
    Conflict,
    ContentFiltered,
    ContextLength,
    InvalidRequest,
    ModelLoading,
    ModelNotFound,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    RequestTooLarge,
    ServerError,
    UnsupportedFeature,
    UpstreamRedirect,
)

if TYPE_CHECKING:
    from router.providers._source import Source

Kind = type[AllAttemptsFailed]

BY_CODE: dict[str, Kind] = {
    "insufficient_quota": QuotaExhausted,
    "credit_balance_exhausted": QuotaExhausted,
    "organization_spend_limit_exceeded": QuotaExhausted,
    "project_spend_limit_exceeded": QuotaExhausted,
    "organization_usage_limit_exceeded": QuotaExhausted,
    "enforced_spend_limit_reached": QuotaExhausted,
    "billing_error": QuotaExhausted,
    "context_length_exceeded": ContextLength,
    "exceed_context_size_error": ContextLength,
    "model_not_found": ModelNotFound,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "overloaded_error": Overloaded,
    "unavailable_error": ModelLoading,
    "request_too_large": RequestTooLarge,
    "not_supported_error": UnsupportedFeature,
    "unsupported_parameter": UnsupportedFeature,
    "unsupported_value": UnsupportedFeature,
}
# Words too general to overrule a status; they decide where an error comes inside a stream, without one.
BY_GENERAL_CODE: dict[str, Kind] = {
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "authentication_error": Authentication,
    "permission_error": Authentication,
    "invalid_api_key": Authentication,
    "not_found_error": ModelNotFound,
    "invalid_request_error": InvalidRequest,
}
BY_STATUS: dict[int, Kind] = {
    401: Authentication,
    402: QuotaExhausted,
    403: Authentication,
    404: ModelNotFound,
    408: Conflict,
    409: Conflict,
    413: RequestTooLarge,
    425: Conflict,
    429: RateLimited,
    501: UnsupportedFeature,
    503: Overloaded,
    529: Overloaded,
}
CONTEXT_TEXTS = ("maximum context length is", "prompt is too long")
QUOTA_TEXT = "exceeded your current quota"
IMAGE_TEXT = "image input is not supported"


def error_for_status(
    source: Source,
    status: int,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    has_image: bool = False,
) -> AllAttemptsFailed:
    """Return the error that an HTTP answer means.

    Args:
        source: Who answered.
        status: The HTTP status, 300 or more.
        headers: Header fields by lower-case name.
        body: What was read of the body.
        has_image: Whether the request carried an image, which llama.cpp refuses with a 500.
    """
    headers = headers or {}
    details = _details(_parse(body))
    kind = _kind(status, details, has_image=has_image)
    text = _message(details) or body.decode("utf-8", "replace").strip()
    said = f": {source.quote(text)}" if text else ""
    error = kind(
        f"{source.where} answered {status}{said}", retry_after=parse_retry_after(headers), status=status
    )
    if headers.get("x-should-retry", "").strip().lower() == "false":
        error.retryable = False
        error.retry_after = None
    return error


def error_in_answer(source: Source, payload: object, *, has_image: bool = False) -> AllAttemptsFailed:
    """Return the error that an `error` object inside a 200 answer means.

    Args:
        source: Who answered.
        payload: The value of `error`: an object, or a bare text.
        has_image: Whether the request carried an image.
    """
    details: Mapping[str, object] = payload if _is_object(payload) else {"message": payload}
    status = details.get("code")
    if not isinstance(status, int) or not 400 <= status <= 599:  # noqa: PLR2004
        status = None
    kind = _kind(status, details, has_image=has_image)
    text = _message(details) or "no reason given"
    return kind(f"{source.where} failed inside its answer: {source.quote(text)}", status=status)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds an answer asks to wait, or None when it does not say, or says nonsense.

    Args:
        headers: Header fields by lower-case name.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _number(headers.get(name))
        if milliseconds is not None:
            return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    then = _seconds_of_date(value)
    if then is None:
        return None
    now = _seconds_of_date(headers.get("date", ""))
    wait = then - (time.time() if now is None else now)
    return wait if wait >= 0 else None


def _kind(status: int | None, details: Mapping[str, object], *, has_image: bool) -> Kind:
    codes = _codes(details)
    for code in codes:
        if code in BY_CODE:
            return BY_CODE[code]
    kind = _kind_by_text(status, details, has_image=has_image)
    if kind is not None:
        return kind
    if status is None:
        return next((BY_GENERAL_CODE[code] for code in codes if code in BY_GENERAL_CODE), ServerError)
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status < 400:  # noqa: PLR2004
        return UpstreamRedirect
    return InvalidRequest if status < 500 else ServerError  # noqa: PLR2004


def _kind_by_text(status: int | None, details: Mapping[str, object], *, has_image: bool) -> Kind | None:
    """Return the kind of the few failures that no code tells."""
    text = _message(details)
    if any(known in text for known in CONTEXT_TEXTS):
        return ContextLength
    if has_image and IMAGE_TEXT in text:
        return UnsupportedFeature
    # Google writes the same text for a limit per minute, and marks it with a `status` field.
    if status == 429 and QUOTA_TEXT in text and "status" not in details:  # noqa: PLR2004
        return QuotaExhausted
    return None


def _codes(details: Mapping[str, object]) -> list[str]:
    inner = details.get("details")
    values = [details.get("code"), details.get("type")]
    if _is_object(inner):
        values.append(inner.get("error_code"))
    return [value.lower() for value in values if isinstance(value, str)]


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _details(payload: object) -> Mapping[str, object]:
    """Return the error object of a body, which servers nest in `error`, in a list, or not at all."""
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not _is_object(payload):
        return {}
    inner = payload.get("error")
    if _is_object(inner):
        return inner
    return {**payload, "message": inner} if isinstance(inner, str) else payload


def _message(details: Mapping[str, object]) -> str:
    for name in ("message", "detail"):
        value = details.get(name)
        if isinstance(value, str):
            return value
    return ""


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 else None


def _seconds_of_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
