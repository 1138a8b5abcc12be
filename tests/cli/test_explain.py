"""`router explain` as a user meets it: cost, time, what is near, and expectations."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from router.cli.main import cli

FILE = """\
version: 1
dimensions: {locality: {values: [here, there], default: here}}
endpoints:
  desk: {kind: mock, timeout: 20s}
  cloud: {kind: openai, url: "https://api.example.com/v1"}
models:
  small: {at: desk}
  large: {at: cloud, price: {input: $3, output: $15}, options: {max_tokens: 1000}}
  open: {at: cloud, price: {input: $3, output: $15}}
  unpriced: {at: cloud, capabilities: [tools]}
rules:
  - {name: long prompts, when: {tokens: "> 4000"}, use: large}
  - {name: code, when: {task: code}, use: [small, large], deadline: 15s}
  - {name: analysis, when: {task: analysis}, use: [open, unpriced]}
  - {name: pictures, when: {images: true, task: creative}, use: unpriced}
  - {name: chat, when: {task: chat}, use: [large, small]}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "router.yaml").write_text(FILE, encoding="utf-8")
    return lambda *words: CliRunner().invoke(cli, ["explain", *words])


def block(output, word):
    """Return the lines that stand under a word."""
    lines = output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(word))
    found = [lines[first]]
    for line in lines[first + 1 :]:
        if not line.startswith(" "):
            break
        found.append(line)
    return [line[10:] for line in found]


def test_the_slowest_call_is_told_with_when_each_candidate_starts(run):
    assert block(run().output, "slowest") == [
        "80s when every attempt times out: small at desk after 1m",
    ]


def test_a_candidate_that_never_gets_its_turn_is_told_with_why(run):
    assert block(run("task=code").output, "slowest") == [
        "15s when every attempt times out",
        "large at cloud never gets its turn: the deadline passes before",
    ]


def test_the_cost_is_told_for_each_candidate_and_for_all_attempts(run):
    assert block(run("tokens=2000").output, "cost") == [
        "large at cloud: $0.006 for 2000 tokens in, at most $0.021 with 1000 out",
        "small at desk: free",
        "all attempts together: at most $0.042",
    ]


def test_what_is_unknown_is_never_free(run):
    assert block(run("task=analysis", "tokens=2000").output, "cost") == [
        "open at cloud: $0.006 for 2000 tokens in, the answer unknown: no max_tokens",
        "unpriced at cloud: unknown: it has no price",
        "all attempts together: unknown",
    ]


def test_what_is_free_is_said_to_be(run, tmp_path):
    (tmp_path / "free.yaml").write_text(FILE.replace("[small, large]", "small"), encoding="utf-8")
    assert block(run("-c", "free.yaml", "task=code").output, "cost") == ["nothing: free"]


def test_the_nearest_changes_are_told_with_where_they_lead(run):
    assert block(run("tokens=4000").output, "nearest") == [
        "tokens >= 4001 -> large  (rule long prompts)",
        "task is code -> small  (rule code)",
        "task is analysis -> open  (rule analysis)",
        "task is creative -> no rule matches",
    ]


def test_a_call_without_a_rule_is_told_what_would_have_one(run):
    result = run("task=creative", "tokens=4000")
    assert result.exit_code == 1
    assert block(result.output, "nearest")[0] == "tokens >= 4001 -> large  (rule long prompts)"
    assert "images is true -> no model can take it  (rule pictures)" in result.output
    assert "slowest" not in result.output
    assert "cost" not in result.output


def test_many_changes_are_counted_and_not_all_listed(run, tmp_path):
    steps = "".join(f'  - {{when: {{tokens: "{n}..{n}"}}, use: small}}\n' for n in range(10, 30))
    (tmp_path / "many.yaml").write_text(FILE.replace("rules:\n", f"rules:\n{steps}"), encoding="utf-8")
    shown = block(run("-c", "many.yaml", "tokens=15").output, "nearest")
    assert len(shown) == 9
    assert shown[-1].endswith("more; `--format json` has all")
    assert len(json.loads(run("-c", "many.yaml", "--format", "json").stdout)["nearest"]) > 20


def test_the_json_has_time_cost_and_what_is_near(run):
    shown = json.loads(run("tokens=2000", "--format", "json").stdout)
    assert shown["worst_time"] == {
        "seconds": 80.0,
        "turns": [
            {"model": "large", "endpoint": "cloud", "starts": 0.0, "never": None},
            {"model": "small", "endpoint": "desk", "starts": 60.0, "never": None},
        ],
    }
    assert shown["cost"]["worst"] == "0.042"
    assert shown["nearest"][0]["values"] == ">= 4001"


def test_expectations_that_hold_end_with_0(run):
    result = run("task=code", "--expect", "model=small", "rule=code", "endpoint=desk", "locality=local")
    assert (result.exit_code, "router: expected" in result.stderr) == (0, False)
    assert run("--expect=model=small", "rule=code", "task=code").exit_code == 0
    words = ("--expect", "rule=long prompts", "--expect", "max_tokens=1000", "locality=remote")
    assert run("tokens=5000", *words).exit_code == 0


def test_an_expectation_that_does_not_hold_ends_with_1_and_one_line(run):
    result = run("--expect", "model=small", "locality=local", "task=code", "tokens=5000")
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("router: ")]
    assert line == "router: expected model small, but it is large; locality local, but it is remote"


def test_the_json_has_the_expectations_that_do_not_hold(run):
    shown = json.loads(run("--expect", "model=small", "--format", "json").stdout)
    assert shown["unmet"] == {"model": {"wanted": "small", "found": "large"}}
    assert json.loads(run("--expect", "model=large", "--format", "json").stdout)["unmet"] == {}
    assert "unmet" not in json.loads(run("--format", "json").stdout)


def test_that_no_rule_matches_can_be_expected_too(run):
    assert run("task=creative", "--expect", "rule=none").exit_code == 0
    result = run("task=creative", "--expect", "rule=code")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        "router: expected rule code, but it is none",
    )
    assert run("--expect", "model=none").exit_code == 1


def test_before_any_expectation_a_name_is_the_calls_own(run):
    assert run("locality=there", "model=small", "--expect", "endpoint=desk").exit_code == 0


def test_what_nothing_can_be_expected_of_is_bad_usage(run):
    result = run("--expect", "modle=small")
    assert result.exit_code == 2
    assert result.stderr.startswith("router: nothing can be expected of `modle`; what can: model, rule,")
    assert run("--expect", "model").exit_code == 2
    assert run("--expect").exit_code == 2
