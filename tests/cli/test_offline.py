"""What the command line says of the offline ladder."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from router.cli.main import cli

FILE = """\
version: 1
endpoints:
  cloud: {kind: openai, url: "https://api.example.com/v1"}
  here: {kind: mock, script: [500]}
  embedded: {kind: mock, script: [{say: small but here}, 500]}
models: {large: {at: cloud}, medium: {at: here}, tiny: {at: embedded, context: 100}}
rules:
  - {name: exact, when: {task: analysis}, use: medium, no_degrade: true}
  - {name: otherwise, use: [large, medium]}
retry: {same: 0}
"""
LADDER = 'offline: {use: [tiny], stale_cache: 1h, replies: [{say: "I am offline."}]}\n'


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "router.yaml").write_text(FILE + LADDER, encoding="utf-8")
    return lambda *words, **env: CliRunner().invoke(cli, words, env=env)


def shown(result):
    return [
        line.rstrip()
        for line in result.output.splitlines()
        if line.startswith(("model", "then", "offline", "  "))
    ]


@pytest.mark.parametrize(("words", "env"), [(["--offline"], {}), ([], {"ROUTER_OFFLINE": "1"})])
def test_explain_shows_the_steps_and_what_is_never_contacted(run, words, env):
    assert shown(run("explain", *words, **env))[:5] == [
        "model     large at cloud  skipped: offline: remote endpoints are not contacted",
        "then      medium at here",
        "offline   tiny at embedded",
        "          a kept answer, at most 1h old",
        "          a canned reply",
    ]


def test_explain_says_that_a_rule_wants_no_step(run):
    assert "offline   nothing: the rule says `no_degrade`" in shown(run("explain", "task=analysis"))


def test_explain_says_why_a_step_is_left_out_and_when_none_is_left(run, tmp_path):
    assert "offline   tiny at embedded  skipped: its context window has 100 tokens" in shown(
        run("explain", "tokens=500")
    )
    (tmp_path / "router.yaml").write_text(FILE + "offline: {}\n", encoding="utf-8")
    assert "offline   nothing: the call fails" in shown(run("explain"))


def test_explain_tells_the_ladder_in_json(run):
    found = json.loads(run("explain", "--offline", "--format", "json").output)
    assert found["offline"]["only"] is True
    assert found["offline"]["candidates"] == [{"model": "tiny", "endpoint": "embedded", "skipped": None}]


def test_call_says_which_step_answered(run):
    result = run("call", "--offline", "Are you there?")
    assert result.output.startswith(
        "small but here\n-- rule otherwise -> tiny at embedded · offline model tiny · "
    )
    result = run("call", "--offline", "--format", "json", "Are you there?")
    assert json.loads(result.output)["degraded"] == "offline model tiny"


def test_a_canned_reply_has_no_model(run, tmp_path):
    (tmp_path / "router.yaml").write_text(FILE + LADDER.replace("use: [tiny], ", ""), encoding="utf-8")
    result = run("call", "--offline", "Are you there?")
    assert result.output.startswith("I am offline.\n-- rule otherwise -> canned reply · $0 · ")
    assert result.exit_code == 0


def test_no_degrade_can_be_said_on_the_command_line(run):
    result = run("call", "--offline", "--set", "no_degrade=true", "Are you there?")
    assert (result.exit_code, "small but here" in result.output) == (1, False)


def test_a_variable_that_cannot_be_understood_is_refused(run):
    result = run("call", "hi", ROUTER_OFFLINE="maybe")
    assert result.exit_code == 1
    assert "ROUTER_OFFLINE is 'maybe'; it may be 1 or 0" in result.output
