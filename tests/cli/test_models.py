"""`router models`, `router load` and `router unload`: where the models are, and how they come and go."""

from __future__ import annotations

import json
import socket

import pytest
from click.testing import CliRunner
from support.fake_ollama import fake_ollama
from support.served import NOTHING, PAGE, Said, served

from router.cli import moving
from router.cli.main import cli
from router.cli.tables import size_words, table

DEAD = "http://127.0.0.1:9"
FILE = """\
version: 1
endpoints:
  box: {kind: ollama, url: "%s"}
  far: {kind: openai, url: "https://api.invalid/v1", key: "${env:FAR_KEY}"}
  here: {kind: mock}
models:
  small: {at: box, id: llama3.2, context: 8192}
  other: {at: box, id: nope}
  both: {at: [far, here], price: {input: $1, output: $2.50}}
rules:
  - {use: [small, other, both]}
retry: {attempts: 4}
deadline: 300s
"""


def run(*words, env=None):
    return CliRunner().invoke(
        cli, [*map(str, words)], prog_name="router", env={"FAR_KEY": None, **(env or {})}
    )


@pytest.fixture
def box():
    with fake_ollama("llama3.2") as server:
        yield server


@pytest.fixture
def file(tmp_path, box):
    path = tmp_path / "router.yaml"
    path.write_text(FILE % box.url, encoding="utf-8")
    return path


def models(file, *words, **more):
    result = run("models", "-c", file, "--format", "json", *words, **more)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["format_version"] == "1.0"
    return {(each["model"], each["endpoint"]): each for each in found["models"]}


def test_a_model_is_shown_as_its_endpoint_has_it(file):
    found = models(file)
    small = found["small", "box"]
    assert (small["health"], small["state"], small["id"], small["size"]) == (
        "up",
        "unloaded",
        "llama3.2",
        2**31,
    )
    assert small["context"] == {"declared": 8192, "served": None}
    assert found["other", "box"]["state"] == "missing"
    assert found["both", "here"]["health"] == "up"


def test_what_is_loaded_is_shown_with_its_memory(file):
    assert run("load", "small", "-c", file).exit_code == 0
    small = models(file)["small", "box"]
    assert (small["state"], small["memory"]["used"]) == ("loaded", 2**31 + 16 * 2**20)
    lines = run("models", "-c", file).stdout.splitlines()
    assert lines[0].split() == [
        "MODEL",
        "ENDPOINT",
        "ID",
        "HEALTH",
        "STATE",
        "CONTEXT",
        "MEMORY",
        "PRICE",
        "PER",
        "M",
    ]
    assert "llama3.2  up      loaded   8,192    2.0 GiB" in lines[1]


def test_an_endpoint_whose_variable_is_not_set_is_not_asked(file):
    far = models(file)["both", "far"]
    assert (far["health"], far["state"], far["why"]) == (
        "unasked",
        "unknown",
        "not asked: `FAR_KEY` is not set",
    )
    assert "far is not asked: `FAR_KEY` is not set" in run("models", "-c", file).stderr


def test_prices_are_shown_for_a_million_tokens(file):
    assert models(file)["both", "far"]["price"] == {"input": "1", "output": "2.50", "per_hour": None}
    assert "$1 in, $2.50 out" in run("models", "-c", file).stdout


def test_offline_asks_nobody(file, box):
    found = models(file, "--offline")
    assert {each["health"] for each in found.values()} == {"unasked"}
    result = run("models", "-c", file, "--offline")
    assert box.paths == []
    assert (result.stderr, "HEALTH" in result.stdout) == ("", False)


def test_the_variable_for_offline_keeps_remote_endpoints_from_being_asked(file):
    found = models(file, env={"ROUTER_OFFLINE": "1", "FAR_KEY": "k"})
    assert "offline" in found["both", "far"]["why"]
    assert found["small", "box"]["health"] == "up"


