"""`router diff` as a user meets it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import cli
from router.table.graph import TooComplex

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


def test_a_revision_is_read_with_the_files_it_names_at_that_revision(run, tmp_path):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-c", "commit.gpgsign=false"]
    (tmp_path / "top.yaml").write_text("version: 1\nextends: parts/base.yaml\n", encoding="utf-8")
    (tmp_path / "lost.yaml").write_text("version: 1\nextends: none.yaml\n", encoding="utf-8")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "base.yaml").write_text(FILE, encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    (tmp_path / "parts" / "base.yaml").write_text(FILE.replace("use: a}", "use: b}"), encoding="utf-8")
    assert "25 %" in run("git:HEAD:top.yaml", "top.yaml").output
    assert run("git:HEAD:top.yaml", "old.yaml").output == "no change in routing\n"
    lost = run("git:HEAD:lost.yaml", "old.yaml")
    assert (lost.exit_code, "git has no such text file at HEAD" in lost.output) == (1, True)


def test_a_list_of_prices_and_another_variable_are_no_change_and_one_at_a_revision(run, tmp_path):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid", "-c", "commit.gpgsign=false"]
    (tmp_path / "prices.json").write_text(
        '{"prices": [{"model": "a", "input": "3", "output": "4"}]}', encoding="utf-8"
    )
    web = FILE.replace("{kind: mock}", '{kind: openai, url: "https://x.example", key: "${env:ONE}"}')
    (tmp_path / "old.yaml").write_text(web + "costs: {prices: prices.json}\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    assert run("git:HEAD:old.yaml", "old.yaml").output == "no change in routing\n"
    (tmp_path / "new.yaml").write_text(
        web.replace("ONE", "TWO") + "costs: {prices: prices.json}\n", encoding="utf-8"
    )
    shown = json.loads(run("git:HEAD:old.yaml", "new.yaml", "--format", "json").output)
    assert shown["settings"] == ["endpoints.here.key is read from ${env:TWO}, not from ${env:ONE}"]
    assert (shown["same"], shown["prices"], shown["endpoints"]) == (True, [], [])


def test_a_wrong_file_is_told_and_a_missing_one_ends_with_2(run):
    assert run("old.yaml", "bad.yaml").exit_code == 1
    assert run("old.yaml", "none.yaml").exit_code == 2


def test_the_worst_is_told_where_it_changes(run, tmp_path):
    slow = FILE.replace("use: a}", "use: b, deadline: 9s}").replace("kind: mock", "kind: mock, timeout: 5s")
    (tmp_path / "slow.yaml").write_text(slow, encoding="utf-8")
    assert run("old.yaml", "slow.yaml").output.splitlines() == [
        "routing changes for 25 % of the table",
        "  when task is code  (25 %)",
        "    before  a  (rule coding)",
        "    after   b  (rule coding)",
        "    at worst 1m -> 5s",
        "endpoint `here` changed: timeouts",
        "rule `coding` changed: deadline (at worst 1m -> 5s)",
        "worst call of the whole table: 2m -> 10s",
    ]
    shown = run("old.yaml", "slow.yaml", "--format", "markdown").output
    assert "| a  (rule coding) | b  (rule coding), at worst 1m -> 5s |" in shown
    assert "\n- worst call of the whole table: 2m -> 10s\n" in shown


def test_other_options_a_gap_and_a_refusal_are_told_as_such(run, tmp_path):
    hot = FILE.replace("use: a}", "use: a, options: {temperature: 1}}")
    (tmp_path / "hot.yaml").write_text(hot, encoding="utf-8")
    assert "    a  (rule coding), with other options" in run("old.yaml", "hot.yaml").output.splitlines()
    shown = run("old.yaml", "hot.yaml", "--format", "markdown").output.splitlines()
    assert shown[-1] == "| task is code | 25 % | a  (rule coding) | the same, with other options |"
    assert "    after   no rule matches" in run("old.yaml", "gap.yaml").output.splitlines()
    more = FILE.replace(
        "endpoints", "dimensions: {task: {values: [chat, code, poetry], default: chat}}\nendpoints", 1
    )
    (tmp_path / "more.yaml").write_text(more, encoding="utf-8")
    assert "    before  refused: not a value there" in run("old.yaml", "more.yaml").output.splitlines()


def test_many_regions_are_counted_and_not_all_listed(run, tmp_path):
    rules = "".join(f"  - {{name: r{n}, when: {{tokens: {n}}}, use: m{n}}}\n" for n in range(45))
    models = ", ".join(f"m{n}: {{at: here}}" for n in range(45))
    text = FILE.replace("rules:\n", f"rules:\n{rules}").replace("models: {", f"models: {{{models}, ")
    (tmp_path / "many.yaml").write_text(text, encoding="utf-8")
    found = json.loads(run("old.yaml", "many.yaml", "--format", "json").stdout)["regions"]
    hidden = len(found) - 40
    assert f"  and {hidden} more regions" in run("old.yaml", "many.yaml").output.splitlines()
    shown = run("old.yaml", "many.yaml", "--format", "markdown").output
    assert f"| and {hidden} more regions | | | |" in shown


def test_what_cannot_be_compared_exactly_ends_with_2(run, monkeypatch):
    def too_complex(*_):
        raise TooComplex

    monkeypatch.setattr("router.cli.diff.diff", too_complex)
    result = run("old.yaml", "new.yaml")
    assert (result.exit_code, "too complex" in result.stderr) == (2, True)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has a file that opens and fails")
def test_a_log_that_cannot_be_read_is_told(run):
    result = run("old.yaml", "new.yaml", "--log", "/proc/self/mem")
    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)


def test_many_changed_rules_are_counted_and_not_all_listed(run, tmp_path):
    rules = "".join(f"  - {{name: r{n}, when: {{tokens: {n}}}, use: a, deadline: 9s}}\n" for n in range(50))
    for name, text in (("one", rules), ("two", rules.replace("9s", "8s"))):
        (tmp_path / f"{name}.yaml").write_text(FILE.replace("rules:\n", f"rules:\n{text}"), encoding="utf-8")
    assert "and 10 more rules changed" in run("one.yaml", "two.yaml").output


@pytest.fixture
def log(tmp_path):
    calls = [{"call": {"task": task}} for task in ("code", "chat", "chat", "code")]
    lines = [*map(json.dumps, calls), "nonsense"]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ("--log", "calls.jsonl")


def test_a_log_tells_how_many_calls_change_and_which_lines_are_none(run, log):
    assert run("old.yaml", "new.yaml", *log).output.splitlines()[4:] == [
        "calls.jsonl: 2 of 4 calls are decided otherwise (50 %)",
        "  2: a  (rule coding) -> b  (rule coding)",
        "  1 line is no call and is left out (line 5: not JSON)",
    ]


def test_a_log_stands_in_markdown_and_json_as_well(run, log):
    assert run("old.yaml", "new.yaml", "--format", "markdown", *log).output.splitlines()[-3:] == [
        "- calls.jsonl: 2 of 4 calls are decided otherwise (50 %)",
        "  - 2: a  (rule coding) -> b  (rule coding)",
        "  - 1 line is no call and is left out (line 5: not JSON)",
    ]
    shown = json.loads(run("old.yaml", "new.yaml", "--format", "json", *log).stdout)["log"]
    assert (shown["calls"], shown["changed"], shown["share"], shown["bad"]) == (4, 2, 0.5, 1)


def test_many_moves_and_many_bad_lines_are_counted_and_not_all_listed(run, tmp_path):
    for name, order in (("one", range(12)), ("two", range(12, 0, -1))):
        models = ", ".join(f"m{n}: {{at: here}}" for n in range(13))
        rules = "".join(
            f"  - {{name: r{n}, when: {{tokens: {n}}}, use: m{use}}}\n" for n, use in enumerate(order)
        )
        text = FILE.replace("rules:\n", f"rules:\n{rules}").replace("models: {", f"models: {{{models}, ")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    lines = [*(json.dumps({"call": {"tokens": n}}) for n in range(12)), *["x"] * 7]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines), encoding="utf-8")
    shown = run("one.yaml", "two.yaml", "--log", "calls.jsonl").output
    assert "  1: in another way" in shown
    assert "7 lines are no calls and are left out (line 13: not JSON; " in shown
    assert shown.rstrip().endswith("...)")


def test_a_call_that_names_its_model_is_told_so(run, tmp_path):
    (tmp_path / "failing.yaml").write_text(
        FILE.replace("a: {at: here}", "a: {at: here, failover: [b]}"), encoding="utf-8"
    )
    (tmp_path / "calls.jsonl").write_text('{"call": {"model": "a"}}', encoding="utf-8")
    shown = run("old.yaml", "failing.yaml", "--log", "calls.jsonl").output
    assert "  1: a  (named by the call) -> a, then b  (named by the call)" in shown


def test_a_terminal_is_told_how_far_a_log_is_and_nothing_else_is(run, log, monkeypatch):
    monkeypatch.setattr("router.cli.diff.PROGRESS_EVERY", 2)
    assert run("old.yaml", "new.yaml", *log).stderr == ""
    monkeypatch.setattr("router.cli.diff._on_a_terminal", lambda: True)
    assert run("old.yaml", "new.yaml", *log).stderr == "\r2 calls\r4 calls\n"


def test_a_log_that_is_not_there_is_bad_usage(run, tmp_path):
    assert run("old.yaml", "new.yaml", "--log", "none.jsonl").exit_code == 2
    assert run("old.yaml", "new.yaml", "--log", str(tmp_path)).exit_code == 2
