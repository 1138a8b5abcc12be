"""Tests of routing are read, unfolded, run and counted as they say."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from router.cli.main import cli
from router.config.routing_tests import json_schema
from router.suite.coverage import Counted
from router.table import graph

ROOT = Path(__file__).parents[2]
CONFIG = """\
version: 1
dimensions: {data: {values: [public, private], default: public}}
endpoints:
  a: {kind: openai, url: "http://127.0.0.1:1/v1", timeout: 10s}
  b: {kind: openai, url: "https://b.example/v1", timeout: 10s}
models: {small: {at: a}, large: {at: b}}
temperatures: {code: 0.2, default: 0.7}
rules:
  - {name: secret, when: {data: private}, use: small}
  - {name: long, when: {tokens: "> 100"}, use: large}
  - {name: coding, when: {task: code}, use: [small, large]}
  - {name: chatting, when: {task: chat}, use: large}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "router.yaml").write_text(CONFIG, encoding="utf-8")

    def invoke(tests: str, *words: str):
        (tmp_path / "router.test.yaml").write_text("config: router.yaml\n" + tests, encoding="utf-8")
        return CliRunner().invoke(cli, ["test", *words])

    return invoke


def shown(run, tests: str):
    return json.loads(run(tests, "--format", "json").stdout)


def outcome(run, test: str) -> tuple[str, str]:
    (found,) = shown(run, f"tests:\n  - {{name: one, {test}}}\n")["tests"]
    return found["status"], found["reason"]


@pytest.mark.parametrize(
    "test",
    [
        "given: {task: code}, expect: {model: small, rule: coding, models: [small, large], temperature: 0.2}",
        "given: {data: private}, expect: {locality: local, endpoint: a}",
        "given: {tokens: 101}, expect: {locality: remote, temperature: 0.7}",
        "given: {task: code, temperature: 0.5}, expect: {temperature: 0.5}",
        "given: {model: small, task: creative}, expect: {rule: none, model: small}",
        "given: {task: creative}, expect: {rule: none, model: none}",
        "given: {task: chat}, expect: {max_tokens: none}",
    ],
)
def test_what_is_true_passes(run, test):
    assert outcome(run, test) == ("pass", "")


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("given: {task: code}, expect: {model: large}", "model is small, not large"),
        (
            "given: {task: code}, expect: {temperature: 0.3, model: large}",
            "temperature is 0.2, not 0.3; model is small, not large",
        ),
        ("given: {task: creative}, expect: {rule: coding}", "rule is none, not coding"),
        (
            "given: {task: code}, script: {a: [ok]}, expect: {served_by: large}",
            "served_by is small, not large",
        ),
    ],
)
def test_what_is_not_true_fails_with_the_difference(run, test, reason):
    assert outcome(run, test) == ("fail", reason)


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("given: {task: cod}, expect: {model: small}", "`cod` is no value of `task`; did you mean `code`?"),
        ("given: {tsk: code}, expect: {model: small}", "unknown dimension `tsk`; did you mean `task`?"),
        ("given: {temperature: 7}, expect: {model: small}", "`7` is not a number from 0 to 2"),
        (
            "given: {model: smal}, expect: {model: small}",
            "`smal` is no value of `model`; did you mean `small`?",
        ),
        ("given: {deadline: 5}, expect: {model: small}", "`deadline` in `given` has no effect"),
        (
            "given: {task: code}, expect: {modle: small}",
            "unknown key `modle` in `expect`; did you mean `model`?",
        ),
        ("given: {task: code}, expect: {model: tiny}", "`tiny` is no value of `model`; legal: small, large"),
        ("given: {task: code}, expect: {models: [small, lrge]}", "`lrge` is no value of `model`"),
        ("given: {task: code}, expect: {models: small}", "`small` is not a list of models"),
        ("given: {task: code}, expect: {locality: here}", "`here` is no value of `locality`"),
        ("given: {task: code}, expect: {temperature: low}", "`low` is not a number from 0 to 2"),
        ("given: {task: code}, expect: {rule: cding}", "there is no rule `cding`; did you mean `coding`?"),
        ("given: {task: code}, expect: {rule: [coding]}", "there is no rule `['coding']`"),
        ("given: {task: code}, expect: {served_by: small}", "belongs to tests with a `script`"),
        ("given: {task: code}, script: {c: [ok]}, expect: {model: small}", "`c` is no value of `endpoint`"),
        ("given: {task: code}, script: {a: [ok]}, expect: {elapsed: 5}", "`5` is not a time such as"),
        ('given: {task: code}, script: {a: [ok]}, expect: {elapsed: "<= 5"}', "`<= 5` is not a time such as"),
        ("given: {task: code}, script: {a: [ok]}, expect: {error: bang}", "`bang` is no value of `error`"),
        (
            "given: {task: code}, script: {a: [ok]}, expect: {attempts: [a, c]}",
            "`c` is no value of `endpoint`",
        ),
        ("given: {task: code}, expect: {}", "it expects nothing"),
    ],
)
def test_a_wrong_test_is_an_error_and_not_a_failure(run, test, reason):
    status, told = outcome(run, test)
    assert status == "error"
    assert reason in told


