"""The certificate that an endpoint is shown: its forms, its secrets, and where it has no effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.compile.compiler import compile_configuration
from router.compile.diff import diff
from router.config.load import load_source
from router.config.written import Written
from router.core.certificate import ClientCertificate
from router.core.secret import Secret
from router.diagnostics.source import Source
from router.diagnostics.text import human

HTTPS = 'kind: openai, url: "https://llm.example.com/v1"'


def loaded(endpoint, env=None):
    text = f"""\
version: 1
endpoints: {{here: {{{endpoint}}}}}
models: {{assistant: {{at: here}}}}
rules: [{{use: assistant}}]
"""
    return load_source(Source("x.yaml", text), Path("/n"), env)


def errors(endpoint, env=None):
    return [each for each in run_all(loaded(endpoint, env)) if each.severity in ("error", "warning")]


def compiled(endpoint, env):
    return compile_configuration(loaded(endpoint, env))[0].endpoints["here"].settings["cert"]


@pytest.mark.parametrize(
    ("cert", "comes_to"),
    [
        ("certs/me.pem", ClientCertificate("/n/certs/me.pem")),
        ("{file: /c/me.pem}", ClientCertificate("/c/me.pem")),
        ("'${env:CERT}'", ClientCertificate("/n/from.env")),
        ("{file: me.pem, keyfile: me.key}", ClientCertificate("/n/me.pem", "/n/me.key")),
        (
            '{file: me.pem, keyfile: me.key, password: "${env:WORD}"}',
            ClientCertificate("/n/me.pem", "/n/me.key", Secret("über äll\t")),
        ),
    ],
)
def test_a_file_or_a_mapping_names_it(cert, comes_to):
    env = {"WORD": "über äll\t", "CERT": "from.env"}
    assert compiled(f"{HTTPS}, cert: {cert}", env) == comes_to


@pytest.mark.parametrize(
    "cert",
    ["'${env:CERT}'", "{file: me.pem, keyfile: me.key, password: '${env:WORD}'}", "'${env:C:-me.pem}'"],
)
def test_a_run_without_variables_finds_nothing_wrong(cert):
    assert errors(f"{HTTPS}, cert: {cert}") == []
    compile_configuration(loaded(f"{HTTPS}, cert: {cert}"))


@pytest.mark.parametrize(
    "endpoint",
    [
        'kind: openai, url: "http://127.0.0.1:8080/v1"',
        'kind: openai, url: "http://127.0.0.1:8080/v1", proxy: "https://127.0.0.1:3128"',
        'kind: ollama, url: "http://127.0.0.1:11434"',
        'kind: opencode, url: "http://127.0.0.1:4096"',
        'kind: anthropic, url: "unix:/run/claude.sock"',
        "kind: gguf, path: ./m.gguf",
        "kind: mock",
    ],
)
def test_where_there_is_no_tls_it_is_refused(endpoint):
    (found,) = errors(f"{endpoint}, cert: me.pem")
    assert (found.code, found.message) == ("R210", "`cert` in endpoint `here` has no effect")


@pytest.mark.parametrize(
    "endpoint",
    [
        HTTPS,
        "kind: anthropic",
        'kind: ollama, url: "https://127.0.0.1:11434"',
        'kind: opencode, url: "https://127.0.0.1:4096"',
        'kind: openai, url: "${env:URL}", locality: local',
        f"{HTTPS}, verify: false, locality: local, proxy: 'http://127.0.0.1:3128'",
    ],
)
def test_where_there_may_be_tls_it_is_not(endpoint):
    assert "R210" not in [each.code for each in errors(f"{endpoint}, cert: me.pem")]


@pytest.mark.parametrize(
    ("cert", "code"),
    [
        ("[me.pem]", "R203"),
        ("4", "R203"),
        ('""', "R204"),
        ('"a\\tb"', "R204"),
        ("{keyfile: me.key}", "R202"),
        ("{file: me.pem, key: me.key}", "R201"),
        ("{file: me.pem, password: okapi}", "R601"),
        ("{file: me.pem, password: 4711}", "R203"),
        ('{file: me.pem, password: "${env:WORD:-okapi}"}', "R601"),
        ('{file: me.pem, password: "${file:/etc/okapi}"}', "R612"),
        ("'${env:CERT_PASSWORD}'", "R610"),
    ],
)
def test_what_is_wrong_with_it_is_told_once_and_shows_no_password(cert, code):
    configuration = loaded(f"{HTTPS}, cert: {cert}")
    found = [each for each in run_all(configuration) if each.severity == "error"]
    assert [each.code for each in found] == [code]
    shown = human(found, configuration.sources).replace("/etc/okapi", "")
    assert "okapi" not in shown
    assert "4711" not in shown


def test_a_variable_that_is_not_set_is_told():
    found = errors(f'{HTTPS}, cert: {{file: me.pem, password: "${{env:WORD}}"}}', {})
    assert [each.code for each in found] == ["R305"]


def lines(before, after):
    """Return what `router diff` says of the endpoint, each in a folder of its own."""
    found = [
        load_source(Source("x.yaml", loaded(f"{HTTPS}, {cert}").source.text), folder)
        for folder, cert in (before, after)
    ]
    return diff(*(compile_configuration(each)[0] for each in found)).endpoints


def test_another_certificate_is_a_difference_wherever_the_two_files_stand():
    here, there = Path("/a"), Path("/a/b/..")
    assert lines((here, "cert: me.pem"), (here, "cert: you.pem")) == ("endpoint `here` changed: cert",)
    assert lines((here, "cert: {file: me.pem}"), (here, "cert: {file: me.pem, keyfile: k}")) != ()
    assert (
        lines((here, "cert: {file: me.pem, keyfile: k}"), (there, "cert: {file: me.pem, keyfile: k}")) == ()
    )


def test_a_merged_file_says_the_same_of_it_and_shows_no_password():
    cert = '{file: me.pem, keyfile: "certs/me.key", password: "${env:WORD}"}'
    configuration = loaded(f"{HTTPS}, cert: {cert}")
    shown = "\n".join(each.text for each in Written(configuration.root, ()).lines())
    assert cert in shown
    literal = loaded(f"{HTTPS}, cert: {{file: me.pem, password: okapi}}")
    assert "okapi" not in "\n".join(
        each.text for each in Written(literal.root, set(literal.source.secrets)).lines()
    )


@pytest.mark.parametrize("said", ["ca: ours.pem", "verify: false"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1", "unix:/run/llm.sock"])
def test_what_checks_a_server_has_no_effect_where_it_shows_nothing(said, url):
    (found,) = [each for each in errors(f'kind: openai, url: "{url}", {said}') if each.code == "R210"]
    assert found.message == f"`{said.partition(':')[0]}` in endpoint `here` has no effect"


def test_what_checks_a_server_checks_its_proxy_too():
    behind = (
        'kind: openai, url: "http://llm.example.com/v1", proxy: "https://proxy.example.com", ca: ours.pem'
    )
    assert "R210" not in [each.code for each in errors(behind)]
