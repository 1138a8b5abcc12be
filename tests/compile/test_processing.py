"""What `explain` tells of processors, families, bounds and windows."""

from __future__ import annotations

import pytest

from router import load_router

HEAD = """version: 1
endpoints:
  a: {kind: openai, url: "http://127.0.0.1:1/v1"}
"""


def explained(tmp_path, models, rules="[{use: [one, two]}]", rest="", **call):
    file = tmp_path / "router.yaml"
    file.write_text(f"{HEAD}models: {models}\nrules: {rules}\n{rest}", encoding="utf-8")
    return load_router(file, env={}).explain(**call)


def test_processors_are_told_with_what_they_hold_back(tmp_path):
    found = explained(
        tmp_path,
        "{one: {at: a, before: [{prefix: x}, strip_images], after: [json_repair, strip], truncate: middle, context: 9000},"
        " two: {at: a, after: [{regex: {pattern: x}}]}}",
    )
    assert found.policies == (
        ("before", "one: prefix, strip_images"),
        ("after", "one: json_repair (waits for the whole answer where JSON is asked for), strip"),
        ("truncate", "one: the middle turns go where its context window would not do"),
        ("after", "two: regex (waits for the whole answer)"),
    )


def test_a_family_is_below_everything_else_and_told_as_the_origin(tmp_path):
    models = "{one: {at: a, family: mistral}, two: {at: a}}"
    found = explained(tmp_path, models).options
    assert found["temperature"].value == 0.5
    assert found["temperature"].origin.endswith(":4:31 (family mistral)")
    over = {
        "temperatures: {default: 0.3}\n": 0.3,
        "temperatures: {chat: 0.1, default: 0.3}\n": 0.1,
    }
    for rest, value in over.items():
        assert explained(tmp_path, models, rest=rest).options["temperature"].value == value
    own = "{one: {at: a, family: mistral, options: {temperature: 0.6}}, two: {at: a}}"
    assert explained(tmp_path, own).options["temperature"].value == 0.6
    assert explained(tmp_path, own, temperature=0.7).options["temperature"].origin == "call"


def test_a_bound_is_told_with_what_it_bounds(tmp_path):
    models = '{one: {at: a, clamp: {temperature: "<= 0.5"}}, two: {at: a}}'
    found = explained(tmp_path, models, temperature=0.9).options["temperature"]
    assert found.value == 0.5
    assert found.origin.startswith("call, 0.9 clamped by ")
    assert found.origin.endswith(":4:44")
    assert explained(tmp_path, models, temperature=0.4).options["temperature"].origin == "call"


@pytest.mark.parametrize(
    ("more", "call", "model"),
    [
        ("context: 1000", {"tokens": 1000}, "one"),
        ("context: 1000", {"tokens": 1499}, "one"),  # it may be less
        ("context: 1000", {"tokens": 1600}, "two"),
        ("context: 1000", {"tokens": 800, "max_tokens": 500}, "two"),
        ("context: 1000", {"tokens": 0, "max_tokens": 500}, "one"),
        ("context: 1000, truncate: oldest", {"tokens": 1600}, "one"),
    ],
)
def test_a_model_whose_window_is_surely_too_small_is_passed_over(tmp_path, more, call, model):
    found = explained(tmp_path, f"{{one: {{at: a, {more}}}, two: {{at: a}}}}", **call)
    assert found.model == model
    if model == "two":
        assert "its context window of 1,000 tokens is too small for" in found.candidates[0].skipped


def test_a_step_of_the_offline_ladder_may_leave_out_turns(tmp_path):
    models = "{one: {at: a}, two: {at: a, context: 100, truncate: oldest}}"
    rest = "offline: {use: [two]}\n"
    found = explained(tmp_path, models, "[{use: one}]", rest, tokens=500).offline
    assert found.candidates[0].skipped is None
    without = models.replace(", truncate: oldest", "")
    found = explained(tmp_path, without, "[{use: one}]", rest, tokens=500).offline
    assert found.candidates[0].skipped == "its context window has 100 tokens"