def test_lists_stand_for_each_of_their_values_and_defaults_for_all_tests(run):
    found = shown(
        run,
        """\
defaults: {data: private}
tests:
  - {name: private calls stay here, given: {task: [chat, code], tokens: [5, 500]}, expect: {locality: local}}
  - {name: others need not, given: {data: public, task: chat}, expect: {locality: remote}}
""",
    )
    assert (found["passed"], found["failed"], found["errors"]) == (5, 0, 0)
    assert found["tests"][0]["name"] == "private calls stay here [task=chat, tokens=5]"


def test_a_table_is_a_test_a_row(run):
    found = shown(
        run,
        """\
tests:
  - name: a table
    columns: [task, tokens, "-> model", "-> temperature"]
    rows:
      - [chat, 5, large, 0.7]
      - [code, 5, small, 0.2]
      - [code, 500, small, 0.2]
""",
    )
    assert [each["status"] for each in found["tests"]] == ["pass", "pass", "fail"]


def test_a_script_makes_the_call_on_a_virtual_clock(run):
    tests = """\
tests:
  - name: a rate limit, then failover
    given: {task: code}
    script: {a: [429 retry-after=2, timeout], b: [ok]}
    expect: {attempts: [a, a, b], served_by: large, elapsed: "<= 15s", error: none}
  - name: nothing answers
    given: {task: code}
    script: {a: [401], b: [timeout]}
    expect: {attempts: [a, b], served_by: none, error: authentication, elapsed: 10s}
  - name: no rule
    given: {task: creative}
    script: {a: [ok]}
    expect: {error: no_candidate, attempts: []}
  - name: in time
    given: {task: chat}
    script: {b: [500, ok]}
    expect: {elapsed: "< 1s", served_by: large}
  - name: not at once
    given: {task: chat}
    script: {b: [500, ok]}
    expect: {elapsed: "> 200ms"}
  - name: not before
    given: {task: chat}
    script: {b: [500, ok]}
    expect: {elapsed: ">= 100ms"}
"""
    found = shown(run, tests)
    assert [(each["status"], each["reason"]) for each in found["tests"]] == [("pass", "")] * 6


def test_a_script_writes_no_ledger_keeps_no_answer_and_logs_no_call(run, tmp_path):
    real = "costs: {ledger: costs.sqlite}\ncache: {store: {sqlite: kept.sqlite}}\nlog: {calls: calls.jsonl}\n"
    price = CONFIG.replace("large: {at: b}", "large: {at: b, price: {input: $1, output: $2}}")
    (tmp_path / "router.yaml").write_text(price + real, encoding="utf-8")
    test = "given: {task: chat}, script: {b: [ok]}, expect: {served_by: large, attempts: [b]}"
    assert outcome(run, test) == ("pass", "")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["router.test.yaml", "router.yaml"]


def test_failures_show_how_the_call_was_decided(run):
    result = run("tests: [{name: one, given: {task: code}, expect: {model: large}}]\n")
    assert result.exit_code == 1
    assert "FAIL  " in result.output
    assert "model is small, not large" in result.output
    assert "=> coding: the first that matches" in result.output
    assert result.output.endswith("0 passed, 1 failed, 0 errors\n")


def test_coverage_counts_rules_outcomes_and_cells_and_suggests_the_rest(run):
    tests = "tests: [{name: one, given: {task: code}, expect: {rule: coding}}]\n"
    result = run(tests, "--coverage", "--suggest")
    assert result.exit_code == 0
    # Outcomes: small, large, small before large, and no rule at all.
    assert "rules 1 of 4 (25 %), outcomes 1 of 4 (25 %), cells 1 of 12 (8.3 %)" in result.output
    assert "untested: secret, long, chatting" in result.output
    suggested = result.output.partition("# for")[2].partition("\n")[2]
    assert run(f"tests:\n{suggested}", "--fail-under", "75").exit_code == 0
    assert run(f"tests:\n{suggested}", "--fail-under", "76").exit_code == 1


