"""`router prove` as a user meets it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from router.cli.main import cli

FILE = """\
version: 1
dimensions: {data: {values: [public, private], default: public}}
endpoints: {here: {kind: mock}, cloud: {kind: openai, url: "https://api.example.com/v1"}}
models: {small: {at: here}, large: {at: cloud}}
rules:
  - {name: private, when: {data: private}, use: small}
  - {name: otherwise, use: large}
invariants:
  - {name: private data stays here, for_all: {data: private}, every_hop: {locality: local}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(text, *words):
        (tmp_path / "router.yaml").write_text(text, encoding="utf-8")
        return CliRunner().invoke(cli, ["prove", *words])

    return invoke


def test_a_promise_that_is_kept_is_proven(run):
    result = run(FILE)
    assert (result.exit_code, result.output) == (0, "holds    private data stays here\n")


def test_a_promise_that_is_broken_is_shown_with_a_call_and_the_hop(run):
    result = run(FILE.replace("use: small}", "use: [small, large]}"))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "BROKEN   private data stays here",
        "  when   data is private",
        "  rule   private",
        "  hop    large at cloud: locality is remote",
    ]


def test_json_has_the_names_that_programs_read(run):
    (kept,) = json.loads(run(FILE, "--format", "json").output)["invariants"]
    assert kept == {"name": "private data stays here", "holds": True, "counterexample": None, "hop": None}
    (broken,) = json.loads(run(FILE.replace("use: small}", "use: large}"), "--format", "json").output)[
        "invariants"
    ]
    assert broken["counterexample"]["data"] == "private"
    assert broken["hop"]["endpoint"] == "cloud"


def test_a_file_without_promises_or_with_errors_ends_with_1(run):
    assert run(FILE[: FILE.index("invariants")]).exit_code == 1
    assert run(FILE.replace("use: small}", "use: smal}")).exit_code == 1
    assert run(FILE, "none.yaml").exit_code == 2
