"""The tables: which status, which code and which words mean which kind of failure."""

from __future__ import annotations

import re

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
    UnsupportedFeature,
)

Kind = type[AllAttemptsFailed]

# Codes that overrule a status, in lower case.
_CODES: dict[Kind, tuple[str, ...]] = {
    QuotaExhausted: (
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "enforced_spend_limit_reached",
        "billing_error",
        "billing_not_active",
        "billing_hard_limit_reached",
        "blocked_api_access",
    ),
    RateLimited: ("openrouter_in_flight_budget",),
    Authentication: ("api_key_invalid",),
    ContextLength: ("context_length_exceeded", "exceed_context_size_error", "tokens_limit_reached"),
    RequestTooLarge: ("request_too_large", "string_above_max_length"),
    ModelNotFound: (
        "model_not_found",
        "invalid_model",
        "unknown_model",
        "deploymentnotfound",
        "model_decommissioned",
        "model_terms_required",
        "model_permission_blocked_org",
        "model_permission_blocked_project",
    ),
    ContentFiltered: (
        "content_filter",
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "invalid_prompt",
        "data_inspection_failed",
    ),
    Overloaded: (
        "overloaded_error",
        "server_is_overloaded",
        "slow_down",
        "nocapacity",
        "capacity_exceeded",
        "service_tier_capacity_exceeded",
        "3505",  # Mistral's number for the same
    ),
    ModelLoading: ("unavailable_error",),
    UnsupportedFeature: (
        "not_supported_error",
        "unsupported_parameter",
        "unsupported_value",
        "operationnotsupported",
        "tool_use_failed",
        "json_validate_failed",
    ),
}
BY_CODE: dict[str, Kind] = {code: kind for kind, codes in _CODES.items() for code in codes}

# Words too general to overrule a status; they decide where an error comes inside a stream, without one.
BY_GENERAL_CODE: dict[str, Kind] = {
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "rate_limited": RateLimited,
    "authentication_error": Authentication,
    "permission_error": Authentication,
    "invalid_api_key": Authentication,
    "not_found_error": ModelNotFound,
    "notfounderror": ModelNotFound,
    "service_unavailable_error": Overloaded,
    # Last: DeepSeek writes it beside every type.
    "invalid_request_error": InvalidRequest,
    "badrequesterror": InvalidRequest,
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
    498: Overloaded,  # Groq: the flex tier has no room
    501: UnsupportedFeature,
    503: Overloaded,
    529: Overloaded,
}


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


# The few failures that no code tells: under which statuses (None: inside a stream) which words mean what.
BY_WORDS: tuple[tuple[Kind, frozenset[int | None], re.Pattern[str]], ...] = (
    (
        ContextLength,
        frozenset({None, 400, 413, 422, 500}),
        _words(
            r"max(imum)? context length",
            r"prompt is too long",
            r"exceed context limit",
            r"exceeds the (available )?context (size|length)",
            r"context size has been exceeded",
            r"longer than the context length",
        ),
    ),
    (
        QuotaExhausted,
        frozenset({None, 400, 403}),
        _words(
            r"credit balance is too low",
            r"reached your specified API usage limits",
            r"out of call volume quota",
        ),
    ),
    (RequestTooLarge, frozenset({429}), _words(r"^request too large for ")),
    (ContentFiltered, frozenset({400}), _words(r"^content exists risk")),
    (
        ModelNotFound,
        frozenset({None, 400}),
        _words(r"^model not exist", r"^model ['\"`].{1,200}['\"`] not found", r" is not a valid model id"),
    ),
    (
        UnsupportedFeature,
        frozenset({400, 404, 422}),
        _words(
            r"does not support",
            r"is not supported (with|by|for) this model",
            r"is not a multimodal model",
            r"at most 0 (image|audio|video)",
            r"tool choice requires",
            r"no endpoints found that (can )?support",
            r"function calling is not enabled",
        ),
    ),
    (UnsupportedFeature, frozenset({500}), _words(r"tools param requires")),
    (Overloaded, frozenset({None}), _words(r"^server busy")),
)
QUOTA = _words(r"exceeded your current quota")
IMAGE = _words(r"(image|audio) input is not supported")
