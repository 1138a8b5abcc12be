"""A check is imported and asked only where a file has what it looks at, and nobody can tell by what is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from checks.examples import COMPLEX, FEW_NODES, configuration
from config.ignored import documents, text_of
from config.mutations import mutated

from router.checks import registry
from router.checks.registry import ALL, LOOKS_AT, run_all
from router.compile.compiler import check_file
from router.config.load import load_file, load_source
from router.diagnostics.source import Source
from router.table import graph

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "tests" / "golden").glob("*/*.yaml"), *(ROOT / "examples").rglob("*.yaml")])
EVERYTHING = dict.fromkeys(LOOKS_AT, "+any")


def same(monkeypatch, check):
    """Return what is found, which every check together would have found as well."""
    found = check()
    with monkeypatch.context() as patched:
        patched.setattr(registry, "LOOKS_AT", EVERYTHING)
        assert check() == found
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
@pytest.mark.parametrize("env", [None, {"KEY": "x"}], ids=["checked", "for calls"])
def test_what_is_not_asked_would_find_nothing_in_a_file(path, env, monkeypatch):
    monkeypatch.chdir(path.parent)
    if path.parent.name == "analysis-incomplete":
        monkeypatch.setattr(graph, "BUDGET", FEW_NODES)
    if env is None:
        same(monkeypatch, lambda: check_file(Path(path.name))[1])
    else:
        same(monkeypatch, lambda: run_all(load_file(Path(path.name), env)))


@pytest.mark.parametrize("check", ALL, ids=lambda check: f"{check.code}-{check.name}")
@pytest.mark.parametrize("heading", ["Example", "Use instead"])
def test_what_is_not_asked_would_find_nothing_in_an_example(check, heading, tmp_path, monkeypatch):
    if check.code == COMPLEX:
        monkeypatch.setattr(graph, "BUDGET", FEW_NODES)
    same(monkeypatch, lambda: run_all(configuration(check, heading, tmp_path)))


def thinned(value, random):
    """Return a document without some of its keys."""
    if isinstance(value, dict):
        return {key: thinned(inner, random) for key, inner in value.items() if random.random() < 0.7}
    return [thinned(inner, random) for inner in value] if isinstance(value, list) else value


@pytest.mark.long
@pytest.mark.parametrize("number", range(150))
def test_what_is_not_asked_would_find_nothing_in_what_is_left_of_a_file(number, tmp_path, monkeypatch):
    random = Random(number)
    document = thinned(random.choice(documents()), random)
    for each in (document, mutated(document, random)):
        source = Source("x.yaml", text_of({**each, "version": 1} if isinstance(each, dict) else each))
        same(monkeypatch, lambda source=source: run_all(load_source(source, tmp_path)))
        same(monkeypatch, lambda source=source: run_all(load_source(source, tmp_path, {})))


def test_a_misspelt_key_is_looked_at_as_the_one_that_was_meant(tmp_path, monkeypatch):
    text = 'version: 1\nendpoints: {here: {kind: openai, urlx: "http://127.0.0.1/v1/chat/completions"}}\n'
    found = same(monkeypatch, lambda: run_all(load_source(Source("x.yaml", text), tmp_path)))
    assert {"R201", "R810"} <= {each.code for each in found}


def test_the_table_names_every_check_and_nothing_else():
    assert [check.name.replace("-", "_") for check in ALL] == list(LOOKS_AT)
    with pytest.raises(AttributeError, match="no attribute 'SOME'"):
        registry.SOME  # noqa: B018


def test_a_good_file_of_five_lines_imports_few_checks(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(
        'version: 1\nendpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}\n'
        "models: {assistant: {at: here}}\nrules: [{use: assistant}]\n",
        encoding="utf-8",
    )
    program = (
        "import json, sys, router; router.load_router(sys.argv[1], env={}); print(json.dumps([*sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program, file], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    checks = {f"router.checks.{name}" for name in LOOKS_AT} & modules
    assert len(checks) <= 5
