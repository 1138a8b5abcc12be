"""What callers hand in as messages."""

from __future__ import annotations

import pytest

from router.core.conversation import parse_messages
from router.core.errors import InvalidCall
from router.core.messages import ImagePart, Message, TextPart, ToolCall

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_a_text_is_one_user_message():
    assert parse_messages("hi") == (Message.user("hi"),)


def test_messages_and_mappings_may_be_mixed():
    found = parse_messages([Message.system("be kind"), {"role": "user", "content": "hi", "name": "ann"}])
    assert found == (Message.system("be kind"), Message("user", "hi", name="ann"))


def test_a_whole_exchange_with_tools_is_taken():
    found = parse_messages(
        [
            {"role": "developer", "content": "use tools"},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
        ]
    )
    assert found[1].tool_calls == (ToolCall("c1", "f", "{}"),)
    assert found[1].content == ""
    assert found[2].tool_call_id == "c1"


def test_parts_of_text_and_images_are_taken():
    parts = [
        {"type": "text", "text": "what is "},
        {"type": "image_url", "image_url": {"url": "https://x.invalid/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
        TextPart("this?"),
    ]
    (message,) = parse_messages([{"role": "user", "content": parts}])
    assert message.text == "what is this?"
    assert message.content[1] == ImagePart("https://x.invalid/a.png", "low")
    assert message.content[2] == ImagePart("data:image/png;base64,AAAA")


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "at least one message"),
        ("", "at least one message"),
        (None, "a list of messages or a text"),
        (b"hi", "not bytes"),
        (5, "not int"),
        ({"role": "user"}, "not dict"),
        ([{"role": "user", "content": "x"}] * 10_001, "10,001"),
        ([5], r"messages\[0\] must be"),
        (["hi"], r"messages\[0\] must be"),
        (
            [{"role": "user", "content": "a"}, {"role": "robot", "content": "b"}],
            r"messages\[1\]\.role is 'robot'",
        ),
        ([{"content": "x"}], r"role is None"),
        ([{"role": "user"}], r"content must be"),
        ([{"role": "user", "content": 5}], r"content must be"),
        ([{"role": "user", "content": []}], r"content must be"),
        ([{"role": "user", "content": ["x"]}], r"content\[0\] must be"),
        ([{"role": "user", "content": [{"type": "text", "text": 5}]}], r"content\[0\] must be"),
        ([{"role": "user", "content": [{"type": "audio"}]}], r"content\[0\] must be"),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}],
                }
            ],
            "address",
        ),
        ([{"role": "user", "content": "x", "txt": "y"}], "unknown key `txt`"),
        ([{"role": "user", "content": "x", "name": 5}], "name must be a text"),
        ([{"role": "tool", "content": "x"}], "tool_call_id is missing"),
        ([{"role": "user", "content": "x", "tool_calls": [CALL]}], "belongs to assistant"),
        ([{"role": "assistant", "tool_calls": [{"id": "x"}]}], r"tool_calls\[0\] must be"),
        ([{"role": "assistant", "tool_calls": [5]}], r"tool_calls\[0\] must be"),
        ([Message("robot", "x")], "role"),
        ([Message("user", 5)], "content"),
        ([Message("user", (1, 2))], r"content\[0\] must be"),
        ([Message("assistant", "x", tool_calls=(1,))], r"tool_calls\[0\] must be"),
        ([Message("assistant", "x", tool_calls=5)], "tool_calls must be a list"),
        ([{"role": "assistant", "content": "x", "tool_calls": 5}], "tool_calls must be a list"),
    ],
)
def test_a_malformed_conversation_is_refused_with_its_place(messages, told):
    with pytest.raises(InvalidCall, match=told):
        parse_messages(messages)
