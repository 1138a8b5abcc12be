"""What a model cannot take, by its own word or by the kind of its endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

FILE = """\
version: 1
endpoints:
  studio: {kind: opencode, url: "http://127.0.0.1:4096", locality: local}
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
models:
  one: %s
  spare: {at: here}
rules: [%s{name: rest, use: [one, spare]}]
deadline: 10m
"""
TOOLS = "{name: tools, when: {tools: true}, use: [one, spare]}, "


def said(model, rules=""):
    source = Source("x.yaml", FILE % (model, rules))
    found = run_all(load_source(source, Path("/nowhere")))
    return [(each.message, each.help) for each in found if each.code == "R505"]


def test_a_rule_for_tools_cannot_use_a_model_that_is_only_at_opencode():
    assert said("{at: studio, id: p/m}", TOOLS) == [
        ("`one` cannot take tools, which rule `tools` is for", "take `one` out of this rule")
    ]


def test_the_models_own_word_is_told_before_the_kind():
    ((_, help_),) = said("{at: studio, id: p/m, capabilities: []}", TOOLS)
    assert help_ == "take `one` out of this rule, or add to its capabilities"


@pytest.mark.parametrize(
    "model",
    [
        "{at: [studio, here]}",
        "{at: here}",
        "{at: here, capabilities: [tools]}",
        "{at: [studio, here], capabilities: [tools]}",
    ],
)
def test_a_model_that_may_take_it_at_one_place_is_let_be(model):
    assert said(model, TOOLS) == []


@pytest.mark.parametrize("model", ["{at: studio, id: p/m}", "{at: studio, id: p/m, capabilities: []}"])
def test_a_model_at_opencode_is_fine_for_calls_that_may_be_anything(model):
    assert said(model) == []


@pytest.mark.parametrize(
    ("written", "what", "help_"),
    [
        ("[tools]", "tools", "write `capabilities: []`"),
        ("[images, json]", "images, json", "write `capabilities: []`"),
    ],
)
def test_capabilities_that_no_endpoint_of_the_model_can_be_sent_are_told(written, what, help_):
    assert said(f"{{at: studio, id: p/m, capabilities: {written}}}") == [
        (f"model `one` cannot be sent {what} by kind opencode", help_)
    ]
