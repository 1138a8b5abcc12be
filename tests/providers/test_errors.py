"""The table: which status and which code is which kind of failure."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.secret import Secret
from router.providers._errors import error_for_status, error_in_answer
from router.providers._source import Source

SOURCE = Source("cloud (example.org:443)", (Secret("hunter22"), Secret("")))


def refusal(status, fields=None):
    body = json.dumps({"error": fields}).encode() if fields else b""
    return error_for_status(SOURCE, status, {}, body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, "upstream_redirect"),
        (307, "upstream_redirect"),
        (400, "invalid_request"),
        (401, "authentication"),
        (402, "quota_exhausted"),
        (403, "authentication"),
        (404, "model_not_found"),
        (408, "conflict"),
        (409, "conflict"),
        (413, "request_too_large"),
        (418, "invalid_request"),
        (422, "invalid_request"),
        (425, "conflict"),
        (429, "rate_limited"),
        (500, "server_error"),
        (501, "unsupported_feature"),
        (502, "server_error"),
        (503, "overloaded"),
        (504, "server_error"),
        (529, "overloaded"),
        (599, "server_error"),
    ],
)
def test_a_status_alone_tells_the_kind(status, kind):
    error = refusal(status)
    assert (error.kind, error.status) == (kind, status)


@pytest.mark.parametrize(
    ("status", "fields", "kind"),
    [
        (429, {"code": "insufficient_quota"}, "quota_exhausted"),
        (429, {"code": "credit_balance_exhausted"}, "quota_exhausted"),
        (429, {"code": "organization_spend_limit_exceeded"}, "quota_exhausted"),
        (429, {"code": "project_spend_limit_exceeded"}, "quota_exhausted"),
        (429, {"code": "organization_usage_limit_exceeded"}, "quota_exhausted"),
        (429, {"type": "insufficient_quota"}, "quota_exhausted"),
        (400, {"type": "billing_error"}, "quota_exhausted"),
        (429, {"details": {"error_code": "enforced_spend_limit_reached"}}, "quota_exhausted"),
        (429, {"message": "You exceeded your current quota, please check"}, "quota_exhausted"),
        (429, {"message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}, "rate_limited"),
        (429, {"type": "rate_limit_error"}, "rate_limited"),
        (400, {"code": "context_length_exceeded"}, "context_length"),
        (413, {"code": "context_length_exceeded"}, "context_length"),
        (400, {"code": 400, "type": "exceed_context_size_error"}, "context_length"),
        (400, {"message": "This model's maximum context length is 8192 tokens"}, "context_length"),
        (400, {"message": "prompt is too long: 9 tokens"}, "context_length"),
        (400, {"code": "model_not_found"}, "model_not_found"),
        (400, {"code": "content_filter"}, "content_filtered"),
        (400, {"code": "content_policy_violation"}, "content_filtered"),
        (400, {"code": "unsupported_value"}, "unsupported_feature"),
        (501, {"type": "not_supported_error", "code": 501}, "unsupported_feature"),
        (500, {"type": "overloaded_error"}, "overloaded"),
        (503, {"message": "server busy, please try again.  maximum pending requests exceeded"}, "overloaded"),
        (503, {"message": "Loading model", "type": "unavailable_error", "code": 503}, "model_loading"),
        (401, {"type": "invalid_request_error", "code": "invalid_api_key"}, "authentication"),
        (404, {"type": "invalid_request_error"}, "model_not_found"),
        (400, {"message": "the tool said insufficient_quota"}, "invalid_request"),
        (401, {"message": "this key does not support tools"}, "authentication"),
        (500, {"message": "a plugin does not support this"}, "server_error"),
        (503, {"message": "maximum context length"}, "overloaded"),
        (429, {"message": "slow", "metadata": {"reasons": ["too many"]}}, "rate_limited"),
        (403, {"message": "flagged", "metadata": {"reasons": ["violence"]}}, "content_filtered"),
    ],
)
def test_a_code_overrules_the_status(status, fields, kind):
    assert refusal(status, fields).kind == kind


def test_a_500_on_an_image_is_a_missing_feature_and_not_an_outage():
    body = json.dumps({"error": {"message": "image input is not supported - hint", "code": 500}}).encode()
    assert error_for_status(SOURCE, 500, {}, body, has_image=True).kind == "unsupported_feature"
    assert error_for_status(SOURCE, 500, {}, body).kind == "server_error"


@pytest.mark.parametrize(
    ("payload", "kind", "status"),
    [
        ({"code": 400, "type": "exceed_context_size_error"}, "context_length", 400),
        ({"code": 429}, "rate_limited", 429),
        ({"code": "429"}, "rate_limited", 429),
        ({"status": 503}, "overloaded", 503),
        ({"code": 12}, "server_error", None),
        ({"code": True}, "server_error", None),
        ({"type": "rate_limit_error"}, "rate_limited", None),
        ({"type": "authentication_error"}, "authentication", None),
        ({"type": "mystery"}, "server_error", None),
        ("bare words", "server_error", None),
        (7, "server_error", None),
    ],
)
def test_an_error_inside_an_answer_has_its_kind_too(payload, kind, status):
    error = error_in_answer(SOURCE, payload)
    assert (error.kind, error.status) == (kind, status)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"error": "plain"}', "plain"),
        (b'[{"error": {"message": "listed"}}]', "listed"),
        (b'{"message": "unnested"}', "unnested"),
        (b'{"detail": "fastapi"}', "fastapi"),
        (b'{"detail": [{"msg": "first", "input": {"a": 1}}, {"msg": "second"}, 3]}', "first; second"),
        (b'{"message": {"detail": [{"msg": "mistral"}]}}', "mistral"),
        (b'{"error": {"message": "outer", "metadata": {"raw": "inner"}}}', "outer: inner"),
        (b"<h1>nginx</h1>", "<h1>nginx</h1>"),
        (b"[" * 100_000, "[[["),
        (b'{"error": {"message": "line\\nbreak \\u001b[31m"}}', "line\\nbreak \\x1b[31m"),
    ],
)
def test_the_endpoints_words_are_quoted_in_every_shape(body, shown):
    text = str(error_for_status(SOURCE, 500, {}, body))
    assert text.startswith("cloud (example.org:443) answered 500: ")
    assert shown in text
    assert text.isprintable()


def test_long_words_are_cut_to_300_characters():
    text = str(refusal(500, {"message": "\x00" * 1000})).partition("500: ")[2]
    assert len(text) == 300


def test_keys_in_the_endpoints_words_are_masked():
    text = str(refusal(401, {"message": "bad sk-abcdef123 or Bearer xyz.123 or ?key=zzz99 or hunter22!"}))
    for secret in ("abcdef", "xyz", "zzz", "hunter"):
        assert secret not in text
    assert text.count("***") == 4


@pytest.mark.parametrize(
    ("headers", "body", "known"),
    [
        ({"x-request-id": "req_1", "cf-ray": "8f"}, b"", "req_1"),
        ({"request-id": "req_2"}, b"", "req_2"),
        ({"apim-request-id": "az", "x-ms-request-id": "ms"}, b"", "az"),
        ({"x-request-id": "  ", "cf-ray": "8f-FRA"}, b"", "8f-FRA"),
        ({"x-request-id": "req_1"}, b'{"request_id": "req_3"}', "req_1"),
        ({}, b'{"request_id": "req_3", "error": {}}', "req_3"),
        ({}, b'{"request_id": 3}', None),
        ({}, b"[]", None),
        ({"x-request-id": "hunter22\x07"}, b"", "***\\x07"),
        ({"x-request-id": "r" * 500}, b"", "r" * 119 + "…"),
    ],
)
def test_the_endpoints_own_id_of_the_request_is_kept(headers, body, known):
    assert error_for_status(SOURCE, 500, headers, body).upstream_id == known


def test_an_endpoint_may_forbid_a_retry():
    error = error_for_status(SOURCE, 429, {"x-should-retry": "False", "retry-after": "1"})
    assert not error.retryable
    assert error.retry_after is None
    assert type(error).retryable


@given(
    st.integers(300, 599), st.binary(max_size=200), st.dictionaries(st.text(max_size=9), st.text(max_size=9))
)
def test_anything_at_all_becomes_a_typed_error(status, body, headers):
    assert error_for_status(SOURCE, status, headers, body).status == status
