"""`router batch`: many calls from a file, in order, resumable."""

from __future__ import annotations

import fcntl
import json
import resource
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from router.cli.main import cli
from router.cli.progress import drawn

FILE = """\
version: 1
endpoints: {a: {kind: mock, script: [SCRIPT], timeout: 50ms}}
models: {m: {at: a}}
rules: [{use: m}]
retry: {attempts: 1}
breaker: off
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(calls, *words, script="ok"):
        (tmp_path / "router.yaml").write_text(FILE.replace("SCRIPT", script), encoding="utf-8")
        if calls is not None:
            lines = [each if isinstance(each, str) else json.dumps(each) for each in calls]
            (tmp_path / "calls.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return CliRunner().invoke(cli, ["batch", "calls.jsonl", "--out", "out.jsonl", *words])

    return invoke


def out(folder):
    return [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_call_becomes_a_line_in_its_order(run, tmp_path):
    found = run([{"id": n, "prompt": f"say {n}"} for n in range(20)], "--concurrency", "7")
    assert found.exit_code == 0, found.output
    assert found.output == "20 calls: 20 answered, 0 failed\n"
    assert [each["id"] for each in out(tmp_path)] == list(range(20))
    assert [each["message"]["content"] for each in out(tmp_path)] == [
        f"[Mock m Response] say {n}" for n in range(20)
    ]
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_file_of_answers_that_others_could_read_is_taken_from_them_and_told(run, tmp_path):
    (tmp_path / "out.jsonl").touch()
    (tmp_path / "out.jsonl").chmod(0o644)
    found = run([{"prompt": "hi"}])
    assert found.stderr.startswith(
        "router: out.jsonl could be read by others (mode 0644); it is for its owner alone"
    )
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_file_that_holds_something_else_keeps_its_mode(run, tmp_path):
    (tmp_path / "out.jsonl").write_text("mine\n", encoding="utf-8")
    (tmp_path / "out.jsonl").chmod(0o644)
    assert run([{"prompt": "hi"}]).exit_code == 2
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_asked_or_fails_is_a_line_with_its_error(run, tmp_path):
    calls = [
        "",
        "{no",
        "[1]",
        {"id": "x"},
        {"prompt": "a", "task": "poetry"},
        {"prompt": "b"},
        {"prompt": "c"},
    ]
    found = run(calls, "--concurrency", "1", "--format", "json", script="500, ok")
    assert found.exit_code == 1
    assert json.loads(found.output) == {
        "format_version": "1.0",
        "calls": 6,
        "failed": 5,
        "before": 0,
        "finished": True,
    }
    kinds = [each.get("error", {}).get("kind") for each in out(tmp_path)]
    assert kinds == [*["invalid_call"] * 4, "server_error", None]
    assert [each["line"] for each in out(tmp_path)] == [2, 3, 4, 5, 6, 7]


def test_duplicates_are_asked_once_near_and_far(run, tmp_path):
    calls = [{"prompt": "same", "id": n} if n % 2 else {"prompt": f"other {n}"} for n in range(60)]
    assert run(calls, "--concurrency", "2").exit_code == 0
    same = [each for each in out(tmp_path) if each["id"] is not None]
    assert len({each["request_id"] for each in same}) == 1
    assert {each.get("same_as") for each in same[1:]} == {2}
    assert [each["id"] for each in same] == list(range(1, 60, 2))


def test_a_second_run_goes_on_after_the_last_whole_line(run, tmp_path):
    calls = [{"prompt": str(n)} for n in range(10)]
    run(calls)
    whole = (tmp_path / "out.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    (tmp_path / "out.jsonl").write_bytes(b"".join(lines[:4]) + lines[4][:30])
    found = run(calls)
    assert found.output == "10 calls, 4 of them before: 10 answered, 0 failed\n"
    assert (tmp_path / "out.jsonl").read_bytes().startswith(b"".join(lines[:4]))
    assert [each["message"]["content"] for each in out(tmp_path)] == [
        f"[Mock m Response] {n}" for n in range(10)
    ]


def test_a_file_that_was_changed_since_is_refused_and_nothing_is_lost(run, tmp_path):
    run([{"prompt": "a"}, {"prompt": "b"}])
    before = (tmp_path / "out.jsonl").read_bytes()
    found = run([{"prompt": "a"}, {"prompt": "changed"}, {"prompt": "c"}])
    assert found.exit_code == 2
    assert "was changed since" in found.output
    (tmp_path / "calls.jsonl").write_text('{"prompt": "a"}\n', encoding="utf-8")
    found = run(None)
    assert found.exit_code == 2
    assert "fewer lines" in found.output
    assert (tmp_path / "out.jsonl").read_bytes() == before


@pytest.mark.parametrize("text", ["hello\n", "{}\n", '{"line": 1}\n', "[]\n"])
def test_a_file_of_something_else_is_never_written_over(run, tmp_path, text):
    (tmp_path / "out.jsonl").write_text(text, encoding="utf-8")
    found = run([{"prompt": "a"}])
    assert found.exit_code == 2
    assert "no line of an earlier run" in found.output
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == text


def test_two_runs_do_not_write_one_file(run, tmp_path):
    with (tmp_path / "out.jsonl").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = run([{"prompt": "a"}])
    assert found.exit_code == 2
    assert "being written by another run" in found.output


def test_files_that_cannot_be_used_are_told(run, tmp_path):
    found = run(None)
    assert (found.exit_code, found.output) == (
        2,
        "router: calls.jsonl cannot be read: No such file or directory\n",
    )
    (tmp_path / "out.jsonl").unlink()
    (tmp_path / "out.jsonl").mkdir()
    assert "cannot be written" in run([{"prompt": "a"}]).output


def test_a_device_is_no_file_for_answers(run, tmp_path):
    (tmp_path / "out.jsonl").symlink_to("/dev/null")
    found = run([{"prompt": "a"}])
    assert (found.exit_code, "no file" in found.output) == (2, True)


def test_a_full_disk_ends_it_and_keeps_what_was_written(run, tmp_path):
    calls = [{"prompt": str(n)} for n in range(10)]
    run(calls)
    whole = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "out.jsonl").unlink()
    limit = (len(whole) // 2, len(whole) // 2)
    process = subprocess.run(
        [sys.executable, "-m", "router", "batch", "calls.jsonl", "--out", "out.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert (process.returncode, "cannot be written" in process.stderr) == (2, True), process.stderr
    assert "Traceback" not in process.stderr
    assert (tmp_path / "out.jsonl").read_bytes().endswith(b"}\n")
    before = len(out(tmp_path))
    assert 3 <= before < 7
    assert run(calls).output == f"10 calls, {before} of them before: 10 answered, 0 failed\n"


def test_options_for_all_calls_are_laid_under_their_own(run, tmp_path):
    run([{"prompt": "a"}, {"prompt": "b", "task": "code"}], "--set", "task=poetry")
    first, second = out(tmp_path)
    assert "poetry" in first["error"]["message"]
    assert second["message"]["content"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_is_taken_up_again(run, tmp_path, how):
    calls = [{"prompt": str(n)} for n in range(40)]
    run(calls, "--help", script="timeout")
    words = [
        sys.executable,
        "-m",
        "router",
        "batch",
        "calls.jsonl",
        "--out",
        "out.jsonl",
        "--concurrency",
        "1",
    ]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while time.monotonic() < until and (
        not (tmp_path / "out.jsonl").exists() or len(out_lines(tmp_path)) < 3
    ):
        time.sleep(0.02)
    process.send_signal(how)
    _, said = process.communicate(timeout=30)
    before = out_lines(tmp_path)
    assert 3 <= len(before) < 40
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "goes on where it stopped" in said
    found = run(calls)
    assert f"40 calls, {len(before)} of them before" in found.output
    assert out_lines(tmp_path)[: len(before)] == before
    assert [each["line"] for each in out(tmp_path)] == list(range(1, 41))


def out_lines(folder):
    return [each for each in (folder / "out.jsonl").read_bytes().split(b"\n")[:-1] if each]


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ((5, 20, 5, 2.5), "[######..................] 5/20 calls, 2.0/s, 8 s left"),
        (
            (1000, 100_000, 500, 1.0),
            "[........................] 1,000/100,000 calls, 500.0/s, 3 min 18 s left",
        ),
        ((1, 10_000, 1, 2.0), "[........................] 1/10,000 calls, 0.5/s, 5 h 33 min left"),
        ((20, 20, 20, 1.0), "[########################] 20/20 calls, 20.0/s"),
        ((7, 0, 7, 1.0), "7 calls, 7.0/s"),
        ((0, 5, 0, 0.0), "[........................] 0/5 calls, 0.0/s"),
    ],
)
def test_the_line_of_progress_says_how_long_the_rest_takes(state, line):
    assert drawn("calls", *state) == line


def test_one_call_is_not_told_as_many(run):
    assert run([{"prompt": "hi"}]).output == "1 call: 1 answered, 0 failed\n"