def test_a_share_is_never_rounded_up():
    assert Counted(9999, 10_000).percent == 99.9
    assert Counted(5, 5).percent == 100
    assert Counted(0, 5).percent == 0


def test_results_are_written_as_junit(run, tmp_path):
    run(
        "tests: [{name: one, given: {task: code}, expect: {model: large}}, {name: two, given: {tsk: 1}, expect: {model: large}}]\n",
        "--junit",
        "out.xml",
    )
    suite = ET.parse(tmp_path / "out.xml").getroot()[0]  # noqa: S314 - written by ourselves
    assert [[child.tag for child in case] for case in suite] == [["failure"], ["error"]]
    assert (
        run(
            "tests: [{name: one, given: {}, expect: {rule: chatting}}]\n", "--junit", "no/such/out.xml"
        ).exit_code
        == 2
    )


@pytest.mark.parametrize(
    ("tests", "code"),
    [
        ("tests: []\n", "R205"),
        ("test: [{name: x, expect: {model: small}}]\n", "R201"),
        ("tests: [{name: x, given: {}, expct: {model: small}}]\n", "R201"),
        ("tests: [{name: x, given: {}}]\n", "R202"),
        ("tests: [{name: x, expect: {model: small}, columns: [a, b], rows: [[1, 2]]}]\n", "R207"),
        ("tests: [{name: x, script: {a: [bogus]}, expect: {model: small}}]\n", "R204"),
        ("tests: {\n", "R101"),
    ],
)
def test_a_malformed_file_is_told_with_its_place(run, tests, code):
    result = run(tests)
    assert result.exit_code == 1
    assert code in result.output


def test_a_row_of_the_wrong_length_is_told(run):
    result = run('tests: [{name: x, columns: [task, "-> model"], rows: [[code]]}]\n')
    assert (result.exit_code, "a row of 1" in result.output) == (1, True)


def test_a_missing_file_or_configuration_ends_with_2(run, tmp_path):
    tests = "tests: [{name: x, given: {}, expect: {model: small}}]\n"
    (tmp_path / "router.yaml").unlink()
    assert run(tests).exit_code == 2
    assert CliRunner().invoke(cli, ["test", "none.test.yaml"]).exit_code == 2
    (tmp_path / "router.test.yaml").unlink()
    assert CliRunner().invoke(cli, ["test"]).exit_code == 2


def test_the_schema_in_the_tree_is_the_one_the_description_gives():
    path = ROOT / "schemas" / "router.test.schema.json"
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
    Draft202012Validator.check_schema(json_schema())


def test_the_tests_beside_the_examples_pass_and_cover_every_rule():
    files = sorted((ROOT / "examples" / "configs").glob("*.test.yaml"))
    assert files
    result = CliRunner().invoke(cli, ["test", *map(str, files), "--fail-under", "100"])
    assert result.exit_code == 0, result.output
    for file in files:
        Draft202012Validator(json_schema()).validate(_plain(file))


def _plain(file: Path):
    from router.config.node import plain  # noqa: PLC0415
    from router.config.yaml import read  # noqa: PLC0415
    from router.diagnostics.source import Source  # noqa: PLC0415

    return plain(read(Source(str(file), file.read_text(encoding="utf-8")))[0])


ARROWS = """\
tests:
  - name: a table
    columns: [task, "->model"]
    rows:
      - [[chat, code], large]
"""


def test_a_list_in_a_row_stands_for_each_of_its_values(run):
    found = shown(run, ARROWS)["tests"]
    assert [(each["name"], each["status"]) for each in found] == [
        ("a table [task=chat]", "pass"),
        ("a table [task=code]", "fail"),
    ]


def test_a_value_that_is_wrong_makes_an_error_of_its_own_case_alone(run):
    found = shown(run, "tests: [{name: x, given: {task: [code, cod]}, expect: {model: small}}]\n")
    assert [each["status"] for each in found["tests"]] == ["pass", "error"]