def one(tmp_path, url, kind="openai"):
    path = tmp_path / "one.yaml"
    path.write_text(
        f'version: 1\nendpoints: {{box: {{kind: {kind}, url: "{url}"}}}}\n'
        "models: {m: {at: box, context: 4096}}\nrules: [{use: m}]\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("kind", ["openai", "ollama", "anthropic", "opencode"])
@pytest.mark.parametrize(
    "said", [PAGE, NOTHING, Said(b"\xff\xfe"), Said([]), Said({"data": 3}), Said(b"", 500)]
)
def test_a_wrong_server_is_no_traceback(tmp_path, kind, said):
    with served({}, said) as server:
        path = one(tmp_path, server.url, kind)
        listed, doctor = run("models", "-c", path), run("doctor", "-c", path)
    assert (listed.exit_code, listed.exception) == (0, None)
    assert doctor.exit_code == 1
    assert isinstance(doctor.exception, SystemExit)


@pytest.mark.parametrize("kind", ["openai", "ollama", "anthropic", "opencode"])
def test_a_dead_host_is_down(tmp_path, kind):
    path = one(tmp_path, DEAD, kind)
    result = run("models", "-c", path)
    assert result.exit_code == 0
    assert "down" in result.stdout
    assert "cannot be reached" in result.stderr


def test_nobody_waits_for_a_server_that_says_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        path = one(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}/v1")
        result = run("models", "-c", path, "--timeout", "0.2")
    assert "did not answer within 0.2 s" in result.stderr


def test_a_server_that_loads_its_model_is_loading(tmp_path):
    loading = Said({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503)
    with served({}, loading) as server:
        found = models(one(tmp_path, f"{server.url}/v1"))
    assert (found["m", "box"]["health"], found["m", "box"]["state"]) == ("loading", "loading")


def test_a_refused_key_is_no_dead_server(tmp_path):
    with served({}, Said({"error": {"message": "no"}}, 401)) as server:
        found = models(one(tmp_path, f"{server.url}/v1"))
    assert (found["m", "box"]["health"], found["m", "box"]["state"]) == ("up", "unknown")


def test_a_llama_server_with_one_file_answers_any_name(tmp_path):
    rows = {"data": [{"id": "real.gguf", "owned_by": "llamacpp", "meta": {"n_ctx": 2048}}]}
    with served({"/v1/models": Said(rows), "/props": Said({"total_slots": 4})}) as server:
        path = one(tmp_path, f"{server.url}/v1")
        found, shown = models(path), run("models", "-c", path).stdout
    assert (found["m", "box"]["state"], found["m", "box"]["context"]["served"]) == ("loaded", 2048)
    assert "4,096 (2,048)" in shown


def test_a_file_with_errors_is_refused_as_elsewhere(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text("version: 1\nmodels: {m: {at: nowhere}}\n", encoding="utf-8")
    for command in (["models"], ["doctor"], ["load", "m"], ["unload", "m"]):
        assert run(*command, "-c", path).exit_code == 1
        assert run(*command, "-c", tmp_path / "none.yaml").exit_code == 2


def test_a_model_is_loaded_and_unloaded_by_its_name_in_the_file(file, box):
    result = run("load", "small", "-c", file)
    assert result.exit_code == 0
    assert result.stdout.startswith("small at box: loaded after ")
    assert (list(box.memory), box.memory["llama3.2:latest"].context) == (["llama3.2:latest"], 8192)
    assert box.memory["llama3.2:latest"].keep == -1
    assert run("unload", "small", "-c", file).exit_code == 0
    assert box.memory == {}


def test_a_model_that_cannot_be_loaded_ends_with_1_and_says_why(file):
    result = run("load", "other", "-c", file)
    assert result.exit_code == 1
    assert "other at box: " in result.stderr
    assert "model 'nope' not found" in result.stderr


def test_a_place_that_cannot_load_says_so(file):
    result = run("load", "both", "-c", file, "--format", "json")
    places = {each["endpoint"]: each for each in json.loads(result.stdout)["places"]}
    assert result.exit_code == 1
    assert "FAR_KEY" in places["far"]["why"]
    assert "inside the process" in places["here"]["why"]


@pytest.mark.parametrize("words", [["nothing"], ["small", "--at", "here"]])
def test_a_name_that_the_file_does_not_have_is_bad_usage(file, words):
    assert run("load", *words, "-c", file).exit_code == 2


def test_a_place_may_be_named(file):
    assert run("load", "small", "--at", "box", "-c", file).exit_code == 0


def test_a_server_that_loads_nothing_says_so(tmp_path):
    with served({"/v1/models": Said({"data": [{"id": "m"}]})}) as server:
        result = run("load", "m", "-c", one(tmp_path, f"{server.url}/v1"))
    assert result.exit_code == 1
    assert "loads and unloads nothing when told to" in result.stderr


@pytest.mark.parametrize("kind", ["anthropic", "opencode"])
def test_a_kind_that_loads_nothing_says_so(tmp_path, kind):
    assert "load nothing when told to" in run("load", "m", "-c", one(tmp_path, DEAD, kind)).stderr


def test_a_load_that_takes_too_long_is_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        path = one(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}", "ollama")
        result = run("load", "m", "-c", path, "--timeout", "0.2")
    assert (result.exit_code, "it was not done within 0.2 s" in result.stderr) == (1, True)


def test_on_a_terminal_the_wait_is_told(tmp_path, monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(moving, "TICK", 0.05)
    monkeypatch.setattr(moving, "sys", type("Sys", (), {"stderr": Terminal()}))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        path = one(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}", "ollama")
        result = run("load", "m", "-c", path, "--timeout", "0.2")
    assert "loading m at box ... 0 s" in result.stderr


def test_sizes_are_for_people():
    assert [size_words(each) for each in (None, 5, 1536, 3 * 2**20, 5 * 2**30)] == [
        "",
        "5 B",
        "1.5 KiB",
        "3 MiB",
        "5.0 GiB",
    ]


def test_columns_that_say_nothing_are_left_out():
    assert table(("A", "B", "C"), [("1", "", "\x1b"), ("22", "", "")]) == "A   C\n1   \\x1b\n22  -"
