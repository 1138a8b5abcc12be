"""Endpoints that repeat the key, write to the terminal or never end: what each command shows of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from support.served import Said, served

from router import SyncRouter
from router.cli.main import cli
from router.core.form import json_text, tame

KEY, FIELD = "zebra-4711", "zebra-4711-field"
EVIL = "\x1b]0;owned\x07\x1b[31m\x9b31m\u202e\u2066\x00\x08\rFAKE\ud800\x7f"
# What a terminal obeys, or shows in another order.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
KINDS = ("openai", "anthropic", "ollama", "opencode")


def echo(asked):
    """Return what the server was sent with its last question, and what no terminal should be sent."""
    fields = asked[-1][2]
    return f"{EVIL} {fields.get('authorization')} {fields.get('x-api-key')} {fields.get('x-token')}"


def well(server):
    """Return answers of servers of each kind, in which every text is a bad one."""
    asked = server.asked
    message = {"role": "assistant", "content": f"hi {EVIL}"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 1, "output_tokens": 1}

    def models():
        row = {"id": f"m {echo(asked)}", "object": "model", "owned_by": echo(asked)}
        return Said({"object": "list", "data": [row, {"id": "m", "object": "model"}]})

    def tags():
        return Said(
            {"models": [{"name": name, "model": name, "size": 5} for name in (f"m{echo(asked)}", "m")]}
        )

    def providers():
        name = echo(asked)
        return Said(
            {"providers": [{"id": name, "name": name, "models": {name: {"id": name}}}], "default": {}}
        )

    def chat():
        bad = echo(asked)
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Said({"id": bad, "model": bad, "choices": [choice], "usage": usage})

    def anthropic():
        bad, content = echo(asked), [{"type": "text", "text": f"hi {EVIL}"}]
        answer = {"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
        return Said({"id": bad, "model": bad, "usage": usage, **answer})

    def ollama():
        return Said({"model": echo(asked), "message": message, "done": True, "done_reason": "stop"})

    return {
        "/v1/models": models,
        "/v1/chat/completions": chat,
        "/v1/messages": anthropic,
        "/api/version": lambda: Said({"version": f"0.11{echo(asked)}"}),
        "/api/tags": tags,
        "/api/ps": lambda: Said({"models": []}),
        "/api/chat": ollama,
        "/config/providers": providers,
        "/props": lambda: Said({"n_ctx": 4096, "total_slots": 1, "model_path": echo(asked)}),
    }


def failing(status):
    def answers(server):
        def said():
            bad = echo(server.asked)
            fields = {"location": "http://127.0.0.1:9/"} if status < 400 else {}
            return Said({"error": {"message": bad, "type": bad, "code": bad}}, status, headers=fields)

        server.otherwise = said
        return {}

    return answers


def web_page(server):
    server.otherwise = lambda: Said(f"<p>{echo(server.asked)}".encode("utf-8", "replace"), kind="text/html")
    return {}


SERVERS = {"well": well, "401": failing(401), "500": failing(500), "302": failing(302), "page": web_page}
COMMANDS = {
    "doctor": ["doctor"],
    "models": ["models"],
    "call": ["call", "hello"],
    "bench": ["bench", "m", "--repeat", "1", "--no-warm-up", "--keep", "kept.jsonl"],
    "batch": ["batch", "calls.jsonl", "--out", "out.jsonl"],
    "costs": ["costs"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token.txt").write_text(FIELD, encoding="utf-8")
    (tmp_path / "token.txt").chmod(0o600)
    (tmp_path / "calls.jsonl").write_text('{"prompt": "hi"}\n', encoding="utf-8")
    return tmp_path


def write(folder, kind, url):
    base = f"{url}/v1" if kind == "openai" else url
    lines = [
        "version: 1",
        f'endpoints: {{box: {{kind: {kind}, url: "{base}", key: "${{env:BOX}}", headers: {{X-Token: "${{file:token.txt}}"}}}}}}',
        "models: {m: {at: box, price: {input: $1, output: $1}}}",
        "rules: [{use: m}]",
        "retry: {attempts: 1}",
        "costs: {ledger: costs.sqlite}",
        "log: {calls: log.jsonl, content: full}",
    ]
    (folder / "router.yaml").write_text("\n".join(lines), encoding="utf-8")


def run(*words):
    return CliRunner().invoke(cli, words, prog_name="router", env={"BOX": KEY})


def assert_harmless(result, *, answer=False):
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (0, 1, 2)
    assert KEY not in result.output
    if not answer:
        assert OBEYED.search(result.output) is None


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_command_shows_a_key_that_an_endpoint_repeats_or_what_a_terminal_obeys(folder, kind, server):
    with served({}) as standing:
        standing.answers.update(SERVERS[server](standing))
        write(folder, kind, standing.url)
        for name, words in COMMANDS.items():
            for form in ("human", "json"):
                # An answer goes into a pipe as it came.
                assert_harmless(run(*words, "--format", form), answer=(name, form) == ("call", "human"))
        for words in (["call", "hello", "--stream", "--format", "json"], ["load", "m"], ["unload", "m"]):
            assert_harmless(run(*words))
        assert any(KEY in value for _, _, fields in standing.asked for value in fields.values())
    for path in folder.iterdir():
        if path.name != "token.txt":
            assert KEY.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("form", ["human", "json"])
def test_discover_shows_neither_a_key_nor_what_a_terminal_obeys(folder, form, server):
    with served({}) as standing:
        standing.answers.update(SERVERS[server](standing))
        for path in ("", "/v1"):
            assert_harmless(run("discover", standing.url + path, "--key-env", "BOX", "--format", form))
    assert folder.exists()


def test_a_terminal_is_not_sent_what_it_would_obey_in_an_answer(folder):
    pty = pytest.importorskip("pty")
    with served({}) as standing:
        standing.answers.update(well(standing))
        write(folder, "openai", standing.url)
        parent, child = pty.openpty()
        command = [sys.executable, "-m", "router", "call", "-q", "hello"]
        subprocess.run(command, stdout=child, check=True, env={**os.environ, "BOX": KEY})
        shown = os.read(parent, 100_000).decode()
        os.close(parent)
        os.close(child)
    assert OBEYED.search(shown.replace("\r\n", "")) is None
    assert shown.startswith(r"hi \x1b]0;owned\x07\x1b[31m\x9b31m")


def test_what_goes_into_json_is_what_comes_out_of_it():
    value = {"a": EVIL, "é": ["\u2028", 1.5, None]}
    assert json.loads(json_text(value)) == value
    assert OBEYED.search(json_text(value)) is None
    assert json_text({"a": "é"}, 1) == '{\n "a": "é"\n}'


def test_lines_and_tabs_of_an_answer_stay_and_the_rest_of_its_controls_is_shown():
    assert tame("a\r\n\tb\nc é אב") == "a\n\tb\nc é אב"
    assert tame("\x1b[2J\r\x9b\ud800\u202e") == r"\x1b[2J\r\x9b\ud800\u202e"


SELF = """\
version: 1
endpoints: {here: {kind: mock}}
models: {m: {at: here, price: {input: $1, output: $1}}}
rules: [{name: r, use: m}]
costs: {ledger: costs.sqlite}
log: {calls: log.jsonl}
"""


@pytest.mark.parametrize("form", ["human", "markdown", "csv", "json", "html"])
def test_costs_by_user_send_a_terminal_nothing_that_a_user_called_itself(folder, form):
    (folder / "router.yaml").write_text(SELF, encoding="utf-8")
    with SyncRouter("router.yaml") as router:
        router.complete("hello", user=EVIL.replace("\ud800", "\r\n"), tags={EVIL: EVIL})
    result = run("costs", "--by", "user", "--format", form)
    assert_harmless(result)
    assert "owned" in result.output


@pytest.mark.parametrize("form", ["human", "json", "html"])
def test_a_log_of_others_sends_a_terminal_nothing_that_stands_in_it(folder, form):
    (folder / "router.yaml").write_text(SELF, encoding="utf-8")
    with SyncRouter("router.yaml") as router:
        router.complete("hello", user="a")
    line = json.loads((folder / "log.jsonl").read_text(encoding="utf-8"))
    bad = [{**line, name: f"{value}{EVIL}"} for name, value in line.items()]
    bad += [{**line, "call": {**line.get("call", {}), "task": EVIL}}, {EVIL: EVIL}]
    (folder / "bad.jsonl").write_text("\n".join(map(json.dumps, [line, *bad])), encoding="utf-8")
    result = run("simulate", "--log", "bad.jsonl", "--format", form)
    assert_harmless(result)
    assert "calls" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["explain", f"{EVIL}=1"],
        ["explain", f"task={EVIL}"],
        ["call", "hello", "--set", f"{EVIL}=1"],
        ["call", "hello", "--model", EVIL],
        ["costs", "--by", EVIL],
        ["load", EVIL],
        ["matrix", "--rows", EVIL],
    ],
)
def test_what_a_command_was_given_is_shown_without_its_controls(folder, words):
    (folder / "router.yaml").write_text(SELF, encoding="utf-8")
    result = run(*words)
    assert_harmless(result)
    assert result.exit_code == 2


def test_a_list_of_models_is_looked_at_as_far_as_it_is_a_list_of_names(folder):
    rows = [
        {"id": "x" * 400, "object": "model"},
        *({"id": f"m{n}", "object": "model"} for n in range(11_000)),
    ]
    with served({"/v1/models": Said({"object": "list", "data": rows})}) as standing:
        found = json.loads(run("discover", f"{standing.url}/v1", "--format", "json").stdout)
    assert [len(found["models"]), found["models"][0]["id"], found["models"][-1]["id"]] == [
        10_000,
        "m0",
        "m9999",
    ]
    assert folder.exists()
