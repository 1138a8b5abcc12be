"""The command line as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import COMMANDS, cli

FILE = """\
version: 1
endpoints:
  here: {kind: mock, script: [ok]}
  broken: {kind: mock, script: [401]}
models:
  assistant: {at: here, options: {temperature: 0.3}}
  refused: {at: broken}
rules:
  - {name: code, when: {task: code}, use: [refused, assistant]}
  - {name: analysis, when: {task: analysis}, use: refused}
  - {name: draw, when: {task: creative}, use: {split: {assistant: 3, refused: 1}}}
  - {name: otherwise, use: assistant}
lint: {R809: off}
"""
WRONG = FILE.replace("use: assistant}", "use: asistant}").replace(
    "kind: mock, script: [ok]", "kind: mock, scrpt: [ok]"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "router.yaml").write_text(FILE, encoding="utf-8")

    def invoke(*words, **options):
        return CliRunner().invoke(cli, [str(word) for word in words], **options)

    return invoke


def test_every_command_is_listed_and_has_its_own_help(run):
    shown = run("--help").output
    for name in COMMANDS:
        assert name in shown
        assert run(name, "--help").exit_code == 0
    assert run("nonsense").exit_code == 2
    assert run("--version").output.startswith("router")


def test_check_says_nothing_of_a_good_file(run):
    result = run("check")
    assert (result.exit_code, result.output) == (0, "")


def test_check_finds_the_file_in_a_folder_above(run, tmp_path, monkeypatch):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert run("check").exit_code == 0


def test_check_tells_every_finding_with_its_place(run, tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    result = run("check", "wrong.yaml")
    assert result.exit_code == 1
    assert "error[R201] unknown-key: unknown key `scrpt` in endpoint `here`" in result.output
    assert " --> wrong.yaml:3:22" in result.output
    assert "help: did you mean `script`?" in result.output
    assert "error[R302] undefined-model" in result.output
    assert "2 errors" in result.output


def test_check_prints_one_line_a_finding_when_asked(run, tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    lines = run("check", "--format", "concise", "wrong.yaml").output.splitlines()
    assert lines[0].startswith("wrong.yaml:3:22: R201 ")
    assert len(lines) == 2


def test_check_prints_one_json_object_for_several_files(run, tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    result = run("check", "router.yaml", "wrong.yaml", "--format", "json")
    shown = json.loads(result.output)
    assert result.exit_code == 1
    assert shown["format_version"] == "1.0"
    assert shown["summary"] == {"errors": 2, "warnings": 0, "infos": 0}
    assert [(each["code"], each["file"], each["line"]) for each in shown["findings"]] == [
        ("R201", "wrong.yaml", 3),
        ("R302", "wrong.yaml", 12),
    ]


def test_check_fails_on_what_it_is_told_to_fail_on(run, tmp_path):
    text = FILE.replace(
        "name: analysis, when: {task: analysis}, use: refused",
        "name: analysis, when: {task: analysis}, use: assistant",
    )
    text = text.replace("[refused, assistant]", "assistant").replace(
        "{assistant: 3, refused: 1}", "{assistant: 3}"
    )
    (tmp_path / "unused.yaml").write_text(text, encoding="utf-8")
    assert run("check", "unused.yaml").exit_code == 0
    assert "R308" in run("check", "unused.yaml").output
    assert run("check", "unused.yaml", "--fail-on", "warning").exit_code == 1


def test_infos_are_counted_and_shown_when_asked(run, tmp_path):
    text = FILE.replace("here: {kind: mock, script: [ok]}", 'here: {kind: openai, url: "${env:SOMEWHERE}"}')
    (tmp_path / "env.yaml").write_text(text, encoding="utf-8")
    brief = run("check", "env.yaml")
    assert (brief.exit_code, "R305" in brief.output, "1 info" in brief.output) == (0, False, True)
    assert "R305" in run("check", "env.yaml", "--verbose").output


@pytest.mark.parametrize("command", [["check"], ["explain", "-c"], ["call", "hi", "-c"]])
def test_a_missing_file_ends_with_2(run, command):
    result = run(*command, "none.yaml")
    assert result.exit_code == 2
    assert "R100" in result.output


def test_without_a_file_anywhere_the_user_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["check"])
    assert result.exit_code == 2
    assert "router init" in result.output


def test_explain_tells_rule_model_failover_options_and_reasons(run):
    result = run("explain", "task=code", "tokens=9000")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "call      task=code priority=quality complexity=medium tokens=9000"
    assert lines[1] == "rule      code  (router.yaml:9:5)"
    assert lines[2] == "model     refused at broken"
    assert lines[3] == "then      assistant at here"
    assert "limits    2m in all, at most 4 attempts" in lines
    assert "rules     => code: the first that matches" in lines
    assert "          -  analysis: task is code, not analysis" in lines
    assert "          +  otherwise: matches too, but `code` stands before it" in lines


def test_explain_tells_where_an_option_comes_from(run):
    assert "options   temperature 0.3  from router.yaml:6:35" in run("explain").output
    assert "options   temperature 0.5  from call" in run("explain", "temperature=0.5").output


def test_explain_tells_the_shares_of_a_split(run):
    assert "split     assistant 75%, refused 25%" in run("explain", "task=creative").output


def test_explain_prints_one_json_object(run):
    shown = json.loads(run("explain", "task=code", "--format", "json").output)
    assert (shown["rule"], shown["model"], shown["endpoint"]) == ("code", "refused", "broken")
    assert shown["candidates"][1] == {"model": "assistant", "endpoint": "here", "skipped": None}


def test_explain_of_a_call_that_nothing_matches_ends_with_1(run, tmp_path):
    (tmp_path / "gap.yaml").write_text(
        FILE.replace("name: otherwise, use", "name: otherwise, when: {tools: true}, use"), encoding="utf-8"
    )
    result = run("explain", "-c", "gap.yaml")
    assert result.exit_code == 1
    assert "none matches" in result.output
    assert json.loads(run("explain", "-c", "gap.yaml", "--format", "json").stdout)["rule"] is None


@pytest.mark.parametrize(
    "words", [["task=cod"], ["tsk=code"], ["task"], ["task=code", "task=chat"], ["tokens=many"]]
)
def test_explain_refuses_what_no_call_may_say(run, words):
    result = run("explain", *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_explain_of_a_wrong_file_shows_its_errors(run, tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    result = run("explain", "-c", "wrong.yaml")
    assert result.exit_code == 1
    assert "R302" in result.output


def test_explain_warns_of_what_is_not_built(run, tmp_path):
    (tmp_path / "later.yaml").write_text(FILE + "stream: {on_interrupt: continue}\n", encoding="utf-8")
    result = run("explain", "-c", "later.yaml")
    assert result.exit_code == 0
    assert "warning[R211]" in result.stderr
    assert run("call", "-c", "later.yaml", "hi").exit_code == 1


def test_call_prints_the_answer_and_under_it_how_it_came_about(run):
    result = run("call", "hello you")
    assert result.exit_code == 0
    assert result.stdout == "[Mock assistant Response] hello you\n"
    assert result.stderr.startswith(
        "-- rule otherwise -> assistant at here · temperature 0.3 (router.yaml:6:35) · "
    )
    assert " tokens estimated · $0 · " in result.stderr
    assert result.stderr.endswith(" ms\n")


def test_call_streams_the_same_answer(run):
    result = run("call", "--stream", "--quiet", "hello you")
    assert (result.stdout, result.stderr) == ("[Mock assistant Response] hello you\n", "")


def test_call_reads_its_prompt_from_standard_input(run):
    assert run("call", "-", "-q", input="from a pipe").stdout == "[Mock assistant Response] from a pipe\n"


def test_call_fails_over_and_says_how_often(run):
    result = run("call", "--task", "code", "hi")
    assert result.exit_code == 0
    assert result.stderr.rstrip().endswith("2 attempts")


def test_call_prints_one_json_object(run):
    shown = json.loads(run("call", "--format", "json", "--set", "task=code", "hi").stdout)
    assert shown["message"] == {"role": "assistant", "content": "[Mock assistant Response] hi"}
    assert (shown["model"], shown["endpoint"], shown["rule"]) == ("assistant", "here", "code")
    assert shown["usage"]["estimated"] is True
    assert shown["cost"] == {"usd": "0"}
    assert [each["outcome"] for each in shown["attempts"]] == ["authentication", "ok"]
    assert (shown["cached"], shown["degraded"]) == (False, None)


def test_call_streams_json_events_a_line_each_and_the_object_last(run):
    lines = [
        json.loads(line) for line in run("call", "--stream", "--format", "json", "hi").stdout.splitlines()
    ]
    assert "".join(line["text"] for line in lines[:-1]) == lines[-1]["message"]["content"]
    assert {line["event"] for line in lines[:-1]} == {"TextDelta"}


def test_a_failed_call_ends_with_1_and_tells_every_attempt(run):
    result = run("call", "--task", "analysis", "hi")
    assert result.exit_code == 1
    assert "authentication" in result.stderr
    assert "1. refused at broken: authentication after" in result.stderr
    shown = json.loads(run("call", "--task", "analysis", "--format", "json", "hi").stdout)
    assert shown["error"]["kind"] == "authentication"
    assert len(shown["attempts"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--task", "cod", "hi"],
        ["--model", "none", "hi"],
        ["--temperature", "9", "hi"],
        [""],
        [],
        ["--set", "x", "hi"],
    ],
)
def test_a_malformed_call_ends_with_2(run, words):
    result = run("call", *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_call_takes_a_system_message_and_a_model(run):
    result = run(
        "call", "--system", "be brief", "--model", "assistant", "--max-tokens", "5", "--deadline", "9", "hi"
    )
    assert result.exit_code == 0
    assert "-- named by the call -> assistant at here" in result.stderr


def test_init_writes_a_file_that_is_clean_and_its_schema(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["init"])
    assert result.exit_code == 0
    text = (tmp_path / "router.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=./router.schema.json\n")
    assert json.loads((tmp_path / "router.schema.json").read_text(encoding="utf-8"))["$defs"]
    checked = CliRunner().invoke(cli, ["check"])
    assert (checked.exit_code, checked.output) == (0, "")
    assert CliRunner().invoke(cli, ["init"]).exit_code == 2
    assert CliRunner().invoke(cli, ["init", "--force"]).exit_code == 0
    assert CliRunner().invoke(cli, ["init", "no/such/folder/router.yaml"]).exit_code == 2


def test_what_init_comments_out_is_clean_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(cli, ["init"])
    path = tmp_path / "router.yaml"
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        shown = (
            line.replace("# ", "", 1) if line.startswith("  ") and line.lstrip().startswith("# ") else line
        )
        lines.append(shown)
    path.write_text("\n".join(lines), encoding="utf-8")
    result = CliRunner().invoke(cli, ["check", "-v"])
    assert result.exit_code == 0
    assert {word for word in result.output.split() if word.startswith(("error[", "warning["))} <= {
        "warning[R307]"
    }


def test_rule_tells_what_a_finding_means(run):
    assert "nothing reads" in run("rule", "R201").output
    assert run("rule", "unknown-key").output == run("rule", "r201").output
    assert "R302" in run("rule").output
    assert run("rule", "R999").exit_code == 2


def test_schema_prints_the_language(run):
    assert json.loads(run("schema").output)["$defs"]
    assert "temperature" in run("schema", "--format", "markdown").output


def test_the_module_is_the_command(tmp_path):
    (tmp_path / "router.yaml").write_text(FILE, encoding="utf-8")
    command = [sys.executable, "-m", "router", "call", "-q", "hi"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == "[Mock assistant Response] hi\n"
    script = Path(sys.executable).with_name("router")
    assert subprocess.run([script, "--version"], capture_output=True, check=True).returncode == 0


def test_fix_makes_the_repairs_it_offers_and_reports_the_rest(run, tmp_path):
    path = tmp_path / "wrong.yaml"
    text = WRONG.replace("use: refused}\n", "use: refused, when: {}}\n").replace("\n", "\r\n")
    path.write_text(text + "deadline: 90\r\nnonsense: 1\r\n", encoding="utf-8", newline="")
    path.chmod(0o640)
    result = run("check", "--fix", "wrong.yaml")
    assert result.exit_code == 1
    assert "wrong.yaml: 3 fixed" in result.stderr
    assert "unknown key `nonsense`" in result.stdout
    mended = path.read_bytes().decode()
    assert "script: [ok]" in mended
    assert "use: assistant}" in mended
    assert "deadline: 90s\r\n" in mended
    assert mended.count("\r\n") == mended.count("\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["router.yaml", "wrong.yaml"]


def test_fix_repairs_the_files_that_are_merged_too(run, tmp_path):
    (tmp_path / "base.yaml").write_text(FILE.replace("script: [ok]", "scrpt: [ok]"), encoding="utf-8")
    (tmp_path / "top.yaml").write_text("version: 1\nextends: base.yaml\ndeadline: 90\n", encoding="utf-8")
    result = run("check", "--fix", "top.yaml")
    assert (result.exit_code, result.stderr) == (0, "top.yaml, base.yaml: 2 fixed\n")
    assert (tmp_path / "base.yaml").read_text(encoding="utf-8") == FILE
    assert (tmp_path / "top.yaml").read_text(encoding="utf-8").endswith("deadline: 90s\n")


def test_what_is_found_in_a_file_that_two_extend_is_told_once(run, tmp_path):
    (tmp_path / "base.yaml").write_text(WRONG, encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text("version: 1\nextends: base.yaml\n", encoding="utf-8")
    lines = run("check", "one.yaml", "two.yaml", "--format", "concise").output.splitlines()
    assert [line.partition(" ")[2][:4] for line in lines] == ["R201", "R302"]


def test_fix_leaves_a_good_file_as_it_is(run, tmp_path):
    before = (tmp_path / "router.yaml").stat()
    result = run("check", "--fix")
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "router.yaml").stat().st_mtime_ns == before.st_mtime_ns


def test_json_is_printed_of_whatever_goes_wrong(run, tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    for words in (["call", "hi"], ["explain"]):
        result = run(*words, "-c", "wrong.yaml", "--format", "json")
        assert (result.exit_code, json.loads(result.stdout)["summary"]["errors"]) == (1, 2)
        result = run(*words, "-c", "none.yaml", "--format", "json")
        assert (result.exit_code, json.loads(result.stdout)["findings"][0]["code"]) == (2, "R100")
    result = run("call", "hi", "--task", "cod", "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["kind"]) == (2, "invalid_call")
    lines = run("call", "hi", "--task", "analysis", "--format", "json", "--stream").stdout.splitlines()
    assert [json.loads(line)["error"]["kind"] for line in lines] == ["authentication"]


def test_an_option_given_twice_is_refused(run):
    assert run("call", "hi", "--task", "chat", "--set", "task=code").exit_code == 2


def test_an_output_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "router.yaml").write_text(FILE, encoding="utf-8")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "router", "call", "-q", "hi"]
        result = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (result.returncode, "Traceback" in result.stderr) == (2, False)
    assert "cannot be written" in result.stderr


def test_an_interruption_is_no_failed_call(run, monkeypatch):
    def interrupted(work):
        work.close()
        raise KeyboardInterrupt

    monkeypatch.setattr("asyncio.run", interrupted)
    result = run("call", "Hello")
    assert (result.exit_code, result.stderr) == (130, "router: interrupted\n")
