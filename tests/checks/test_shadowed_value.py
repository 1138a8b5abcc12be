"""A value of a model is told to have no effect only where every place of the model, in the same file, has its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

HEAD = "version: 1\nendpoints: {one: {kind: mock}, two: {kind: mock}}\nrules: [{use: a}]\n"


def told(model: str, folder: Path = Path("/nowhere"), head: str = HEAD):
    source = Source(str(folder / "x.yaml"), f"{head}models: {{a: {model}}}\n")
    return [each for each in run_all(load_source(source, folder)) if each.code == "R517"]


@pytest.mark.parametrize("key", ["id: x", "context: 5", "price: free"])
def test_a_value_that_every_place_replaces_is_told_where_it_stands(key):
    (found,) = told(f"{{at: {{one: {{{key}}}, two: {{{key}}}}}, {key}}}")
    name = key.partition(":")[0]
    assert found.message == f"`{name}` of model `a` has no effect"
    assert found.span.column > found.related[0].span.column


@pytest.mark.parametrize(
    "model",
    [
        "{at: {one: {context: 5}, two: {}}, context: 4}",
        "{at: {one: {id: x}}, context: 4}",
        "{at: [one, two], context: 4}",
        "{at: {one: {context: 5}}, context: 4, 7: x}",
        "{at: {}, context: 4}",
    ],
)
def test_a_value_that_some_place_goes_by_is_not(model):
    assert told(model) == []


def test_a_file_may_replace_what_another_says(tmp_path):
    (tmp_path / "base.yaml").write_text(f"{HEAD}models: {{a: {{at: one, context: 4}}}}\n", encoding="utf-8")
    assert told("{at: {one: {context: 5}}}", tmp_path, "version: 1\nextends: base.yaml\n") == []
