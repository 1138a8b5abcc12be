"""Measured speeds: R313 for a file that cannot be used, R514 for one that nothing reads; and where both are silent."""

from __future__ import annotations

import json

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

HEAD = """\
version: 1
endpoints: {a: {kind: mock}, b: {kind: mock}}
rules: [{use: m}]
"""
FASTEST = "models: {m: {at: [a, b], balance: fastest}}\n"
NAMED = "speeds: speeds.json\n"


def found(folder, text, content=None):
    if content is not None:
        written = content if isinstance(content, str) else json.dumps(content)
        (folder / "speeds.json").write_text(written, encoding="utf-8")
    every = run_all(load_source(Source("x.yaml", HEAD + text), folder))
    return [(each.code, each.message, each.label) for each in every if each.code in ("R313", "R514", "R513")]


def places(*named):
    return {"places": [{"model": model, "endpoint": at, "first_seconds": 1.5} for model, at in named]}


def test_a_file_that_has_figures_of_a_place_is_good(tmp_path):
    assert found(tmp_path, FASTEST + NAMED, places(("m", "b"))) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        ("[]", 'it is no object with a list `"places"`'),
        ("{}", 'it is no object with a list `"places"`'),
        ({"places": [7]}, "place 1 is no object"),
        ({"places": [{"model": "m"}]}, "place 1 has no `model` or no `endpoint`"),
        ({"places": [{"model": "m", "endpoint": "a", "first_seconds": "1"}]}, "no number of seconds"),
        ({"places": [{"model": "m", "endpoint": "a", "first_seconds": True}]}, "no number of seconds"),
        ({"places": [{"model": "m", "endpoint": "a", "first_seconds": -1}]}, "no number of seconds"),
        ('{"places": [{"model": "m", "endpoint": "a", "first_seconds": NaN}]}', "no number of seconds"),
        ("{", "Expecting property name"),
        ("[" * 100_000, "it is nested too deeply"),
        (" " * (16 * 2**20 + 1), "it has more than 16777216 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(tmp_path, content, why):
    [(code, message, label)] = found(tmp_path, FASTEST + NAMED, content)
    assert (code, message) == ("R313", "the speeds in `speeds.json` cannot be used")
    assert why in label


@pytest.mark.parametrize("models", ["{m: {at: [a, b]}}", "{m: {at: [a, b], balance: least_busy}}"])
def test_figures_that_nobody_asks_for_have_no_effect(tmp_path, models):
    assert found(tmp_path, f"models: {models}\n{NAMED}", places(("m", "a"))) == [
        ("R514", "`speeds` is never read: no model asks for the fastest place", "nothing starts from it")
    ]


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (places(("other", "a"), ("m", "elsewhere")), "2 other places"),
        ({"places": []}, "no place in it ever answered"),
        (
            {"places": [{"model": "m", "endpoint": "a", "first_seconds": None}]},
            "no place in it ever answered",
        ),
    ],
)
def test_figures_of_other_places_have_no_effect(tmp_path, content, label):
    assert found(tmp_path, FASTEST + NAMED, content) == [
        ("R514", "`speeds` says nothing of the places that `fastest` chooses among", label)
    ]


def test_a_balance_with_nothing_to_choose_from_is_the_one_thing_that_is_wrong(tmp_path):
    models = "models: {m: {at: a, balance: fastest}}\n"
    assert [each[0] for each in found(tmp_path, models + NAMED, places(("m", "a")))] == ["R513"]


@pytest.mark.parametrize(
    "text",
    [
        FASTEST + 'speeds: "${env:SPEEDS}"\n',  # it may name a good file
        'models: {m: {at: [a, b], balance: "${env:HOW}"}}\n' + NAMED,  # it may be fastest
    ],
)
def test_what_a_variable_decides_is_not_judged(tmp_path, text):
    assert found(tmp_path, text, places(("m", "a"))) == []
