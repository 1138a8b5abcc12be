"""`router cache`: what is kept, and throwing it away."""

from __future__ import annotations

import json
import sqlite3

import pytest
from click.testing import CliRunner

from router import SyncRouter
from router.cli.main import cli

FILE = """\
version: 1
endpoints: {a: {kind: mock}}
models: {m: {at: a}}
rules: [{use: m}]
"""
KEPT = f"{FILE}cache: {{store: {{sqlite: kept.sqlite}}}}\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*words, text=KEPT):
        (tmp_path / "router.yaml").write_text(text, encoding="utf-8")
        return CliRunner().invoke(cli, ["cache", *words])

    return invoke


def ask(folder, *texts):
    with SyncRouter(folder / "router.yaml", env={}) as router:
        for text in texts:
            router.complete(text, temperature=0)


def test_stats_of_nothing_makes_no_file(run, tmp_path):
    result = run("stats")
    assert (result.exit_code, result.output.splitlines()[1]) == (0, "answers   0, 0 of them still good")
    assert not (tmp_path / "kept.sqlite").exists()


def test_stats_tell_what_is_kept_and_how_often_it_was_of_use(run, tmp_path):
    run("stats")
    ask(tmp_path, "one", "two")
    ask(tmp_path, "one", "one")
    lines = run("stats").output.splitlines()
    assert lines[0] == "file      kept.sqlite"
    assert lines[1] == "answers   2, 2 of them still good"
    assert lines[2].startswith("size")
    assert lines[3] == "uses      2"
    assert lines[4].startswith("age")
    found = json.loads(run("stats", "--format", "json").output)
    assert (found["answers"], found["good"], found["uses"]) == (2, 2, 2)
    assert found["size"] > 500
    assert found["oldest"] <= found["newest"]


def test_clear_throws_all_away_and_the_next_call_asks_anew(run, tmp_path):
    run("stats")
    ask(tmp_path, "one", "two")
    assert run("clear").output == "2 answers thrown away\n"
    assert json.loads(run("clear", "--format", "json").output)["cleared"] == 0
    with SyncRouter(tmp_path / "router.yaml", env={}) as router:
        assert not router.complete("one", temperature=0).cached


@pytest.mark.parametrize("words", [["stats"], ["clear"]])
def test_a_configuration_without_a_file_of_answers_is_told_so(run, words):
    for text, told in (
        (FILE, "it has no `cache`"),
        (f"{FILE}cache: {{}}\n", "in memory"),
    ):
        result = run(*words, text=text)
        assert result.exit_code == 1
        assert told in result.output
    assert run(*words, text=KEPT.replace("use: m}", "use: n}")).exit_code == 1


@pytest.mark.parametrize("words", [["stats"], ["clear"]])
def test_a_file_that_is_no_cache_is_left_alone(run, tmp_path, words):
    file = tmp_path / "kept.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    before = file.read_bytes()
    result = run(*words)
    assert result.exit_code == 1
    assert "something else" in result.output
    assert file.read_bytes() == before
