"""Which answers are kept, for how long, and which calls share one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from router import Completion, ImagePart, Message, TextPart
from router.core.messages import ToolCall
from router.core.request import Endpoint, Request
from router.core.secret import Secret
from router.policy.cachekey import (
    Asked,
    CachePolicy,
    Question,
    certain,
    good_for,
    is_good,
    key_of,
    question,
    worth_keeping,
)

HERE = Endpoint("here", "openai", "local", "http://127.0.0.1:1/v1", settings={"path": "/m"})
BASE = Request("id", [Message.system("s"), Message.user("hello")], {"temperature": 0}, context=100)
TENANT = {"user": "x", "dimensions": {"data": "public"}}
POLICY = CachePolicy()
ASKED = Question("k", 60.0, None, json=False, models=frozenset({"m"}))
GOOD = Completion("assistant", "fine", model="m")


def asked(request=BASE, endpoint=HERE, model="m"):
    return Asked(model, endpoint, request)


def said(*messages):
    return replace(BASE, messages=list(messages))


def calls(*found):
    return said(Message("assistant", "", tuple(found)), Message("tool", "4", tool_call_id="1"))


# Every one of these must be answered by itself.
DIFFERENT = {
    "base": (TENANT, [asked()]),
    "another user": ({**TENANT, "user": "y"}, [asked()]),
    "no user": ({**TENANT, "user": None}, [asked()]),
    "a dimension": ({**TENANT, "dimensions": {"data": "private"}}, [asked()]),
    "another model": (TENANT, [asked(model="n")]),
    "another id": (TENANT, [asked(replace(BASE, model="id2"))]),
    "another endpoint": (TENANT, [asked(endpoint=replace(HERE, name="there"))]),
    "another kind": (TENANT, [asked(endpoint=replace(HERE, kind="gguf"))]),
    "another url": (TENANT, [asked(endpoint=replace(HERE, url="http://127.0.0.1:2/v1"))]),
    "another file": (TENANT, [asked(endpoint=replace(HERE, settings={"path": "/n"}))]),
    "a header": (TENANT, [asked(endpoint=replace(HERE, headers={"x-org": "a"}))]),
    "a second candidate": (TENANT, [asked(), asked(model="n")]),
    "the second candidate first": (TENANT, [asked(model="n"), asked()]),
    "another context": (TENANT, [asked(replace(BASE, context=200))]),
    "no context": (TENANT, [asked(replace(BASE, context=None))]),
    "temperature as a fraction": (TENANT, [asked(replace(BASE, params={"temperature": 0.0}))]),
    "temperature": (TENANT, [asked(replace(BASE, params={"temperature": 0.7}))]),
    "temperature absent": (TENANT, [asked(replace(BASE, params={}))]),
    "temperature 1": (TENANT, [asked(replace(BASE, params={"temperature": 1}))]),
    "temperature 1.0": (TENANT, [asked(replace(BASE, params={"temperature": 1.0}))]),
    "temperature true": (TENANT, [asked(replace(BASE, params={"temperature": True}))]),
    **{
        f"{name} {value}": (TENANT, [asked(replace(BASE, params={**BASE.params, name: value}))])
        for name, value in [
            *(("top_p", 1), ("top_p", 0.5), ("max_tokens", 16), ("max_tokens", 64), ("seed", 1), ("seed", 2)),
            *(("stop", ["x"]), ("stop", ["x", "y"]), ("stop", ["y", "x"])),
            *(("reasoning_effort", "low"), ("reasoning_effort", "high")),
        ]
    },
    "extra": (TENANT, [asked(replace(BASE, extra={"top_k": 5}))]),
    "another extra": (TENANT, [asked(replace(BASE, extra={"top_k": 6}))]),
    "extra null": (TENANT, [asked(replace(BASE, extra={"top_k": None}))]),
    "tools": (TENANT, [asked(replace(BASE, tools=[{"type": "function"}]))]),
    "tool_choice": (TENANT, [asked(replace(BASE, tool_choice="none"))]),
    "json": (TENANT, [asked(replace(BASE, response_format={"type": "json_object"}))]),
    "text": (TENANT, [asked(replace(BASE, response_format={"type": "text"}))]),
    "another prompt": (TENANT, [asked(said(Message.system("s"), Message.user("hello ")))]),
    "no system": (TENANT, [asked(said(Message.user("hello")))]),
    "another role": (TENANT, [asked(said(Message("developer", "s"), Message.user("hello")))]),
    "one message": (TENANT, [asked(said(Message.system("shello")))]),
    "a name": (TENANT, [asked(said(Message.system("s"), Message("user", "hello", name="a")))]),
    "parts": (TENANT, [asked(said(Message.system("s"), Message.user((TextPart("hello"),))))]),
    "an image": (TENANT, [asked(said(Message.user((ImagePart("data:image/png;base64,AA"),))))]),
    "another image": (TENANT, [asked(said(Message.user((ImagePart("data:image/png;base64,AB"),))))]),
    "its detail": (TENANT, [asked(said(Message.user((ImagePart("data:image/png;base64,AA", "low"),))))]),
    "the image as text": (TENANT, [asked(said(Message.user((TextPart("data:image/png;base64,AA"),))))]),
    "a tool call": (TENANT, [asked(calls(ToolCall("1", "add", "{}")))]),
    "its arguments": (TENANT, [asked(calls(ToolCall("1", "add", '{"a": 1}')))]),
    "its name": (TENANT, [asked(calls(ToolCall("1", "sub", "{}")))]),
    "its id": (TENANT, [asked(calls(ToolCall("2", "add", "{}")))]),
}
SAME = {
    "streamed": replace(BASE, stream=False),
    "another key": replace(BASE, key=3),
    "the order of options": replace(BASE, extra={}, params=dict(BASE.params)),
}


def test_no_two_calls_that_differ_share_a_key():
    keys = {name: key_of(*each) for name, each in DIFFERENT.items()}
    shared = [(one, other) for one, other in combinations(keys, 2) if keys[one] == keys[other]]
    assert shared == []
    assert all(len(key) == 64 for key in keys.values())


def test_answers_that_are_processed_in_another_way_are_kept_apart():
    plain, stripped = Asked("m", HERE, BASE), Asked("m", HERE, BASE, "strip")
    assert key_of({}, [plain]) != key_of({}, [stripped])


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_change_the_answer_does_not_change_the_key(name):
    assert key_of(TENANT, [asked(SAME[name])]) == key_of(TENANT, [asked()])


def test_options_in_another_order_are_the_same_call():
    one = replace(BASE, params={"temperature": 0, "seed": 1}, extra={"a": {"b": 1, "c": 2}})
    other = replace(BASE, params={"seed": 1, "temperature": 0}, extra={"a": {"c": 2, "b": 1}})
    assert key_of(TENANT, [asked(one)]) == key_of(TENANT, [asked(other)])


def test_a_secret_is_no_part_of_the_key():
    one, other = (replace(HERE, headers={"x-key": Secret(text)}) for text in ("one", "other"))
    assert key_of(TENANT, [asked(endpoint=one)]) == key_of(TENANT, [asked(endpoint=other)])


def circle():
    found = {}
    found["self"] = found
    return found


@pytest.mark.parametrize("extra", [{"x": float("nan")}, {"x": object()}, {"x": {1: 2, "1": 3}}, circle()])
def test_what_is_no_json_has_no_key(extra):
    assert key_of(TENANT, [asked(replace(BASE, extra=extra))]) is None
    assert question(TENANT, [asked(replace(BASE, extra=extra))], None, POLICY) is None


def test_a_lone_surrogate_has_a_key():
    assert key_of(TENANT, [asked(said(Message.user("\ud800")))])


def test_certain_is_temperature_0_or_a_seed_at_every_candidate():
    warm, seeded = replace(BASE, params={"temperature": 0.7}), replace(BASE, params={"seed": 0})
    assert certain([BASE])
    assert certain([seeded, BASE])
    assert not certain([warm])
    assert not certain([BASE, warm])
    assert not certain([replace(BASE, params={})])


def test_an_image_by_address_is_not_certain():
    assert certain([said(Message.user((ImagePart("data:image/png;base64,AA"),)))])
    assert not certain([said(Message.user((TextPart("x"), ImagePart("https://example.org/cat.png"))))])


def ask(use=None, policy=POLICY, request=BASE):
    return question(TENANT, [asked(request)], use, policy)


WARM = replace(BASE, params={"temperature": 0.7})


def test_what_the_call_or_rule_says_decides():
    assert ask().ttl == 3600
    assert ask("off") is None
    assert ask(60.0).ttl == 60
    assert ask(60.0).oldest == 60
    assert ask().oldest is None
    assert ask(request=WARM) is None
    assert ask(60.0, request=WARM) is None
    assert ask("always", request=WARM).ttl == 3600
    assert question(TENANT, [], None, POLICY) is None


def test_answers_for_bad_times_are_kept_at_any_temperature_and_stand_for_nothing_new():
    policy = CachePolicy(stale=100.0)
    assert ask(policy=policy, request=WARM).ttl is None
    assert ask(policy=policy).ttl == 3600
    assert ask("off", policy) is None
    alone = CachePolicy(fresh=False, stale=100.0)
    assert ask(policy=alone).ttl is None
    assert ask("always", alone).ttl is None


def test_json_is_asked_for_by_any_format_but_text():
    assert not ask().json
    assert not ask(request=replace(BASE, response_format={"type": "text"})).json
    assert ask(request=replace(BASE, response_format={"type": "json_schema"})).json


CALLED = replace(GOOD, tool_calls=(ToolCall("1", "add", "{}"),), finish_reason="tool_calls")


@pytest.mark.parametrize(
    "answer",
    [
        replace(GOOD, finish_reason="length"),
        replace(GOOD, finish_reason="content_filter"),
        replace(GOOD, finish_reason="tool_calls"),
        replace(GOOD, content=""),
        replace(GOOD, content=" \n"),
        replace(GOOD, degraded="canned reply"),
        replace(GOOD, cached=True),
        replace(GOOD, model="another"),
        CALLED,
    ],
)
def test_an_answer_that_is_not_whole_sound_and_its_own_is_not_kept(answer):
    assert worth_keeping(GOOD, ASKED, POLICY)
    assert not worth_keeping(answer, ASKED, POLICY)


def test_answers_that_call_tools_are_kept_where_the_file_says_so():
    assert worth_keeping(CALLED, ASKED, CachePolicy(tools=True))
    assert worth_keeping(replace(CALLED, finish_reason="stop"), ASKED, CachePolicy(tools=True))
    assert not worth_keeping(replace(CALLED, finish_reason="length"), ASKED, CachePolicy(tools=True))


@pytest.mark.parametrize(("text", "kept"), [('{"a": 1}', True), ("{a: 1}", False), ("[" * 100_000, False)])
def test_an_answer_that_had_to_be_json_and_is_none_is_not_kept(text, kept):
    assert worth_keeping(replace(GOOD, content=text), replace(ASKED, json=True), POLICY) is kept


def test_the_time_is_a_tenth_more_or_less():
    assert [round(good_for(100, dice), 9) for dice in (0.0, 0.5, 1.0)] == [90, 100, 110]


def test_an_answer_is_good_until_its_end_and_never_before_it_was_given():
    assert is_good(ASKED, now=10, stored=0, until=11)
    assert not is_good(ASKED, now=11, stored=0, until=11)
    assert not is_good(ASKED, now=10, stored=16, until=100)
    assert is_good(ASKED, now=10, stored=14, until=100)
    young = replace(ASKED, oldest=5.0)
    assert is_good(young, now=5, stored=0, until=100)
    assert not is_good(young, now=6, stored=0, until=100)
