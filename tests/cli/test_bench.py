"""`router bench`: what it prints, writes and ends with."""

from __future__ import annotations

import errno
import json
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.bench.figures import Benchmark, Measured, Run, fastest_first
from router.cli.bench_page import page
from router.cli.bench_text import human
from router.cli.main import cli
from router.core.usage import Usage

FILE = """\
version: 1
endpoints:
  a: {kind: mock}
  b: {kind: mock, script: [ok, ok, 500, {say: one two three}]}
  far: {kind: openai, url: "https://api.invalid/v1", key: "${env:FAR_KEY}"}
  dead: {kind: openai, url: "http://127.0.0.1:9/v1"}
models:
  small: {at: a}
  shaky: {at: b, price: {input: $1, output: $2}}
  cloud: {at: far}
  gone: {at: dead}
rules: [{use: [small, shaky, cloud, gone]}]
breaker: off
"""


HERE = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "router.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


def run(*words, env=None):
    return CliRunner().invoke(
        cli, ["bench", *words], prog_name="router", env={"FAR_KEY": None, **(env or {})}
    )


def as_json(*words, status=0, **more):
    result = run("--format", "json", *words, **more)
    assert result.exit_code == status, result.output
    found = json.loads(result.stdout)
    assert found["format_version"] == "1.0"
    return found


@HERE
def test_a_table_has_the_fastest_first_and_says_what_failed_and_what_is_missing():
    result = run()
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        *("MODEL", "ENDPOINT", "TOKENS/S", "FIRST", "TOTAL", "IN", "OUT", "COST", "FAILED"),
    ]
    rows = {line.split()[0]: line for line in lines[1:3]}
    assert rows["small"].split()[-2:] == ["$0.00", "-"]
    assert rows["shaky"].split()[-1] == "1/9"
    assert lines[3:6] == [
        "shaky at b: a call failed: b answered 500",
        "cloud at far: not measured: not asked: `FAR_KEY` is not set",
        lines[5],
    ]
    assert lines[5].startswith("gone at dead: not measured: dead (127.0.0.1:9) cannot be reached")
    assert lines[6].startswith("tokens are estimated where the endpoint does not count them: ")
    assert re.fullmatch(r"3 prompts, 3 times each, after a warm-up; \$0\.0\d+ in all", lines[7])


def test_models_that_are_not_there_are_no_failure_where_all_are_asked_for(folder):
    text = FILE.replace("500, ", "")
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    assert run().exit_code == 0
    assert run("small").exit_code == 0
    assert run("small", "cloud").exit_code == 1
    assert run("gone").exit_code == 1


@HERE
def test_json_has_every_run_and_null_for_what_is_unknown():
    found = as_json("small", "cloud", "--repeat", "1", status=1)
    [place] = found["places"]
    assert (place["model"], place["endpoint"], place["kind"], place["locality"], place["id"]) == (
        *("small", "a", "mock", "local", "small"),
    )
    assert (place["answered"], place["failed"], place["usd"]) == (3, 0, "0")
    assert [(each["prompt"], each["run"]) for each in place["runs"]] == [
        *(("short", 0), ("short", 1), ("text", 1), ("code", 1)),
    ]
    assert place["tokens_per_second"] > 0
    assert 0 < place["first_seconds"] <= place["seconds"]
    assert found["unavailable"] == [
        {"model": "cloud", "endpoint": "far", "why": "not asked: `FAR_KEY` is not set"}
    ]
    assert (found["finished"], found["repeat"], found["warm_up"]) == (True, 1, True)
    assert found["usd"] == "0"


@HERE
def test_a_failed_run_is_a_run_with_its_error():
    found = as_json("shaky", "--no-warm-up", "--repeat", "1", status=1)
    runs = found["places"][0]["runs"]
    assert [each["error"] for each in runs] == [
        *(None, None),
        {"kind": "server_error", "message": "b answered 500"},
    ]
    assert runs[2]["first_seconds"] is None


