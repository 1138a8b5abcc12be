"""`router render` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import cli
from router.config.load import load_source
from router.config.node import plain
from router.config.yaml import read
from router.diagnostics.source import Source

CONFIGS = Path(__file__).parents[2] / "examples" / "configs"
WHOLE = Path(__file__).parents[1] / "config" / "data" / "whole.yaml"
BASE = """\
version: 1
deadline: 60s
endpoints:
  here: &here
    kind: mock
    script:
      - {say: "a: b, # no comment\\n\\ttab \\x7f \\"q\\" é \U0001f600"}
      - ok
models:
  small: {at: here, context: 010}
  "no": {at: here}
  "1": {at: [here]}
rules:
  - use: [small, "no", "1"]
    when:
      tokens: "> 5"
  - use: small
"""
TOP = """\
extends: base.yaml
models: {small: {context: 4096}}
version: 1
endpoints: {there: {kind: openai, url: "https://x.example/v1", key: "${env:A_KEY:-hunter2}", headers: {X-A: "${env:B:-b}"}}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*words, base=BASE, top=TOP):
        (tmp_path / "base.yaml").write_text(base, encoding="utf-8")
        (tmp_path / "router.yaml").write_text(top, encoding="utf-8")
        return CliRunner().invoke(cli, [str(word) for word in words])

    return invoke


def values(text):
    return plain(read(Source("x.yaml", text))[0])


def test_the_files_are_printed_as_one_that_says_the_same(run):
    result = run("render")
    assert result.exit_code == 0
    shown = values(result.output)
    merged = load_source(Source("router.yaml", TOP), Path()).root
    assert {**shown, "endpoints": {**shown["endpoints"], "there": None}} == {
        **plain(merged),
        "endpoints": {**plain(merged)["endpoints"], "there": None},
    }
    assert "extends" not in shown


def test_keys_come_in_the_order_of_the_language(run):
    assert list(values(run("render").output)) == ["version", "endpoints", "models", "rules", "deadline"]


def test_origins_tell_the_file_and_line_of_each_line(run):
    lines = run("render", "--origin").output.splitlines()
    told = {line.rpartition("  # ")[0].strip(): line.rpartition("  # ")[2] for line in lines}
    assert told["version: 1"] == "router.yaml:3"
    assert told["endpoints:"] == "router.yaml:4"
    assert told["here:"] == "base.yaml:4"
    assert told["kind: mock"] == "base.yaml:5"
    assert told["- ok"] == "base.yaml:8"
    assert told["small:"] == "router.yaml:2"
    assert told["at: here"] == "base.yaml:10"
    assert told["context: 4096"] == "router.yaml:2"
    assert told["deadline: 60s"] == "base.yaml:2"
    assert told['- use: [small, "no", "1"]'] == "base.yaml:14"
    assert values("\n".join(lines)) == values(run("render").output)


def test_a_secret_is_masked_and_a_reference_stays(run):
    shown = values(run("render").output)["endpoints"]["there"]
    assert (shown["key"], shown["headers"]) == ("${env:A_KEY:-***}", {"X-A": "${env:B:-b}"})
    written = TOP.replace("${env:A_KEY:-hunter2}", "hunter2") + "name: sk-abcdefghijklmnop\n"
    for words in (["render"], ["render", "--origin"], ["render", "--format", "json"]):
        output = run(*words, top=written).output
        assert "***" in output
        assert not {each for each in ("hunter2", "sk-abc") if each in output}


def test_json_has_each_value_with_its_place(run):
    found = json.loads(run("render", "--format", "json").output)
    assert {each: found[each] for each in ("format_version", "file", "files")} == {
        "format_version": "1.0",
        "file": "router.yaml",
        "files": ["router.yaml", "base.yaml"],
    }
    assert found["document"]["models"]["small"] == {"at": "here", "context": 4096}
    places = {each.pop("path"): each for each in found["values"]}
    assert places["models.small.context"] == {"value": 4096, "file": "router.yaml", "line": 2, "column": 27}
    assert places["endpoints.here.script[1]"] == {"value": "ok", "file": "base.yaml", "line": 8, "column": 9}


def test_empty_lists_and_mappings_are_values_too(run):
    top = TOP + "lint: {}\ninvariants: []\n"
    assert {"invariants: []", "lint: {}"} <= set(run("render", top=top).output.splitlines())
    paths = {
        each["path"]: each["value"]
        for each in json.loads(run("render", "--format", "json", top=top).output)["values"]
    }
    assert (paths["lint"], paths["invariants"]) == ({}, [])


@pytest.mark.parametrize("file", [*sorted(CONFIGS.glob("*.yaml")), WHOLE], ids=lambda file: file.stem)
def test_what_is_printed_of_a_file_is_decided_the_same(run, tmp_path, file):
    if file.name.endswith(".test.yaml"):
        return
    shown = run("render", file).output
    (tmp_path / "rendered.yaml").write_text(shown, encoding="utf-8")
    for beside in CONFIGS.glob("*.json"):  # what it names stays where it was
        (tmp_path / beside.name).write_bytes(beside.read_bytes())
    assert run("check", "rendered.yaml").exit_code == 0
    assert run("diff", file, "rendered.yaml").output.startswith("no change in routing")
    assert run("render", "rendered.yaml").output == shown


def test_other_errors_do_not_keep_a_file_from_being_shown(run):
    result = run("render", top=TOP + "rulse: []\n")
    assert (result.exit_code, "rulse: []" in result.output) == (0, True)


@pytest.mark.parametrize(
    ("words", "top", "status", "code"),
    [
        (["router.yaml"], TOP.replace("base.yaml", "none.yaml"), 1, "R306"),
        (["router.yaml"], TOP + "models: {}\n", 1, "R102"),
        (["router.yaml"], "- 1\n", 1, "R203"),
        (["router.yaml"], "a: [\n", 1, "R101"),
        (["none.yaml"], TOP, 2, "R100"),
    ],
)
def test_a_file_that_cannot_be_read_or_merged_ends_with_its_findings(run, words, top, status, code):
    result = run("render", *words, top=top)
    assert (result.exit_code, result.stdout) == (status, "")
    assert f"[{code}]" in result.stderr
    result = run("render", "--format", "json", *words, top=top)
    assert (result.exit_code, json.loads(result.stdout)["findings"][0]["code"]) == (status, code)
