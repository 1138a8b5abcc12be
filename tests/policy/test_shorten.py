"""Conversations that are too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.messages import Message, ToolCall
from router.core.tokens import estimate
from router.policy.shorten import shortened


def said(role, text, **more):
    return Message(role, text, **more)


SCENE = said("system", "scene")
TALK = (
    SCENE,
    *(
        message
        for n in range(5)
        for message in (said("user", f"question {n}"), said("assistant", f"answer {n}"))
    ),
    said("user", "the last question"),
)


def texts(messages):
    return [message.text for message in messages]


def test_a_conversation_that_fits_stays_whole():
    assert shortened(TALK, 1000, "oldest") == TALK


@pytest.mark.parametrize(
    ("drop", "numbers"),
    [("oldest", [3, 4]), ("middle", [0, 4])],
)
def test_turns_go_as_the_file_says(drop, numbers):
    kept = shortened(TALK, 50, drop)
    assert texts(kept) == [
        "scene",
        *(word for n in numbers for word in (f"question {n}", f"answer {n}")),
        "the last question",
    ]


def test_the_scene_and_the_last_question_stay_whatever_the_room():
    assert texts(shortened(TALK, 0, "oldest")) == ["scene", "the last question"]


def test_the_result_of_a_tool_never_stays_without_its_call():
    call = ToolCall("1", "look", "{}")
    messages = (
        said("user", "look"),
        said("assistant", "", tool_calls=(call,)),
        said("tool", "seen " * 50, tool_call_id="1"),
        said("assistant", "done"),
        said("user", "and now?"),
        said("assistant", "", tool_calls=(call,)),
        said("tool", "seen again", tool_call_id="1"),
    )
    assert shortened(messages, 40, "middle") == messages[4:]
    assert shortened(messages, 1, "oldest") == messages[4:]


def test_what_stands_before_the_first_question_goes_first():
    messages = (said("assistant", "welcome " * 20), said("user", "hello"))
    assert shortened(messages, 10, "oldest") == messages[1:]


def test_two_questions_in_a_row_are_one_turn():
    messages = (said("user", "one"), said("user", "two"))
    assert shortened(messages, 1, "oldest") == messages


ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])


@given(
    st.lists(st.tuples(ROLES, st.text(max_size=80)), min_size=1, max_size=20),
    st.integers(0, 300),
    st.sampled_from(["oldest", "middle"]),
)
def test_what_is_left_is_in_order_and_holds_what_must_stay(messages, room, drop):
    messages = tuple(
        said(role, text, tool_call_id="1" if role == "tool" else None) for role, text in messages
    )
    kept = shortened(messages, room, drop)
    rest = iter(messages)
    assert all(any(each is other for other in rest) for each in kept)
    assert [each for each in messages if each.role in ("system", "developer")] == [
        each for each in kept if each.role in ("system", "developer")
    ]
    users = [each for each in messages if each.role == "user"]
    assert not users or users[-1] in kept
    assert kept or not messages
    if estimate(messages) <= room:
        assert kept == messages
