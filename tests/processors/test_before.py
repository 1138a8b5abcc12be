"""Processors of messages."""

from __future__ import annotations

import pytest

from router.core.messages import ImagePart, Message, TextPart
from router.core.processor import ProcessorUse
from router.processors import registry

PICTURE = ImagePart("https://example.com/cat.png")
SEEN = Message.user((TextPart("what is "), PICTURE, TextPart(" this?")))


def made(name, **options):
    return registry.before(ProcessorUse(name, options, "router.yaml:1:1"))


def test_a_system_message_is_given_to_a_call_that_has_none():
    call = (Message.user("hi"),)
    assert made("system", text="be kind")(call) == (Message.system("be kind"), *call)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_call_that_sets_its_scene_keeps_it(role):
    call = (Message(role, "mine"), Message.user("hi"))
    assert made("system", text="be kind")(call) is call


def test_system_messages_become_one_at_the_start():
    call = (Message.system("a"), Message.user("hi"), Message("developer", "b"))
    assert made("merge_system")(call) == (Message.system("a\n\nb"), Message.user("hi"))


@pytest.mark.parametrize("call", [(Message.user("hi"),), (Message.system("a"), Message.user("hi"))])
def test_what_needs_no_merging_stays(call):
    assert made("merge_system")(call) is call


def test_system_messages_may_become_the_users_words():
    merged = made("merge_system", into="user")
    assert merged((Message.system("a"), Message.user("hi"))) == (Message.user("a\n\nhi"),)
    assert merged((Message.system("a"),)) == (Message.user("a"),)
    (shown,) = merged((Message.system("a"), SEEN))
    assert shown.text == "a\n\nwhat is  this?"
    assert PICTURE in shown.content


def test_a_template_frames_the_last_user_message():
    framed = made("template", text="[INST] {text} [/INST]")
    call = (Message.user("one"), Message("assistant", "1"), Message.user("two {text}"))
    assert framed(call) == (*call[:2], Message.user("[INST] two {text} [/INST]"))
    assert framed((SEEN,))[0].text == "[INST] what is  this? [/INST]"


def test_a_template_needs_a_user_message():
    with pytest.raises(ValueError, match="no user message"):
        made("template", text="{text}")((Message.system("a"),))


def test_a_prefix_stands_before_the_last_user_message():
    prefixed = made("prefix", text="/no_think ")
    assert prefixed((Message.user("hi"),)) == (Message.user("/no_think hi"),)
    assert prefixed((Message.system("a"),)) == (Message.system("a"),)
    assert prefixed((SEEN,))[0].content == (TextPart("/no_think "), *SEEN.content)


def test_images_are_left_out_or_named():
    assert made("strip_images")((SEEN,)) == (Message.user("what is  this?"),)
    assert made("strip_images", instead="[image]")((SEEN,)) == (Message.user("what is [image] this?"),)
    plain = (Message.user("hi"), Message.user((TextPart("a"), TextPart("b"))))
    assert made("strip_images")(plain) is plain
    assert made("strip_images")((plain[0], SEEN))[0] is plain[0]


def test_a_conversation_is_cut_to_so_many_tokens():
    call = (Message.user("a " * 100), Message("assistant", "b"), Message.user("c"))
    assert made("truncate", tokens=20)(call) == call[2:]
    assert made("truncate", tokens=2000)(call) is call
