"""A suggested test is YAML that says what was meant, whatever the names are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.node import plain
from router.config.ready_test import in_flow, ready_test
from router.config.yaml import read
from router.diagnostics.source import Source


def parsed(text: str):
    root, problems = read(Source("x.yaml", text))
    assert problems == []
    return plain(root)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1))
def test_a_name_is_read_as_it_was(name):
    try:
        assert parsed(f"{{rule: {in_flow(name)}}}") == {"rule": name}
    except AssertionError:
        # Characters that a configuration may not hold cannot be in a name either.
        assert read(Source("x.yaml", f'{{rule: "{name}"}}'))[1]


@pytest.mark.parametrize(
    "word", ["yes", "No", "null", "none", "12", "a: b", "#x", "a, b", 'say "hi"', "table[2]", "> 3"]
)
def test_what_could_be_misread_is_quoted(word):
    assert in_flow(word).startswith('"')
    assert parsed(f"[{in_flow(word)}]") == [word]


def test_a_ready_test_is_an_item_of_tests():
    text = ready_test("long, hard", {"tokens": 4001, "tools": True, "task": "code"})
    assert text == (
        '- {name: "long, hard", given: {tokens: 4001, tools: true, task: code}, expect: {rule: "long, hard"}}'
    )
    assert parsed(text)[0]["given"] == {"tokens": 4001, "tools": True, "task": "code"}
