"""A secret that stands where it must not: no command shows it, in no form, whatever else is wrong with the file."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from router.cli.main import cli

PLANTED = "zebra-4711-Crossing"
URL = "http://127.0.0.1:1/v1"
# What an endpoint says. Most of it is wrong, and each in a way of its own.
ENDPOINTS = {
    "a literal": f'key: "{PLANTED}"',
    "one of several": f'keys: ["{PLANTED}", "${{env:BOX}}"]',
    "a header": f'headers: {{X-Api-Key: "{PLANTED}"}}',
    "a header that the router sets": f'headers: {{Authorization: "{PLANTED}"}}',
    "a header with a bad name": f'headers: {{"X Key": "{PLANTED}"}}',
    "a default": f'key: "${{env:BOX:-{PLANTED}}}"',
    "a default in the open": f'proxy: "http://${{env:MY_API_KEY:-{PLANTED}}}"',
    "a reference to itself": f'key: "${{{PLANTED}}}"',
    "a reference that is none": f'key: "${{env:{PLANTED} oops}}"',
    "a file that is none": f'key: "${{{PLANTED}:x}}"',
    "in a list": f'key: ["{PLANTED}"]',
    "as a key of YAML": f"key: {{{PLANTED}}}",
    "in a mapping": f'key: {{value: "{PLANTED}"}}',
    "under another name": f'api_key: "{PLANTED}"',
    "under a strange name": f'password: "{PLANTED}"',
    "with a line end": f'key: "{PLANTED}\\n"',
    "with an anchor": f'key: &k "{PLANTED}"',
    "with a tag": f'key: !secret "{PLANTED}"',
    "twice": f'key: "{PLANTED}", key: "{PLANTED}"',
    "without an end": f'key: "{PLANTED}',
    "with colons": f"key: {PLANTED}: x: y",
    "in an address": f'proxy: "http://me:{PLANTED}@127.0.0.1:3128"',
    "in an address without its beginning": f'proxy: "me:{PLANTED}@127.0.0.1:3128"',
    "in a query": f'proxy: "http://127.0.0.1:3128?key={PLANTED}"',
    "in any query": f'proxy: "http://127.0.0.1:3128?x={PLANTED}"',
}
FILES = {
    name: f'version: 1\nendpoints:\n  a: {{kind: openai, url: "{URL}", {said}}}\n'
    "models: {m: {at: a}}\nrules: [{use: m}]\n"
    for name, said in ENDPOINTS.items()
} | {
    "allowed": f"version: 1\nallow_literal_secrets: true\nendpoints:\n  a: {{kind: openai, url: '{URL}', key: {PLANTED}}}\n"
    "models: {m: {at: a}}\nrules: [{use: m}]\n",
    "over lines": f"version: 1\nendpoints:\n  a:\n    kind: openai\n    url: {URL}\n    key: >-\n      {PLANTED}\n      {PLANTED}\n"
    "models: {m: {at: a}}\nrules: [{use: m}]\n",
    "a mapping over lines": f"version: 1\nendpoints:\n  a:\n    kind: openai\n    url: {URL}\n    key:\n      {PLANTED}:\n        - {PLANTED}\n"
    "models: {m: {at: a}}\nrules: [{use: m}]\n",
    "of LiteLLM": "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/x\n"
    f"      api_key: {PLANTED}\n      api_base: http://me:{PLANTED}@h/v1\n      headers: {{X-Key: {PLANTED}}}\n"
    f'general_settings: {{master_key: {PLANTED}, database_url: "postgres://me:{PLANTED}@h/d"}}\n',
}
COMMANDS = (
    *(
        ["check", "FILE", "--verbose", "--format", form]
        for form in ("human", "concise", "json", "sarif", "junit")
    ),
    ["check", "FILE", "--format", "github"],
    ["check", "over.yaml"],
    *(["render", *words, "FILE"] for words in ([], ["--origin"], ["--format", "json"])),
    ["render", "over.yaml"],
    *([name, "FILE"] for name in ("matrix", "prove", "test")),
    *(["explain", "-c", "FILE", "--format", form] for form in ("human", "json")),
    *(["diff", *both, "--format", "json"] for both in (["good.yaml", "FILE"], ["FILE", "good.yaml"])),
    *([name, "-c", "FILE", "--offline"] for name in ("models", "doctor")),
    *(["call", "hello", "-c", "FILE", "--offline", "--format", form] for form in ("human", "json")),
    *(["convert", "--from", "litellm", "FILE", "--format", form] for form in ("human", "json")),
)
GOOD = f'version: 1\nendpoints: {{a: {{kind: openai, url: "{URL}"}}}}\nmodels: {{m: {{at: a}}}}\nrules: [{{use: m}}]\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "over.yaml").write_text("version: 1\nextends: bad.yaml\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_a_secret_in_a_file_is_shown_by_no_command(folder, name):
    (folder / "bad.yaml").write_text(FILES[name], encoding="utf-8")
    env = {"BOX": PLANTED, "MY_API_KEY": PLANTED}
    for words in COMMANDS:
        given = ["bad.yaml" if word == "FILE" else word for word in words]
        result = CliRunner().invoke(cli, given, prog_name="router", env=env)
        assert isinstance(result.exception, SystemExit | None), (given, result.exception)
        assert PLANTED not in result.output, given
        assert "zebra" not in result.output, given


def test_a_variable_that_lacks_its_word_is_named(folder):
    (folder / "bad.yaml").write_text(GOOD.replace('v1"', 'v1", key: "${API_KEY}"'), encoding="utf-8")
    result = CliRunner().invoke(cli, ["check", "bad.yaml"], prog_name="router")
    assert "`${API_KEY}` cannot be used here" in result.output


def test_a_socket_of_the_kernel_is_no_address_with_credentials(folder):
    (folder / "bad.yaml").write_text(GOOD.replace(URL, "unix:@llama"), encoding="utf-8")
    assert CliRunner().invoke(cli, ["check", "bad.yaml"], prog_name="router").exit_code == 0
