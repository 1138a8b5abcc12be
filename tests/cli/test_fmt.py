"""`router fmt` as a user meets it."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import fmt
from router.cli.main import cli
from router.layout.form import MeaningChangedError

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "configs").glob("*.yaml"))
MESSY = "version:   1\nmodels:\n    a:   {at: here }  #one\n"
NEAT = "version: 1\nmodels:\n  a: {at: here}  # one\n"
SECRET = "sk-0123456789abcdef"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "router.yaml").write_text(MESSY, encoding="utf-8")

    def invoke(*words, **more):
        return CliRunner().invoke(cli, ["fmt", *words], **more)

    return invoke


def text(name="router.yaml"):
    return Path(name).read_bytes().decode()


def test_the_examples_are_in_the_house_form(run):
    result = run("--check", *map(str, EXAMPLES))
    assert (result.output, result.exit_code) == ("", 0)


def test_a_file_is_written_and_named_once(run):
    result = run()
    assert (result.output, result.exit_code) == ("formatted router.yaml\n", 0)
    assert text() == NEAT
    assert (run().output, run().exit_code) == ("", 0)


def test_check_names_the_files_and_writes_none(run):
    Path("neat.yaml").write_text(NEAT, encoding="utf-8")
    result = run("--check", "router.yaml", "neat.yaml")
    assert (result.output, result.exit_code) == ("router.yaml is not in the house form\n", 1)
    assert text() == MESSY


def test_diff_prints_what_would_change_and_writes_nothing(run):
    result = run("--diff")
    assert result.exit_code == 1
    assert result.output.splitlines()[:4] == [
        "--- router.yaml",
        "+++ router.yaml",
        "@@ -1,3 +1,3 @@",
        "-version:   1",
    ]
    assert "+  a: {at: here}  # one\n" in result.output
    assert text() == MESSY


def test_diff_tells_of_a_last_line_without_an_end(run):
    Path("router.yaml").write_text("version: 1", encoding="utf-8")
    assert "-version: 1\n\\ No newline at end of file\n+version: 1\n" in run("--diff").output


def test_a_diff_shows_no_secret(run):
    Path("router.yaml").write_text(f"endpoints: {{a: {{key:  {SECRET}}}}}\n", encoding="utf-8")
    for words in (["--diff"], ["--check", "--format", "json"]):
        result = run(*words)
        assert result.exit_code == 1
        assert SECRET not in result.output
        assert "key: ***" in result.output


def test_standard_input_is_laid_out_to_standard_output(run):
    result = run("-", input=MESSY)
    assert (result.output, result.exit_code) == (NEAT, 0)
    assert run("--check", "-", input=MESSY).exit_code == 1
    assert json.loads(run("--format", "json", "-", input=MESSY).output)["files"][0]["text"] == NEAT


@pytest.mark.parametrize("data", [b"a: \xff\n", b"a: 1\n" * 500_000])
def test_standard_input_that_is_no_text_is_refused(run, data):
    result = run("-", input=data)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "standard input is" in result.stderr


def test_a_file_of_tests_has_an_order_of_its_own(run):
    Path("a.test.yaml").write_text("tests: []\ndefaults: {}\nconfig:  router.yaml\n", encoding="utf-8")
    run("a.test.yaml")
    assert text("a.test.yaml") == "config: router.yaml\ndefaults: {}\ntests: []\n"


def test_a_broken_file_is_refused_with_its_findings_and_the_others_are_written(run):
    Path("broken.yaml").write_text("a: [\n", encoding="utf-8")
    result = run("broken.yaml", "router.yaml")
    assert result.exit_code == 1
    assert "error[R101] yaml-syntax" in result.stderr
    assert text("broken.yaml") == "a: [\n"
    assert text() == NEAT


def test_a_key_that_stands_twice_is_refused(run):
    Path("router.yaml").write_text("version: 1\nversion:  1\n", encoding="utf-8")
    result = run()
    assert result.exit_code == 1
    assert "R102" in result.stderr


def test_a_file_that_is_not_there_ends_with_two(run):
    result = run("nowhere.yaml", "--format", "json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["findings"][0]["code"] == "R100"


def test_json_names_every_file(run):
    Path("neat.yaml").write_text(NEAT, encoding="utf-8")
    result = run("--format", "json", "router.yaml", "neat.yaml")
    found = json.loads(result.output)
    assert found["format_version"] == "1.0"
    assert [(each["file"], each["changed"]) for each in found["files"]] == [
        ("router.yaml", True),
        ("neat.yaml", False),
    ]
    assert found["files"][0]["diff"].startswith("--- router.yaml\n")
    assert text() == NEAT


def test_line_ends_and_rights_stay_and_a_link_stays_a_link(run):
    Path("real.yaml").write_bytes(MESSY.replace("\n", "\r\n").encode())
    Path("real.yaml").chmod(0o600)
    Path("link.yaml").symlink_to("real.yaml")
    run("link.yaml")
    assert Path("link.yaml").is_symlink()
    assert text("real.yaml") == NEAT.replace("\n", "\r\n")
    if sys.platform != "win32":
        assert stat.S_IMODE(Path("real.yaml").stat().st_mode) == 0o600
    assert sorted(each.name for each in Path().iterdir()) == ["link.yaml", "real.yaml", "router.yaml"]


def test_a_file_that_cannot_be_written_is_told(run, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    result = run()
    assert result.exit_code == 2
    assert result.stderr.endswith("router.yaml cannot be written: Permission denied\n")
    assert text() == MESSY


def test_a_form_with_another_meaning_is_not_written(run, monkeypatch):
    def wrong(*_):
        raise MeaningChangedError("its values would change")

    monkeypatch.setattr(fmt, "formatted", wrong)
    result = run()
    assert result.exit_code == 2
    assert "router.yaml is left as it was: its values would change, a defect" in result.stderr
    assert text() == MESSY
    assert json.loads(run("--format", "json").output)["files"][0]["error"] == "its values would change"
