"""Processors of answers: however an answer is cut into pieces, the same comes out."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.core.messages import Message
from router.core.processor import ProcessorUse
from router.core.request import Request
from router.processors import registry
from router.processors.fence_code import is_code

PLAIN = Request("model", (Message.user("hi"),))
JSON = Request("model", (Message.user("hi"),), response_format={"type": "json_object"})


def made(name, **options):
    return registry.after(ProcessorUse(name, options, "router.yaml:1:1"))


def passed(processor, pieces, request=PLAIN):
    """Return what an answer becomes, and its reasoning."""
    stage = processor.begin(request)
    out, thought = [], []
    for piece in pieces:
        out.append(stage.feed(piece))
        thought.append(stage.thought() if hasattr(stage, "thought") else "")
    out.append(stage.end())
    thought.append(stage.thought() if hasattr(stage, "thought") else "")
    return "".join(out), "".join(thought)


def whole(name, text, request=PLAIN, **options):
    return passed(made(name, **options), [text], request)[0]


WORDS = [
    *("\n", "\n\n", " ", "`", "```", "```python\n", "def f(x):\n", "    return x\n", "x = 1;", "import os\n"),
    *("Here is what I think of it.", "# a comment\n", "}", "word ", "a" * 130, "</div>\n"),
    *("<think>", "</think>", "<", "</th", "ink>", "<t"),
    *('{"a": 1,}', '["x", ', "'y'", "\u00e9\u4e2d"),
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=16).map("".join)
NAMES = [
    ("fence_code", {}),
    ("fence_code", {"language": "python"}),
    ("strip_thinking", {}),
    ("strip_thinking", {"opened": True, "to": "nowhere"}),
    ("strip", {}),
    ("json_repair", {"otherwise": "keep"}),
    ("regex", {"pattern": "(x)\\s", "replace": "[\\1]"}),
]


@pytest.mark.parametrize(("name", "options"), NAMES, ids=[f"{name}-{len(each)}" for name, each in NAMES])
@settings(max_examples=300, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(1, 9), max_size=60))
@example(text="def f(x):\n    return x\n\n```\nmore", cuts=[1] * 40)
def test_an_answer_in_pieces_becomes_what_the_whole_becomes(name, options, text, cuts):
    if name == "regex":
        pytest.importorskip("re2")
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(text[at : at + cut])
        at += cut
    pieces.append(text[at:])
    request = JSON if name == "json_repair" else PLAIN
    processor = made(name, **options)
    assert passed(processor, pieces, request) == passed(processor, [text], request)


CODE = [
    "def f(x):\n    return x",
    "import os\n\nprint(os.getcwd())\n",
    "#include <stdio.h>\nint main(void) {\n  return 0;\n}",
    "const a = 1;\nfunction b() {\n  return a;\n}",
    "<div>\n  <p>hi</p>\n</div>",
    "SELECT name FROM people WHERE age > 3;",
    "# how it works\nx = 3\ny = x + 1",
    "for i in range(3):\n    print(i)",
    "package main\n\nfunc main() {\n}",
]
TALK = [
    "Here is the code you asked for.",
    "The function returns a class of functions.",
    "# Heading\nSome words under it.\nAnd some more of them.",
    "import duties are high this year.",
    "Let us class this as good; it is.",
    "",
    "   ",
    "1. first\n2. second",
    "def",
    "Use this:\n```python\nx = 1\n```\n",
    "```\nx = 1\n```",
]


@pytest.mark.parametrize("text", CODE)
def test_code_is_fenced(text):
    assert whole("fence_code", text) == f"```\n{text.rstrip(chr(10))}\n```"


@pytest.mark.parametrize("text", TALK)
def test_what_is_no_code_or_fenced_already_stays(text):
    assert whole("fence_code", text) == text


def test_the_fence_names_the_language():
    assert whole("fence_code", "x = 1;", language="js") == "```js\nx = 1;\n```"


def test_a_fence_of_the_answers_own_ends_ours():
    text = "".join(f"x{n} = {n};\n" for n in range(6))
    assert whole("fence_code", f"{text}```\nmore\n```") == f"```\n{text}```\n```\nmore\n```"


def test_words_are_handed_on_with_their_first_line_and_code_after_a_few():
    stage = made("fence_code").begin(PLAIN)
    assert stage.feed("Well, ") == ""
    assert stage.feed("here it is.\nAnd") == "Well, here it is.\nAnd"
    stage = made("fence_code").begin(PLAIN)
    assert [stage.feed(f"x{n} = {n};\n") for n in range(4)] == [""] * 4
    assert stage.feed("x4 = 4;\n").startswith("```\nx0 = 0;\n")
    assert stage.feed("x5") == "\nx5"


def test_long_lines_do_not_hold_an_answer_back():
    assert is_code("word " * 30, whole=False) is False
    assert is_code("word " * 3, whole=False) is None


def test_an_answer_that_is_to_be_json_is_not_fenced():
    assert made("fence_code").begin(JSON) is None


def test_thinking_becomes_reasoning():
    text = "<think>\nhm, so\n</think>\n\nThe answer."
    assert passed(made("strip_thinking"), [text]) == ("The answer.", "\nhm, so\n")
    assert passed(made("strip_thinking", to="nowhere"), [text]) == ("The answer.", "")


def test_thinking_that_the_template_began_ends_with_its_mark():
    assert passed(made("strip_thinking", opened=True), ["so</think>Yes", "."]) == ("Yes.", "so")


def test_thinking_without_an_end_is_all_thought():
    assert passed(made("strip_thinking"), ["<think>so", " on </th"]) == ("", "so on </th")


def test_what_only_looks_like_a_mark_is_answer():
    assert whole("strip_thinking", "a <b> </think") == "a <b> </think"


def test_white_space_around_an_answer_goes():
    assert passed(made("strip"), ["  \n", " a", "  ", "", "b ", "\n"]) == ("a  b", "")


REPAIRED = [
    ('{"a": 1}', {"a": 1}),
    ('Sure!\n```json\n{"a": [1, 2,],}\n```\nHope it helps.', {"a": [1, 2]}),
    ("{'a': 'it\\'s', b: True, \"c\": None, // why\n d: .5}", {"a": "it's", "b": True, "c": None, "d": 0.5}),
    ('{"a": {"b": ["x", "y', {"a": {"b": ["x", "y"]}}),
    ('{"a": 1, "b"', {"a": 1}),
    ('{"a":, "b": -2}', {"a": None, "b": -2}),
    ("[1 2, 3]", [1, 2, 3]),
    ('{"a": "\\ud83d\\ude00\\n\\q", }', {"a": "\U0001f600\nq"}),
    ("{\u201ca\u201d: \u2018b\u2019}", {"a": "b"}),
    ('{"a": "b\\', {"a": "b"}),
    ("[[1], /* two */ [2]", [[1], [2]]),
    ("```\n[1, \n```", [1]),
]


@pytest.mark.parametrize(("text", "meant"), REPAIRED, ids=range(len(REPAIRED)))
def test_what_was_meant_to_be_json_becomes_it(text, meant):
    assert json.loads(whole("json_repair", text, JSON)) == meant


@pytest.mark.parametrize("text", ['{"a": 1}', " [1]\n", "3", "", "  "])
def test_sound_json_and_nothing_at_all_stay(text):
    assert whole("json_repair", text, JSON) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no idea", "neither an object nor a list"),
        ('{"aunt" 1}', "the name before character 8 has no value"),
        ("[1}", "`}` closes"),
        ("[uncle]", "the word before character 6 is no value"),
        ("[:]", "something else stands at character 1"),
        ("[" * 100, "deep"),
        ("[1e999,]", "JSON"),
    ],
)
def test_what_cannot_be_repaired_is_an_error_or_kept(text, why):
    with pytest.raises(ValueError, match=why) as caught:
        whole("json_repair", text, JSON)
    # Errors are logged, answers are not.
    assert not any(word in str(caught.value) for word in ("aunt", "uncle"))
    assert whole("json_repair", text, JSON, otherwise="keep") == text


@pytest.mark.parametrize("form", [None, {"type": "text"}])
def test_only_calls_that_want_json_are_repaired(form):
    assert made("json_repair").begin(Request("model", (Message.user("hi"),), response_format=form)) is None


def test_patterns_replace_over_the_whole_answer():
    pytest.importorskip("re2")
    assert whole("regex", "a1b22", pattern="([0-9]+)", replace="<\\1>") == "a<1>b<22>"
    assert whole("regex", "x" * 5000 + "!", pattern="^(x+)+$", replace="") == "x" * 5000 + "!"
    assert whole("regex", "one\ntwo", pattern="(?s)one.*", replace="") == ""
