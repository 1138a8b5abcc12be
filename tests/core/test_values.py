"""Units, tokens, money, secrets, events, dimensions."""

from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal

import pytest

from router.core import units
from router.core.dimension import Dimension, holds
from router.core.errors import AllAttemptsFailed, CallFailed, RateLimited, RouterError
from router.core.events import Collector, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.messages import ImagePart, Message, TextPart, ToolCall
from router.core.secret import Secret
from router.core.tokens import estimate, estimate_text
from router.core.usage import FREE, Price, Usage


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30.0), ("1.5m", 90.0), ("24h", 86400.0), ("7d", 604800.0), ("2 s", 2.0)],
)
def test_durations_are_seconds(text, seconds):
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["30", "s", "-1s", "1e3s", "5 seconds", "1s ", "", "٣s"])
def test_other_texts_are_no_durations(text):
    assert units.parse_duration(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "500ms"),
        (1.0, "1s"),
        (90.0, "90s"),
        (120.0, "2m"),
        (7200.0, "2h"),
        (172800.0, "2d"),
        (2.5, "2.5s"),
    ],
)
def test_durations_are_shown_as_they_are_written(seconds, text):
    assert units.show_duration(seconds) == text


@pytest.mark.parametrize("text", ["0B", "1B", "1536MiB", "8GiB", "500MB", "3kB", "1025B"])
def test_sizes_are_shown_as_they_are_written(text):
    assert units.show_size(units.parse_size(text)) == text


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        ("0", "$0"),
        ("3", "$3"),
        ("3.00", "$3"),
        ("0.5", "$0.50"),
        ("0.84", "$0.84"),
        ("0.000003", "$0.000003"),
        ("1E+3", "$1000"),
        ("1E-7", "$0.0000001"),
    ],
)
def test_sums_are_shown_as_they_are_written(dollars, text):
    assert units.show_money(Decimal(dollars)) == text


def test_sizes_sums_and_shares_are_exact():
    assert units.parse_size("8GiB") == 8 * 2**30
    assert units.parse_size("500MB") == 500_000_000
    assert units.parse_size("8 gigs") is None
    assert units.parse_money("$0.10") == Decimal("0.10")
    assert units.parse_money("0.10") is None
    assert units.parse_share("5%") == 0.05
    assert units.parse_share("101%") is None
    assert units.parse_share("five") is None


def test_costs_are_exact_and_cached_input_has_its_own_price():
    price = Price(Decimal(3), Decimal(15), Decimal("0.30"))
    assert price.cost(Usage(1000, 100)) == Decimal("0.0045")
    assert price.cost(Usage(1000, 100, cached_input_tokens=400)) == Decimal("0.00342")
    assert price.cost(Usage(10, 0, cached_input_tokens=400)) == Decimal("0.000003")
    assert Price(Decimal(3), Decimal(15)).cost(Usage(1000, 0, cached_input_tokens=400)) == Decimal("0.003")
    assert FREE.cost(Usage(10**9, 10**9)) == 0


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("word", 1), ("words", 2), ("日本語", 3), ("abcd日本", 3)]
)
def test_tokens_are_a_quarter_of_ascii_and_the_rest_whole(text, tokens):
    assert estimate_text(text) == tokens


def test_a_conversation_counts_its_frame_images_and_tool_calls():
    image = Message("user", (TextPart("abcd"), ImagePart("https://x.invalid/a.png")))
    call = Message("assistant", "", tool_calls=(ToolCall("1", "name", "{}"),))
    assert estimate([Message.user("abcd")]) == 5
    assert estimate([image]) == 805
    assert estimate([call]) == 4 + 4 + 1 + 1


@pytest.mark.parametrize(
    "show",
    [str, repr, "{}".format, "{!r:>5}".format, lambda secret: f"{secret:>9}", lambda secret: "%s" % secret],  # noqa: UP031
)
def test_a_secret_never_prints(show):
    assert "hunter2" not in show(Secret("hunter2"))


def test_a_secret_cannot_be_pickled_or_turned_into_json():
    for leak in (pickle.dumps, json.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(Secret("hunter2"))


def test_a_secret_compares_by_value():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a").reveal() == "a"


def test_deltas_become_one_answer():
    collector = Collector()
    assert collector.empty
    for delta in (
        ReasoningDelta("hm "),
        ReasoningDelta("yes"),
        TextDelta("a"),
        TextDelta("b"),
        ToolCallDelta(1, "c2", "second", '{"x"'),
        ToolCallDelta(0, "c1", "first", "{}"),
        ToolCallDelta(1, arguments=": 1}"),
    ):
        collector.add(delta)
    assert (collector.text, collector.reasoning) == ("ab", "hm yes")
    assert collector.tool_calls == (ToolCall("c1", "first", "{}"), ToolCall("c2", "second", '{"x": 1}'))
    assert not collector.empty


def test_dimensions_know_their_values():
    words = Dimension("task", "words", ("a", "b"))
    number, flag = Dimension("n", "integer"), Dimension("f", "boolean")
    assert words.accepts("a")
    assert not words.accepts("c")
    assert number.accepts(5)
    assert not number.accepts(True)
    assert not number.accepts(2**70)
    assert flag.accepts(False)
    assert not flag.accepts(0)
    assert (words.legal, number.legal, flag.legal) == ("a, b", "a whole number", "true or false")


def test_a_rule_holds_words_and_ranges():
    assert holds(frozenset({"a"}), "a")
    assert holds(((1, 3), (7, 9)), 8)
    assert not holds(((1, 3), (7, 9)), 5)
    assert not holds(((1, 3),), "2")


def test_an_error_knows_its_kind_and_its_family():
    error = RateLimited("slow down", retry_after=2.0, status=429)
    assert (error.kind, error.retryable, error.retry_after, error.status) == ("rate_limited", True, 2.0, 429)
    assert isinstance(error, AllAttemptsFailed)
    assert isinstance(error, CallFailed)
    assert isinstance(error, RouterError)
    assert (error.attempts, error.partial_text, error.request_id) == ((), "", "")


def test_a_message_shows_its_words():
    assert Message.user("hi").text == "hi"
    assert Message("user", (TextPart("a"), ImagePart("https://x.invalid/"), TextPart("b"))).text == "ab"
