"""`router convert` as a user meets it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import cli

DATA = Path(__file__).parents[1] / "convert" / "data"
ONE = "model_list:\n  - model_name: m\n    litellm_params: {model: gpt-4o, api_key: sk-0123456789abcdef, zzz: 1}\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(ONE, encoding="utf-8")

    def invoke(*words):
        return CliRunner().invoke(cli, ["convert", "--from", "litellm", *words])

    return invoke


def test_the_result_goes_to_standard_output_and_the_rest_to_standard_error(run):
    result = run("config.yaml")
    assert result.exit_code == 0
    assert "models:\n  m:  # model_list[0] (line 2)\n    at: openai\n    id: gpt-4o\n" in result.stdout
    assert result.stderr == (
        "not carried over, or not as it was:\n"
        "config.yaml:3: model_list[0].litellm_params.api_key: "
        "a key stands in no file: set the variable OPENAI_API_KEY to it\n"
        "config.yaml:3: model_list[0].litellm_params.zzz: nothing here says the same\n"
    )
    assert "sk-0123" not in result.output


@pytest.mark.parametrize("file", sorted(DATA.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_written_file_is_accepted_by_check_and_fmt(run, file, tmp_path):
    shutil.copy(file, tmp_path / "config.yaml")
    assert run("config.yaml", "--out", "new.yaml").stdout == "wrote new.yaml\n"
    assert CliRunner().invoke(cli, ["check", "new.yaml"]).exit_code == 0
    assert CliRunner().invoke(cli, ["fmt", "--check", "new.yaml"]).exit_code == 0


def test_a_file_that_is_there_is_not_written_over_unless_forced(run):
    Path("new.yaml").write_text("mine", encoding="utf-8")
    result = run("config.yaml", "--out", "new.yaml")
    assert result.exit_code == 2
    assert Path("new.yaml").read_text(encoding="utf-8") == "mine"
    assert run("config.yaml", "--out", "new.yaml", "--force").exit_code == 0
    assert "gpt-4o" in Path("new.yaml").read_text(encoding="utf-8")


def test_json_has_the_text_what_is_left_and_the_findings(run):
    result = run("config.yaml", "--format", "json", "--out", "new.yaml")
    found = json.loads(result.output)
    assert (found["format_version"], found["from"], found["out"]) == ("1.0", "litellm", "new.yaml")
    assert found["text"] == Path("new.yaml").read_text(encoding="utf-8")
    assert [each["path"] for each in found["left"]] == [
        "model_list[0].litellm_params.api_key",
        "model_list[0].litellm_params.zzz",
    ]
    assert found["summary"]["errors"] == 0
    assert "sk-0123" not in result.output


def test_findings_of_the_result_are_shown(run):
    result = run(str(DATA / "production.yaml"))
    assert result.exit_code == 0
    assert "warning" in result.stderr or "R211" not in result.stderr


def test_an_error_of_the_result_ends_with_one(run):
    Path("config.yaml").write_text(ONE.replace("model_name: m", "model_name: others"), encoding="utf-8")
    result = run("config.yaml")
    assert result.exit_code == 1
    assert "error[" in result.stderr


@pytest.mark.parametrize(
    ("text", "said", "status"),
    [
        ("version: 1\n", "config.yaml cannot be converted: it has no `model_list`", 1),
        (
            "model_list: [{model_name: x, litellm_params: {model: bedrock/x}}]",
            "model_list[0]: no kind of endpoint",
            1,
        ),
        ("a: [\n", "error[R101]", 1),
    ],
)
def test_what_cannot_be_converted_is_told(run, text, said, status):
    Path("config.yaml").write_text(text, encoding="utf-8")
    result = run("config.yaml")
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr


def test_a_file_that_is_not_there_ends_with_two(run):
    assert run("nowhere.yaml").exit_code == 2
    found = run("nowhere.yaml", "--format", "json")
    assert (json.loads(found.stdout)["findings"][0]["code"], found.exit_code) == ("R100", 2)


def test_a_place_that_cannot_be_written_is_told(run):
    result = run("config.yaml", "--out", "no/such/folder.yaml")
    assert result.exit_code == 2
    assert "no/such/folder.yaml cannot be written" in result.stderr
