"""`router diff` as a user meets it."""

from __future__ import annotations

import json
import subprocess

import pytest
from click.testing import CliRunner

from router.cli.main import cli

FILE = """\
version: 1
endpoints: {here: {kind: mock}}
models: {a: {at: here}, b: {at: here}}
rules:
  - {name: coding, when: {task: code}, use: a}
  - {name: otherwise, use: [b, a]}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "new.yaml").write_text(FILE.replace("use: a}", "use: b}"), encoding="utf-8")
    (tmp_path / "gap.yaml").write_text(
        FILE.replace("name: otherwise,", "name: otherwise, when: {task: chat},"), encoding="utf-8"
    )
    (tmp_path / "bad.yaml").write_text(FILE.replace("use: a}", "use: nothing}"), encoding="utf-8")
    return lambda *words: CliRunner().invoke(cli, ["diff", *words])


def test_the_same_file_has_no_change(run):
    result = run("old.yaml", "old.yaml", "--exit-code")
    assert (result.exit_code, result.output) == (0, "no change in routing\n")


def test_a_change_is_told_as_a_person_would(run):
    result = run("old.yaml", "new.yaml")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "routing changes for 25 % of the table",
        "  when task is code  (25 %)",
        "    before  a  (rule coding)",
        "    after   b  (rule coding)",
    ]
    assert run("old.yaml", "new.yaml", "--exit-code").exit_code == 1


def test_new_and_fixed_findings_are_told(run):
    assert "new finding: R404 some calls match no rule" in run("old.yaml", "gap.yaml").output
    assert "fixed finding: R404 some calls match no rule" in run("gap.yaml", "old.yaml").output


def test_markdown_is_a_table_for_a_pull_request(run):
    lines = run("old.yaml", "new.yaml", "--format", "markdown").output.splitlines()
    assert lines[0] == "**Routing changes for 25 % of the table.**"
    assert lines[-1] == "| task is code | 25 % | a  (rule coding) | b  (rule coding) |"
    assert run("old.yaml", "old.yaml", "--format", "markdown").output == "**No change in routing.**\n"


def test_json_is_one_object(run):
    shown = json.loads(run("old.yaml", "new.yaml", "--format", "json").output)
    assert (shown["same"], shown["share"], shown["new_findings"]) == (False, 0.25, [])


def test_a_revision_in_git_is_a_side(run, tmp_path):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "old.yaml"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    (tmp_path / "old.yaml").write_text(FILE.replace("use: a}", "use: b}"), encoding="utf-8")
    assert "25 %" in run("git:HEAD:old.yaml", "old.yaml").output
    for wrong in ("git:HEAD:none.yaml", "git:nothing:old.yaml", "git:old.yaml", "git:--help:old.yaml"):
        result = run(wrong, "old.yaml")
        assert (result.exit_code, "Traceback" in result.output) == (2, False)


def test_a_wrong_file_is_told_and_a_missing_one_ends_with_2(run):
    assert run("old.yaml", "bad.yaml").exit_code == 1
    assert run("old.yaml", "none.yaml").exit_code == 2