def test_prompts_of_a_file_are_asked_instead_and_options_are_set(folder):
    (folder / "mine.txt").write_text("Say this.\nSay that.\n", encoding="utf-8")
    found = as_json("small", "--prompts", "mine.txt", "--repeat", "2", "--set", "task=code")
    assert found["prompts"] == ["line 1", "line 2"]
    result = run("small", "--prompts", "mine.txt", "--repeat", "1", "--keep", "kept.jsonl")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in (folder / "kept.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [
        (each["model"], each["endpoint"], each["prompt"], each["run"], each["text"]) for each in lines
    ] == [
        ("small", "a", "line 1", 0, "[Mock small Response] Say this."),
        ("small", "a", "line 1", 1, "[Mock small Response] Say this."),
        ("small", "a", "line 2", 1, "[Mock small Response] Say that."),
    ]
    assert "2 prompts, once each, after a warm-up; $0.00 in all" in result.stdout
    assert (folder / "kept.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_file_of_answers_that_others_could_read_is_taken_from_them_and_told(folder):
    (folder / "kept.jsonl").touch()
    (folder / "kept.jsonl").chmod(0o666)
    result = run("small", "--keep", "kept.jsonl", "--repeat", "1")
    assert "kept.jsonl could be read by others (mode 0666)" in result.stderr
    assert (folder / "kept.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_it_saves_is_what_a_file_starts_from(folder):
    models = "{m: {at: [a, b], balance: fastest}}"
    text = f"version: 1\nendpoints: {{a: {{kind: mock}}, b: {{kind: mock}}}}\nmodels: {models}\nrules: [{{use: m}}]\n"
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    assert run("--save", "speeds.json").exit_code == 0
    (folder / "router.yaml").write_text(text + "speeds: speeds.json\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["explain"])
    assert re.search(r"balance +m: fastest of a, b; it starts from \w \S+ms, \w \S+ms", result.output)


@HERE
def test_offline_asks_no_remote_endpoint():
    found = as_json("cloud", "--offline", env={"FAR_KEY": "key"}, status=1)
    assert found["unavailable"][0]["why"].startswith("not asked (offline")
    assert found["places"] == []


def test_costs_go_to_the_ledger(folder):
    text = FILE.replace("500, ", "") + "costs: {ledger: costs.sqlite}\n"
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    found = as_json("shaky", "--repeat", "1")
    costs = CliRunner().invoke(cli, ["costs", "--format", "json"], env={"FAR_KEY": None})
    total = json.loads(costs.stdout)["total"]
    assert total["calls"] == 4
    assert total["usd"] == found["usd"] != "0"


@HERE
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], "there is no model 'nope'; the models are small, shaky, cloud, gone"),
        (["--prompts", "nowhere.txt"], "nowhere.txt cannot be read: No such file or directory"),
        (["small", "--set", "colour=red"], "colour"),
        (["small", "--set", "colour"], "is not of the form name=value"),
        (["--repeat", "0"], "--repeat"),
        (
            ["small", "--keep", "no/where.jsonl"],
            "no/where.jsonl cannot be written: No such file or directory",
        ),
        (["small", "--save", "no/where.json"], "no/where.json cannot be written: No such file or directory"),
        (["small", "-o", "no/where"], "no/where cannot be written: No such file or directory"),
        (["-c", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_bad_usage_ends_with_2_and_no_traceback(words, said):
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_file_with_errors_is_not_measured(folder):
    (folder / "router.yaml").write_text(FILE.replace("{at: a}", "{at: nowhere}"), encoding="utf-8")
    result = run()
    assert result.exit_code == 1
    assert "R301" in result.output
    assert as_json(status=1)["findings"][0]["code"] == "R301"


def test_a_file_whose_faults_show_only_with_its_variables_is_told_too(folder):
    text = FILE.replace("{at: a}", "{at: a, context: 100, options: {max_tokens: 200}}")
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    result = run()
    assert result.exit_code == 1
    assert "R510" in result.output


@HERE
def test_a_full_disk_ends_no_measuring_and_is_told(monkeypatch):
    opened = Path.open

    def full(path, mode="r", **more):
        if mode == "a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, mode, **more)

    monkeypatch.setattr(Path, "open", full)
    result = run("small", "--keep", "kept.jsonl", "--repeat", "1")
    assert result.exit_code == 2
    assert result.stdout.startswith("MODEL")
    assert "kept.jsonl cannot be written: No space left on device" in result.stderr


def test_an_interruption_prints_what_was_measured(folder):
    (folder / "prompts.txt").write_text("one\n", encoding="utf-8")
    text = (
        "version: 1\nendpoints: {a: {kind: mock}, slow: {kind: mock, script: [ok, timeout]}, z: {kind: mock}}\n"
        "models: {m: {at: a}, s: {at: slow}, z: {at: z}}\nrules: [{use: [m, s, z]}]\n"
    )
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    words = ["bench", "--prompts", "prompts.txt", "--keep", "kept.jsonl", "--format", "json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "router", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 30
    kept = folder / "kept.jsonl"
    while time.monotonic() < until and not (kept.exists() and kept.read_text().count("\n") == 5):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == ""
    found = json.loads(out)
    assert found["finished"] is False
    assert [(each["model"], each["answered"]) for each in found["places"]] == [("m", 3)]
    assert {each["model"]: each["why"] for each in found["unavailable"]} == {
        "s": "not reached: the benchmark was interrupted",
        "z": "not reached: the benchmark was interrupted",
    }


def made(model, endpoint, seconds, **more):
    run = Run(model, endpoint, "x", 1, seconds / 2, seconds, seconds, Usage(10, 20))
    return Measured(model, endpoint, "mock", "local", model, None, (run,), **more)


def bench_of(*places, unavailable=(), finished=True):
    return Benchmark(0.0, 1, ("x",), False, finished, fastest_first(places), tuple(unavailable))


def test_a_page_has_charts_and_needs_nothing_else(folder):
    result = run("small", "--format", "html", "-o", "page.html")
    assert (result.exit_code, result.output) == (0, "")
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert text.count("<svg ") == text.count("</svg>") == 3
    assert "default-src 'none'" in text
    assert not re.search(r"<script|<link|src=|href=|https?://", text)


def test_a_page_draws_bars_and_dots_to_scale_and_escapes_names():
    found = bench_of(
        made("<b>", "a", 1.0),
        made("very-long-name-of-a-model-in-a-file", "b", 4.0),
        unavailable=[Measured("x", "y", "mock", "local", "x", "it is <down>")],
        finished=False,
    )
    text = page(found, "<router>.yaml")
    assert "<b>" not in text.replace("<bdi>", "")
    assert "&lt;router&gt;.yaml" in text
    assert [float(each) for each in re.findall(r'class="bar"[^>]* width="([\d.]+)"', text)] == [410, 102.5]
    assert [float(each) for each in re.findall(r'class="dot" cx="([\d.]+)"', text)] == [
        352.5,
        660,
        352.5,
        660,
    ]
    assert (
        ">very-long-name-of-a-model-in… at b<title>very-long-name-of-a-model-in-a-file at b</title>" in text
    )
    assert "x at y: not measured: it is &lt;down&gt;" in text
    assert "interrupted" in text


def test_a_page_of_nothing_has_no_charts():
    text = page(bench_of(unavailable=[Measured("x", "y", "mock", "local", "x", "down")]), "router.yaml")
    assert "<svg" not in text
    assert "<table>" not in text


def test_a_page_of_answers_in_no_time_draws_no_times():
    assert page(bench_of(made("m", "a", 0.0)), "router.yaml").count("<svg") == 0


def test_times_and_rates_are_as_long_as_they_say_something():
    lines = human(
        bench_of(made("a", "x", 0.0042), made("b", "x", 0.25), made("c", "x", 2.5), made("d", "x", 40.0))
    ).splitlines()
    assert [re.split(r"  +", line)[2:5] for line in lines[1:5]] == [
        ["4,762", "2.1 ms", "4.2 ms"],
        ["80.0", "125 ms", "250 ms"],
        ["8.0", "1.25 s", "2.50 s"],
        ["0.5", "20.0 s", "40.0 s"],
    ]


def test_several_equal_failures_are_one_line():
    runs = tuple(Run("m", "a", "x", n, kind="server_error", error="it\nbroke") for n in (1, 2))
    text = human(bench_of(Measured("m", "a", "mock", "local", "m", None, runs)))
    assert "m at a: 2 calls failed: it broke" in text


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="the llama.cpp engine is not installed")
def test_a_real_engine_is_measured(folder, scripted_model):
    path = scripted_model("A small answer of seven words here.")
    text = (
        f"version: 1\nendpoints: {{here: {{kind: gguf, path: '{path}', isolation: none}}}}\n"
        "models: {tiny: {at: here}}\nrules: [{use: tiny}]\n"
    )
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    found = as_json("--repeat", "2", "--keep", "kept.jsonl")
    [place] = found["places"]
    assert (place["kind"], place["answered"], place["failed"], place["estimated"]) == ("gguf", 6, 0, False)
    assert place["tokens_per_second"] > 0
    assert 0 < place["first_seconds"] <= place["seconds"]
    assert place["output_tokens"] % 6 == 0
    lines = [json.loads(line) for line in (folder / "kept.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {each["text"] for each in lines} == {"A small answer of seven words here."}
    assert place["runs"][0]["whole_seconds"] >= place["runs"][0]["seconds"]


def test_a_server_that_answers_any_name_with_its_one_model_is_told(folder, engine):
    server = engine("One answer for all.", alias="real-one")
    text = (
        f"version: 1\nendpoints: {{here: {{kind: openai, url: '{server.url}'}}}}\n"
        "models: {real-one: {at: here}, wished: {at: here}}\nrules: [{use: [real-one, wished]}]\n"
    )
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    result = run("--repeat", "1")
    assert result.exit_code == 0, result.output
    assert "wished at here: its server answers with `real-one`, whatever it is asked for" in result.stdout
    assert "real-one at here: its server" not in result.stdout
    found = as_json("--repeat", "1")
    assert {each["model"]: each["served"] for each in found["places"]} == {
        "real-one": None,
        "wished": "real-one",
    }


def test_the_first_lines_of_help_say_what_it_costs():
    result = CliRunner().invoke(cli, ["bench", "--help"])
    assert "The calls are real" in result.output


@pytest.mark.parametrize("option", ["--save", "-o"])
@pytest.mark.parametrize("path", ["no/where", "."])
def test_a_place_that_cannot_be_written_is_told_before_a_call_is_made(folder, option, path):
    result = run("small", "--keep", "kept.jsonl", option, path)
    assert result.exit_code == 2
    assert f"{path} cannot be written" in result.output
    assert not (folder / "kept.jsonl").exists()


def test_figures_that_were_saved_stay_when_nothing_was_measured(folder):
    assert run("small", "--repeat", "1", "--save", "speeds.json").exit_code == 0
    before = (folder / "speeds.json").read_bytes()
    assert run("gone", "--save", "speeds.json").exit_code == 1
    assert (folder / "speeds.json").read_bytes() == before
