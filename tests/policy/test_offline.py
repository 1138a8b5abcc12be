"""Canned replies by whole words, which failures go down the ladder, and when the network is held to be gone."""

from __future__ import annotations

import pytest

from router.core import errors
from router.core.errors import AllAttemptsFailed
from router.policy.offline import PAUSE, CannedReply, Network, OfflinePolicy, descends, words_of

REPLIES = OfflinePolicy(
    replies=(
        CannedReply(
            (words_of("hello"), words_of("good morning"), words_of("grüße"), words_of("👋")), "greeting"
        ),
        CannedReply((words_of("error"), words_of("can't")), "error"),
        CannedReply((), "default"),
    )
)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Hello, you!", "greeting"),
        ("well, HELLO", "greeting"),
        ("good, morning", "greeting"),
        ("morning good", "default"),
        ("Viele GRÜSSE aus Köln", "greeting"),
        ("Gru\u0308ße", "greeting"),
        ("hi 👋🏽", "greeting"),
        ("Othello is a play", "default"),
        ("hello_world", "default"),
        ("an error, hello", "greeting"),
        ("I can't", "error"),
        ("a terror", "default"),
        ("\uff25\uff32\uff32\uff2f\uff32!", "error"),
        ("", "default"),
    ],
)
def test_the_first_reply_of_which_a_whole_word_is_in_the_message_is_given(text, reply):
    assert REPLIES.reply(text) == reply


def test_without_a_reply_for_all_a_message_may_have_none():
    policy = OfflinePolicy(replies=REPLIES.replies[:1])
    assert (policy.reply("bye"), policy.reply("hello")) == (None, "greeting")


def test_marks_belong_to_the_letter_before_them_and_words_of_other_scripts_are_whole():
    assert words_of("हिन्दी में") == ("हिन्दी", "में")
    assert words_of("привет, МИР") == ("привет", "мир")
    assert words_of("... --- !?") == ()


def test_a_policy_without_steps_is_no_ladder():
    assert [
        each.ladder
        for each in (OfflinePolicy(), OfflinePolicy(stale=1.0), OfflinePolicy(uses=("tiny",)), REPLIES)
    ] == [
        False,
        True,
        True,
        True,
    ]


STAYS = {"invalid_request", "context_length", "request_too_large", "unsupported_feature", "content_filtered"}


@pytest.mark.parametrize("cls", [*AllAttemptsFailed.__subclasses__(), errors.Shed, errors.AllCircuitsOpen])
def test_what_is_no_fault_of_the_caller_goes_down_the_ladder(cls):
    assert descends(cls("x")) is (cls.kind not in STAYS)


@pytest.mark.parametrize(
    "cls", [errors.DeadlineExceeded, errors.BudgetExceeded, errors.InvariantViolated, errors.NoCandidate]
)
def test_time_money_and_promises_do_not(cls):
    assert not descends(cls("x"))


def test_two_hosts_within_ten_seconds_tell_that_the_network_is_gone():
    network = Network("abc")
    assert [network.failed("a", 0.0), network.failed("a", 1.0), network.offline] == [False, False, False]
    assert network.failed("b", 10.5)
    assert (network.offline, network.opens(11.0)) == (True, 10.5 + PAUSE)


def test_two_hosts_at_longer_intervals_tell_nothing():
    network = Network("abc")
    assert [network.failed("a", 0.0), network.failed("b", 10.0), network.failed("a", 20.0)] == [False] * 3


def test_an_answer_between_two_failures_tells_that_there_is_a_network():
    network = Network("abc")
    network.failed("a", 0.0)
    assert network.reached() is False
    assert network.failed("b", 1.0) is False


def test_a_single_remote_host_is_enough_where_there_is_no_other():
    assert Network("a").failed("a", 0.0)


def test_after_the_pause_one_probe_goes_out_and_a_good_answer_brings_all_back():
    network = Network("a")
    assert network.probed(0.0)
    network.failed("a", 0.0)
    assert [network.probed(14.9), network.probed(15.0), network.probed(15.0)] == [False, True, False]
    assert network.opens(16.0) == 15.0 + PAUSE
    assert network.reached()
    assert (network.offline, network.opens(16.0)) == (False, 16.0)


def test_a_failed_probe_begins_another_pause_and_is_no_news():
    network = Network("a")
    network.failed("a", 0.0)
    network.probed(15.0)
    assert network.failed("a", 17.0) is False
    assert network.opens(17.0) == 17.0 + PAUSE


def test_the_host_that_failed_longest_ago_waited_longest():
    network = Network("abc")
    network.failed("a", 1.0)
    network.failed("b", 2.0)
    assert sorted("abc", key=network.waited) == ["c", "a", "b"]


def test_hosts_that_a_new_file_does_not_have_are_forgotten():
    network = Network("ab")
    network.failed("a", 0.0)
    network.serve("bc")
    assert network.failed("b", 1.0) is False
    assert network.failed("c", 1.0) is True
    network.serve("d")
    assert network.offline
    network.serve("")
    assert not network.offline