@pytest.mark.parametrize(
    ("tests", "told"),
    [
        ("tests: [{name: x, given: {task: []}, expect: {model: small}}]\n", "an empty list"),
        ("defaults: {task: []}\ntests: [{name: x, expect: {model: small}}]\n", "an empty list"),
        (
            'tests: [{name: x, columns: [task, task, "-> model"], rows: [[chat, code, small]]}]\n',
            "`task` stands twice",
        ),
        (
            "tests: [{name: x, given: {tokens: ["
            + ", ".join(["1"] * 200)
            + "], user: ["
            + ", ".join(["a"] * 200)
            + "]}, expect: {model: small}}]\n",
            "more than 10,000 tests",
        ),
    ],
)
def test_what_cannot_be_unfolded_is_told(run, tests, told):
    result = run(tests)
    assert result.exit_code == 1
    assert told in result.output


def test_a_scripted_call_measures_as_its_test_says(run):
    found = shown(
        run,
        """\
tests:
  - {name: long, given: {tokens: 5000}, script: {b: [ok]}, expect: {rule: long, served_by: large, attempts: [b]}}
  - {name: all of it, given: {tokens: 5000, images: true, tools: true, json: true, stream: true}, script: {b: [ok]}, expect: {served_by: large}}
""",
    )
    assert [(each["status"], each["reason"]) for each in found["tests"]] == [("pass", "")] * 2


def test_a_scripted_call_that_cannot_be_so_short_is_an_error(run):
    status, told = outcome(
        run, "given: {task: code, images: true}, script: {a: [ok]}, expect: {served_by: small}"
    )
    assert (status, "at least 805 tokens, by which rule `long` decides it" in told) == ("error", True)


def test_a_scripted_call_that_is_too_long_to_be_made_is_an_error(run):
    status, told = outcome(run, "given: {tokens: 10000001}, script: {b: [ok]}, expect: {served_by: large}")
    assert (status, "at most 10,000,000" in told) == ("error", True)


def test_a_failed_script_shows_every_attempt_and_the_end(run):
    result = run(
        "tests: [{name: x, given: {task: code}, script: {a: [refused], b: [503]}, expect: {served_by: small}}]\n"
    )
    assert "served_by is none, not small" in result.output
    assert "attempts  small at a: connect_failed after 0ms" in result.output
    assert "large at b: overloaded (503) after 0ms" in result.output
    assert "end       overloaded after" in result.output


def test_the_trace_names_a_candidate_that_is_skipped(run, tmp_path):
    (tmp_path / "router.yaml").write_text(
        "version: 1\nendpoints: {a: {kind: mock}}\nmodels: {blind: {at: a, capabilities: []}, seeing: {at: a}}\n"
        "rules: [{name: all, use: [blind, seeing]}]\n",
        encoding="utf-8",
    )
    result = run("tests: [{name: x, given: {images: true}, expect: {model: blind}}]\n")
    assert "model     blind at a  skipped: its capabilities lack images" in result.output


def test_of_many_rules_the_trace_shows_those_that_match(run, tmp_path):
    many = "".join(f"  - {{name: n{n}, when: {{tokens: {n}}}, use: large}}\n" for n in range(50))
    (tmp_path / "router.yaml").write_text(CONFIG.replace("rules:\n", f"rules:\n{many}"), encoding="utf-8")
    result = run("tests: [{name: x, given: {tokens: 7, task: code}, expect: {model: small}}]\n")
    assert "rules     => n7: the first that matches" in result.output
    assert "          +  coding: matches too" in result.output
    assert "          52 more rules; `router explain` shows all" in result.output
    assert "n8:" not in result.output
    result = run("tests: [{name: x, given: {tokens: 70, task: creative}, expect: {model: small}}]\n")
    assert "rules     54 more rules" in result.output


def test_passing_tests_are_listed_when_asked(run):
    tests = "tests: [{name: one, given: {task: code}, expect: {rule: coding}}]\n"
    assert "PASS  router.test.yaml: one" in run(tests, "--verbose").output
    assert "PASS" not in run(tests).output


def test_two_files_of_one_configuration_are_counted_together(run, tmp_path):
    (tmp_path / "more.test.yaml").write_text(
        "config: router.yaml\ntests: [{name: two, given: {task: chat}, expect: {rule: chatting}}]\n",
        encoding="utf-8",
    )
    result = run("tests: [{name: one, given: {task: code}, expect: {rule: coding}}]\n", "--coverage")
    assert result.output.count("rules ") == 1
    assert "rules 2 of 4 (50 %)" in result.output


