"""How long an answer asks to wait: every form that servers use, and every abuse of them."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers._errors import error_for_status
from router.providers._pushback import LONGEST, parse_retry_after
from router.providers._source import Source

SOURCE = Source("cloud")
NOW = 1_795_348_800
DATE = formatdate(NOW, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": " 2 "}, 2),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"x-ms-retry-after-ms": "20"}, 0.02),
        ({"retry-after-ms": "5", "x-ms-retry-after-ms": "20"}, 0.005),
        ({"retry-after": formatdate(NOW + 120, usegmt=True), "date": DATE}, 120),
        ({"retry-after": "Sun, 22 Nov 2026 12:01:00 -0000", "date": DATE}, 60),
        ({"retry-after": "3", "x-ratelimit-reset": "99"}, 3),
        ({"retry-after": "2s"}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers, seconds):
    assert parse_retry_after(headers) == seconds
    assert error_for_status(SOURCE, 429, headers).retry_after == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(
            "nan",
            "inf",
            "-inf",
            "infinity",
            "-1",
            "-0.1",
            "",
            " ",
            "soon",
            "1_000",
            "0x10",
            "1e9",
            "١٢",
            "1,5",
        ),
        *(
            "9" * 400,
            "." * 5000,
            "tomorrow",
            "Fri, 99 Foo 2020 00:00:00 GMT",
            "Sat, 01 Jan 99999 00:00:00 GMT",
        ),
        formatdate(NOW - 120, usegmt=True),
    ],
)
@pytest.mark.parametrize(
    "name", ["retry-after", "retry-after-ms", "x-ms-retry-after-ms", "x-ratelimit-reset"]
)
def test_nonsense_is_as_if_it_were_not_said(name, value):
    assert parse_retry_after({name: value, "date": DATE}) is None
    if name != "retry-after":
        assert parse_retry_after({name: value, "retry-after": "3", "date": DATE}) == 3


@pytest.mark.parametrize("value", ["99999999999", formatdate(NOW + 10**9, usegmt=True)])
def test_a_wait_of_years_is_cut(value):
    assert parse_retry_after({"retry-after": value, "date": DATE}) == LONGEST


def test_a_date_without_the_answers_own_is_measured_from_now():
    seconds = parse_retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert seconds == pytest.approx(60, abs=30)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "12ms"}, 0.012),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-reset-requests": "1s"}, 360),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "7"}, None),
        ({"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0"}, 360),
        ({"x-ratelimit-reset-requests": "60"}, 60),
        ({"X-RateLimit-Reset": str(NOW + 30)}, 30),
        ({"x-ratelimit-reset": str((NOW + 30) * 1000)}, 30),
        ({"x-ratelimit-reset": str(NOW - 30)}, None),
        ({"ratelimit-reset": "8"}, 8),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-22T12:00:09Z"}, 9),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-22T12:00:09"}, 9),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-22T14:00:09+02:00"}, 9),
        ({"anthropic-ratelimit-tokens-reset": "0001-01-01T00:00:00+14:00"}, None),
        (
            {
                "anthropic-ratelimit-tokens-reset": "2026-11-22T12:00:09Z",
                "anthropic-ratelimit-tokens-remaining": "1",
            },
            None,
        ),
        ({"x-ratelimit-reset-requests": "1s "}, 1),
        ({"x-ratelimit-reset-requests": "1x"}, None),
        ({"x-ratelimit-resets": "1"}, None),
    ],
)
def test_a_429_is_explained_by_the_resets_of_what_is_used_up(headers, seconds):
    assert parse_retry_after({"date": DATE, **headers}) == seconds


def test_resets_are_told_with_every_answer_and_explain_nothing_but_a_429():
    headers = {"x-ratelimit-reset-requests": "60"}
    assert error_for_status(SOURCE, 429, headers).retry_after == 60
    assert error_for_status(SOURCE, 500, headers).retry_after is None
    assert error_for_status(SOURCE, 503, {**headers, "retry-after": "4"}).retry_after == 4


NAMES = st.sampled_from(
    [
        *("retry-after", "retry-after-ms", "x-ms-retry-after-ms", "date", "x-ratelimit-reset"),
        *("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-reset"),
    ]
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.floats().map(str),
    st.integers().map(str),
    st.from_regex(r"([0-9]{1,4}(ms|s|m|h|d)?){1,4}", fullmatch=True),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")),
)


@given(st.dictionaries(NAMES, VALUES))
def test_whatever_is_said_gives_a_wait_within_bounds_or_none(headers):
    seconds = parse_retry_after(headers)
    assert seconds is None or 0 <= seconds <= LONGEST
