"""`router discover`: which server answers, and a file for it that `router check` accepts."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.fake_ollama import fake_ollama
from support.served import NOTHING, PAGE, Said, served

from router.cli.main import cli
from router.compile.compiler import check_file, compile_configuration
from router.compile.explain import explain
from router.config.load import load_file
from router.runtime.discovered import plain
from router.runtime.said import explained_values

RECORDED = json.loads(
    (Path(__file__).parents[1] / "providers" / "recorded" / "llamacpp_models.json").read_text(
        encoding="utf-8"
    )
)
DEAD = "http://127.0.0.1:9"
LLAMA = {"/v1/models": Said(RECORDED["single"]), "/props": Said(RECORDED["props"])}
ANTHROPIC = {
    "data": [{"type": "model", "id": "claude-x", "display_name": "X", "created_at": "2026-01-01T00:00:00Z"}],
    "has_more": False,
}
OPENCODE = {
    "providers": [
        {
            "id": "local",
            "name": "Local",
            "source": "config",
            "env": [],
            "key": "sk-verysecretvalue",
            "options": {"apiKey": "sk-verysecretvalue"},
            "models": {"m1": {"id": "m1", "name": "M1", "limit": {"context": 4096, "output": 1024}}},
        }
    ],
    "default": {"local": "m1"},
}


def run(*words, env=None):
    return CliRunner().invoke(cli, ["discover", *map(str, words)], prog_name="router", env=env)


def written(result, tmp_path):
    """Return the file that was printed, which must be clean."""
    assert result.exit_code == 0, result.output
    file = tmp_path / "router.yaml"
    file.write_text(result.stdout, encoding="utf-8")
    document, found = check_file(file)
    assert [f"{each.code} {each.message}" for each in found if each.severity != "info"] == []
    return document


def endpoint_of(configuration):
    ((name, settings),) = configuration.document.endpoints.items()
    return name, settings.kind, settings.url


def test_ollama_is_found(tmp_path):
    with fake_ollama("llama3.2", "org/qwen3:8b") as server:
        result = run(server.url)
    document = written(result, tmp_path).document
    assert endpoint_of(written(result, tmp_path)) == ("ollama", "ollama", server.url)
    assert {name: each.id for name, each in document.models.items()} == {
        "llama3.2": "llama3.2:latest",
        "qwen3-8b": "org/qwen3:8b",
    }
    assert {path.split()[0] for path in server.paths} == {"GET"}


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_llama_cpp_is_found_with_its_window(tmp_path, ending):
    with served(LLAMA) as server:
        result = run(server.url + ending, "--name", "laptop")
    configuration = written(result, tmp_path)
    assert endpoint_of(configuration) == ("laptop", "openai", f"{server.url}/v1")
    assert "quirks: llamacpp" in result.stdout
    assert [(name, each.context) for name, each in configuration.document.models.items()] == [
        ("smollm2-135m", 4096)
    ]


def test_an_address_without_a_scheme_is_one_of_http(tmp_path):
    with served(LLAMA) as server:
        result = run(server.url.removeprefix("http://"))
    assert endpoint_of(written(result, tmp_path))[2] == f"{server.url}/v1"


def test_a_server_that_lists_models_below_its_own_path_is_found(tmp_path):
    with served({"/llm/models": Said({"data": [{"id": "a", "object": "model"}]})}) as server:
        result = run(f"{server.url}/llm")
    assert endpoint_of(written(result, tmp_path)) == ("local", "openai", f"{server.url}/llm")


def test_an_owner_that_is_no_word_is_nobody(tmp_path):
    with served(
        {"/v1/models": Said({"data": [{"id": "a", "owned_by": ["x"], "status": {"value": []}}]})}
    ) as server:
        result = run(server.url)
    assert endpoint_of(written(result, tmp_path))[0] == "local"


def test_a_server_without_a_model_gets_one_to_be_filled_in(tmp_path):
    with served({"/v1/models": Said({"data": []})}) as server:
        result = run(server.url)
    assert list(written(result, tmp_path).document.models) == ["assistant"]


def test_anthropic_is_found_by_what_it_lists_and_by_how_it_refuses(tmp_path):
    refusal = Said({"type": "error", "error": {"type": "authentication_error", "message": "x-api-key"}}, 401)
    with served({"/v1/models": Said(ANTHROPIC)}) as server:
        result = run(server.url)
    assert endpoint_of(written(result, tmp_path)) == ("anthropic", "anthropic", server.url)
    with served({"/v1/models": refusal}) as server:
        result = run(server.url)
    assert endpoint_of(written(result, tmp_path))[1] == "anthropic"


def test_opencode_is_found_and_its_keys_are_not_shown(tmp_path):
    health = Said({"healthy": True, "version": "1.18.0"})
    with served({"/global/health": health, "/config/providers": Said(OPENCODE)}) as server:
        result = run(server.url)
    assert endpoint_of(written(result, tmp_path)) == ("opencode", "opencode", server.url)
    assert "verysecret" not in result.output


def closed():
    return {"/v1/models": Said({"error": {"message": "no key"}}, 401)}


def test_a_server_that_wants_a_key_gets_a_variable_for_it(tmp_path):
    with served(closed()) as server:
        result = run(server.url, "--name", "my-box")
    written(result, tmp_path)
    assert 'key: "${env:MY_BOX_API_KEY}"' in result.stdout
    assert "--key-env MY_BOX_API_KEY" in result.stderr


def test_a_key_is_asked_with_and_not_shown(tmp_path):
    with served({"/v1/models": Said({"data": [{"id": "a"}]})}) as server:
        result = run(server.url, "--key-env", "BOX_KEY", env={"BOX_KEY": "hunter22hunter22"})
    written(result, tmp_path)
    assert 'key: "${env:BOX_KEY}"' in result.stdout
    assert "hunter22" not in result.output
    assert "Bearer hunter22hunter22" in [fields.get("authorization") for *_, fields in server.asked]


def test_a_key_that_is_refused_or_not_set_ends_it():
    with served(closed()) as server:
        refused = run(server.url, "--key-env", "BOX_KEY", env={"BOX_KEY": "hunter22hunter22"})
        unset = run(server.url, "--key-env", "BOX_KEY", env={"BOX_KEY": None})
    assert (refused.exit_code, unset.exit_code) == (1, 2)
    assert "hunter22" not in refused.output
    assert "BOX_KEY is not set" in unset.stderr


def test_models_are_chosen_and_not_too_many(tmp_path):
    rows = [{"id": f"org/m{number}"} for number in range(30)] + [{"id": "other/m1"}]
    with served({"/v1/models": Said({"data": rows})}) as server:
        everything, chosen = run(server.url), run(server.url, "--only", "*/m1")
    assert len(written(everything, tmp_path).document.models) == 20
    assert "# and 11 more" in everything.stdout
    assert list(written(chosen, tmp_path).document.models) == ["m1", "m1-2"]


def test_a_choice_that_no_model_meets_is_told():
    with served({"/v1/models": Said({"data": [{"id": "m1"}, {"id": "m\x1b2"}]})}) as server:
        result = run(server.url, "--only", "qwen*")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("router: no model matches `qwen*`; the server has m1, m")
    assert "\x1b" not in result.stderr


def test_names_that_yaml_would_read_otherwise_are_quoted(tmp_path):
    rows = [{"id": name} for name in ("no", "1e3", 'a"b\\c', "💥", "/", "x: y")]
    with served({"/v1/models": Said({"data": rows})}) as server:
        result = run(server.url)
    models = written(result, tmp_path).document.models
    assert list(models) == ["no", "1e3", "a-b-c", "model", "model-2", "x-y"]
    assert [each.id or name for name, each in models.items()] == [row["id"] for row in rows]
    assert (plain("no"), plain("qwen3"), plain("a\tb")) == ('"no"', "qwen3", '"a\\U00000009b"')


def test_a_name_that_looks_like_a_variable_is_only_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("NOT_YOURS", "told-to-nobody")
    names = ["${env:NOT_YOURS}", "$${env:NOT_YOURS}", "${file:/etc/hostname}", "${"]
    with served({"/v1/models": Said({"data": [{"id": name} for name in names]})}) as server:
        result = run(server.url)
    document = written(result, tmp_path)
    assert [each.id for each in document.document.models.values()] == names
    program, _ = compile_configuration(load_file(tmp_path / "router.yaml", os.environ))
    assert [each.deployments[0].id for each in program.models.values()] == names


def test_two_models_make_a_file_without_a_warning(tmp_path):
    with served({"/v1/models": Said({"data": [{"id": "a"}, {"id": "b"}]})}) as server:
        file = tmp_path / "router.yaml"
        file.write_text(run(server.url).stdout, encoding="utf-8")
    result = CliRunner().invoke(cli, ["check", "--fail-on", "warning", str(file)])
    assert (result.exit_code, result.output) == (0, "")


def test_calls_choose_among_many_models_and_the_first_stands_in(tmp_path):
    with served({"/v1/models": Said({"data": [{"id": name} for name in ("a", "b", "123")]})}) as server:
        file = tmp_path / "router.yaml"
        file.write_text(run(server.url).stdout, encoding="utf-8")
    for words in (["check", "--fail-on", "warning"], ["fmt", "--check"]):
        result = CliRunner().invoke(cli, [*words, str(file)])
        assert (result.exit_code, result.output) == (0, "")
    program, _ = compile_configuration(load_file(file))
    for said, models in (
        ({}, ["a", "b"]),
        ({"choice": "a"}, ["a", "b"]),
        ({"choice": "b"}, ["b", "a"]),
        ({"choice": "123"}, ["123", "a"]),
    ):
        found = explain(program, explained_values(program, said), {})
        assert [each.model for each in found.candidates] == models


def test_names_that_mean_something_in_a_rule_are_not_those_of_models(tmp_path):
    with served(
        {"/v1/models": Said({"data": [{"id": name} for name in ("any", "not", "others")]})}
    ) as server:
        result = run(server.url)
    models = written(result, tmp_path).document.models
    assert {name: each.id for name, each in models.items()} == {
        "any-model": "any",
        "not-model": "not",
        "others-model": "others",
    }


def test_json_holds_the_file_and_what_was_found():
    with served(LLAMA) as server:
        found = json.loads(run(server.url, "--format", "json").stdout)
    assert found["format_version"] == "1.0"
    assert (found["kind"], found["quirks"], found["locality"]) == ("openai", "llamacpp", "local")
    assert found["models"] == [{"id": "smollm2-135m", "context": 4096, "state": None}]
    assert found["yaml"].startswith("version: 1")


@pytest.mark.parametrize(
    ("answers", "otherwise", "word"),
    [
        ({}, PAGE, "web page"),
        ({}, NOTHING, "not as a server of models"),
        ({}, Said(b"plain words", kind="text/plain"), "not as a server of models"),
        ({}, Said(b"", 302, headers={"Location": "http://example.org/"}), "not as a server of models"),
        (
            {"/v1/models": Said({"error": {"message": "Loading model", "code": 503}}, 503)},
            NOTHING,
            "still loading",
        ),
        ({"/api/version": Said({"version": "1"})}, NOTHING, "not as a server of models"),
        ({"/v1/models": Said(["x"])}, NOTHING, "not as a server of models"),
    ],
)
def test_what_is_no_server_of_models_is_told_without_a_traceback(answers, otherwise, word):
    with served(answers, otherwise) as server:
        result = run(server.url)
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True)
    assert word in result.stderr
    assert result.stdout == ""


def test_a_dead_host_is_told():
    result = run(DEAD)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://user:hunter22@127.0.0.1:8080", "credentials"),
        ("ftp://127.0.0.1", "is no address"),
        ("http://127.0.0.1:8080/?key=1", "is no address"),
        ("http://169.254.169.254/latest", "R611"),
        ("http://metadata.google.internal", "R611"),
        ("", "is no address"),
    ],
)
def test_an_address_that_no_endpoint_may_have_is_not_asked(url, word):
    result = run(url)
    assert result.exit_code == 2
    assert word in result.stderr
    assert "hunter22" not in result.output


def test_a_key_is_not_sent_in_the_clear_to_another_machine():
    result = run("http://example.org/v1", "--key-env", "BOX_KEY", env={"BOX_KEY": "hunter22hunter22"})
    assert result.exit_code == 2
    assert "R602" in result.stderr


def test_a_name_that_is_none_is_refused():
    assert run(DEAD, "--name", "a b").exit_code == 2


def test_a_redirect_is_not_followed():
    with served({}) as other, served({}, Said(b"", 307, headers={"Location": other.url})) as server:
        run(server.url)
    assert other.asked == []


def test_nobody_waits_for_a_server_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        result = run(f"http://127.0.0.1:{mute.getsockname()[1]}", "--timeout", "0.2")
    assert result.exit_code == 1
    assert "did not answer within 0.2 s" in result.stderr


def test_the_page_of_commands_shows_what_is_printed():
    with fake_ollama("llama3.2", "qwen3:8b") as server:
        shown = run(server.url).stdout.replace(server.url, "http://127.0.0.1:11434")
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"```yaml\n{shown}```" in page


def test_a_real_engine_is_found_and_a_call_goes_there(tmp_path, engine):
    server = engine("I am found.")
    file = tmp_path / "router.yaml"
    file.write_text(run(server.url).stdout, encoding="utf-8")
    assert "quirks: llamacpp" in file.read_text(encoding="utf-8")
    healthy = CliRunner().invoke(cli, ["doctor", "-c", str(file)])
    assert healthy.exit_code == 0, healthy.output
    answered = CliRunner().invoke(cli, ["call", "-c", str(file), "-q", "Hello"])
    assert answered.stdout.strip() == "I am found."