def test_what_names_its_model_or_fails_covers_nothing(run):
    tests = """\
tests:
  - {name: one, given: {model: small, task: code}, expect: {model: small}}
  - {name: two, given: {task: code}, expect: {model: large}}
"""
    assert "rules 0 of 4 (0 %), outcomes 0 of 4 (0 %), cells 0 of 12 (0 %)" in run(tests, "--coverage").output


def test_a_call_that_no_rule_decides_is_an_outcome(run):
    result = run("tests: [{name: one, given: {task: creative}, expect: {rule: none}}]\n", "--coverage")
    assert "rules 0 of 4 (0 %), outcomes 1 of 4 (25 %), cells 1 of 12" in result.output


def test_rules_that_no_call_reaches_are_not_counted(run, tmp_path):
    (tmp_path / "router.yaml").write_text(
        CONFIG + "  - {name: rest, use: small}\n  - {name: never, use: large}\n", encoding="utf-8"
    )
    result = run("tests: [{name: one, given: {task: code}, expect: {rule: coding}}]\n", "--coverage")
    assert "rules 1 of 5 (20 %), outcomes 1 of 3 (33.3 %)" in result.output
    assert "untested: secret, long, chatting, rest\n" in result.output


def test_a_table_too_complex_to_lay_out_is_counted_by_its_rules(run, monkeypatch):
    monkeypatch.setattr(graph, "BUDGET", 0)
    result = run(
        "tests: [{name: one, given: {task: code}, expect: {rule: coding}}]\n", "--coverage", "--suggest"
    )
    assert "rules 1 of 4 (25 %)" in result.output
    assert "# for" not in result.output


def test_the_object_for_programs_has_shares_untested_rules_and_suggestions(run):
    found = json.loads(
        run(
            "tests: [{name: one, given: {task: code}, expect: {model: large}}]\n",
            "--format",
            "json",
            "--suggest",
        ).stdout
    )
    assert found["coverage"] == {
        "rules": {"covered": 0, "total": 4},
        "outcomes": {"covered": 0, "total": 4},
        "cells": {"covered": 0, "total": 12},
    }
    assert [each["rule"] for each in found["untested"]] == ["secret", "long", "chatting"]
    assert found["suggestions"][1]["test"] == "- {name: long, given: {tokens: 101}, expect: {rule: long}}"
    assert "          => coding: the first that matches" in found["tests"][0]["trace"]
    assert found["tests"][0]["line"] == 2


def test_a_file_that_cannot_be_run_keeps_no_other_from_running(run, tmp_path):
    (tmp_path / "a.test.yaml").write_text("config: router.yaml\ntest: 1\n", encoding="utf-8")
    tests = "tests: [{name: one, given: {task: code}, expect: {model: small}}]\n"
    result = run(tests, "--junit", "out.xml")
    assert result.exit_code == 1
    assert "1 passed, 0 failed, 0 errors, 1 file not usable" in result.output
    suites = list(ET.parse(tmp_path / "out.xml").getroot())  # noqa: S314 - written by ourselves
    assert [(each.get("name"), each.get("errors")) for each in suites] == [
        ("router.test.yaml", "0"),
        ("a.test.yaml", "1"),
    ]
    found = json.loads(run(tests, "--format", "json").stdout)
    assert (found["passed"], [each["code"] for each in found["findings"]]) == (1, ["R201"])


def test_junit_has_the_trace_of_a_failure(run, tmp_path):
    run("tests: [{name: one, given: {task: code}, expect: {model: large}}]\n", "--junit", "out.xml")
    (suite,) = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - written by ourselves
    assert suite.get("failures") == "1"
    assert "=> coding: the first that matches" in suite[0][0].text


pytest_plugins = ["pytester"]


def test_pytest_collects_the_same_files_when_asked(pytester):
    pytester.makefile(".yaml", router=CONFIG)
    (pytester.path / "router.test.yaml").write_text(
        "config: router.yaml\ntests: [{name: one, given: {task: code}, expect: {model: small}}, {name: two, given: {task: code}, expect: {model: large}}]\n",
        encoding="utf-8",
    )
    result = pytester.runpytest_inprocess("--router", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*model is small, not large*", "*=> coding: the first that matches*"])
    assert pytester.runpytest_inprocess("-p", "no:cacheprovider").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_pytest_tells_what_is_wrong_with_a_file(pytester):
    pytester.makefile(".yaml", router=CONFIG)
    (pytester.path / "router.test.yaml").write_text("config: router.yaml\ntest: 1\n", encoding="utf-8")
    result = pytester.runpytest_inprocess("--router", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*unknown key `test` in the file*"])
