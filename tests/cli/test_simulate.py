"""`router simulate`: what is printed of recorded calls, and how it ends."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli import simulate as module
from router.cli.main import cli

CONFIG = """\
version: 1
endpoints: {cloud: {kind: mock, locality: remote}, laptop: {kind: mock}}
models:
  big: {at: cloud, price: {input: $10, output: $20}}
  small: {at: laptop}
rules:
  - {name: all, use: [big, small]}
"""
OTHER = CONFIG.replace("[big, small]", "[small, big]")
BUDGET = (
    CONFIG + "costs: {budgets: [{name: day, limit: $0.05, then: {use: small}}, {name: all, limit: $9}]}\n"
)


def line(number=0, model="big", endpoint="cloud", **more):
    attempt = {"model": model, "endpoint": endpoint, "outcome": "ok", "ms": 250.0, "cost": "0.012"}
    usage = {"input_tokens": 1000, "output_tokens": 100}
    record = {
        "time": f"2026-11-22T10:{number % 60:02}:00Z",
        "rule": "all",
        "call": {"task": "chat", "tokens": 1000},
        "chain": [["big", "cloud"], ["small", "laptop"]],
        "attempts": [attempt | {"usage": usage}],
        "outcome": "ok",
        "model": model,
        "endpoint": endpoint,
        "usage": usage,
        "cost": "0.012",
        "ms": 251.0,
        "draw": 0.5,
    }
    return json.dumps(record | more) + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("router.yaml", CONFIG), ("other.yaml", OTHER), ("budget.yaml", BUDGET)):
        Path(name).write_text(text)
    Path("calls.jsonl").write_text(
        "".join(line(number) for number in range(5)) + line(model="small", endpoint="laptop")
    )
    return tmp_path


def run(*arguments, status=0):
    found = CliRunner().invoke(cli, ["simulate", *arguments])
    assert found.exit_code == status, found.output
    return found.output


@pytest.mark.usefixtures("folder")
class TestSimulate:
    def test_its_own_configuration_decides_all_calls_as_they_were(self):
        told = run("--log", "calls.jsonl", "--exit-code")
        assert "router.yaml decides all of them as when they were made" in told
        assert "big at cloud" in told

    def test_another_one_tells_what_changes_and_ends_with_1_where_that_is_asked_for(self):
        told = run("-c", "other.yaml", "--log", "calls.jsonl", "--exit-code", status=1)
        assert "decides 6 otherwise than when they were made (100 %)" in told
        assert "6: big, then small  (rule all) -> small, then big  (rule all)" in told
        run("-c", "other.yaml", "--log", "calls.jsonl")

    def test_two_configurations_are_compared(self):
        told = run("-c", "other.yaml", "--log", "calls.jsonl", "--against", "router.yaml")
        assert "otherwise than by router.yaml" in told
        assert "before" in told

    def test_json_has_everything(self):
        found = json.loads(run("-c", "budget.yaml", "--log", "calls.jsonl", "--format", "json"))
        assert found["format_version"] == "1.0"
        assert (found["calls"], found["changed"], found["config"], found["log"]) == (
            6,
            0,
            "budget.yaml",
            ["calls.jsonl"],
        )
        assert found["after"]["redirected"]["day"] > 0
        assert found["recorded"]["usd"] == "0.072"
        assert found["before"] is None

    def test_json_goes_to_a_file_as_well(self):
        run("--log", "calls.jsonl", "--format", "json", "-o", "out.json")
        assert json.loads(Path("out.json").read_text())["calls"] == 6

    def test_a_page_stands_alone(self):
        run(
            "-c",
            "other.yaml",
            "--log",
            "calls.jsonl",
            "--against",
            "router.yaml",
            "--format",
            "html",
            "-o",
            "page.html",
        )
        page = Path("page.html").read_text()
        assert page.count("<svg") == 3
        assert "http" not in page.replace("http-equiv", "")
        assert "<script" not in page

    def test_names_cannot_write_into_the_page(self):
        Path("odd.jsonl").write_text(line(model="<b>", endpoint='"&'))
        page = run("--log", "odd.jsonl", "--format", "html")
        assert "<b>" not in page
        assert "&lt;b&gt;" in page

    def test_many_models_and_moves_are_cut_short(self):
        lines = [line(number, model=f"m{number}", chain=[[f"m{number}", "cloud"]]) for number in range(60)]
        Path("many.jsonl").write_text("".join(lines))
        assert "in 50 other ways" in run("--log", "many.jsonl")
        page = run("--log", "many.jsonl", "--format", "html")
        assert "The first 30 of 61" in page
        assert "The first 50 of 60 ways." in page

    def test_several_logs_and_packed_ones_are_read(self):
        with gzip.open("old.jsonl.gz", "wt") as file:
            file.write(line() * 3)
        assert run("--log", "old.jsonl.gz", "--log", "calls.jsonl").startswith("9 calls of 2026-11-22")

    def test_lines_that_are_no_calls_are_told_with_their_numbers(self):
        Path("mixed.jsonl").write_text(line() + "nonsense\n" + line())
        assert "1 line is no call and is left out (line 2: not JSON)" in run("--log", "mixed.jsonl")
        Path("mixed.jsonl").write_text(line() + "nonsense\n" * 9)
        assert "9 lines are no calls and are left out (line 2: not JSON;" in run("--log", "mixed.jsonl")

    def test_what_is_unknown_is_said(self):
        Path("bare.jsonl").write_text('{"call": {"task": "chat", "team": "red"}}\n')
        told = run("--log", "bare.jsonl")
        assert told.startswith("1 call through router.yaml\n")
        for words in (
            "`--against OLD`",
            "1 calls have no known price",
            "1 calls go where",
            "left out: team",
            "unbounded",
        ):
            assert words in told

    def test_refusals_and_other_models_are_told(self):
        lines = [line(number) for number in range(8)] + [
            line(call={"task": "novel"}),
            line(outcome="server_error", cached=True),
        ]
        Path("bad.jsonl").write_text("".join(lines))
        told = run("-c", "budget.yaml", "--log", "bad.jsonl")
        assert "task=novel is not a value there" in told
        assert "budget `day`: another model" in told
        assert "refused: task=novel is not a value there" in told

    def test_a_log_that_is_written_on_is_read_to_where_it_ended(self):
        reading = module._Reading((Path("calls.jsonl"),))
        with Path("calls.jsonl").open("a") as file:
            file.write(line())
        assert len(list(reading.lines())) == 6

    def test_a_log_without_a_call_or_that_is_broken_ends_with_2(self):
        Path("empty.jsonl").write_text("")
        assert "no line of empty.jsonl is a call\n" in run("--log", "empty.jsonl", status=2)
        Path("none.jsonl").write_text("x\n")
        assert "is a call (line 1: not JSON)" in run("--log", "none.jsonl", status=2)
        Path("half.gz").write_bytes(gzip.compress(line().encode() * 50)[:60])
        assert "half.gz cannot be read" in run("--log", "half.gz", status=2)
        run("--log", "missing.jsonl", status=2)
        assert "cannot be written" in run("--log", "calls.jsonl", "-o", "no/such/file", status=2)

    def test_a_configuration_with_errors_ends_with_1(self):
        Path("wrong.yaml").write_text(CONFIG.replace("rules:", "ruels:"))
        assert "ruels" in run("-c", "wrong.yaml", "--log", "calls.jsonl", status=1)
        assert "ruels" in run("--against", "wrong.yaml", "--log", "calls.jsonl", status=1)

    def test_a_terminal_sees_how_far_it_is(self, monkeypatch):
        monkeypatch.setattr(module, "on_a_terminal", lambda: True)
        told = run("--log", "calls.jsonl", "--against", "other.yaml")
        assert "-----] " in told
        assert "%" in told
        assert "\r" in told
