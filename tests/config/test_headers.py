"""Header fields: what is a credential is a reference, the rest may be written out."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source


def codes(headers: str) -> list[str]:
    text = f"""\
version: 1
endpoints: {{here: {{kind: openai, url: "http://127.0.0.1:8080/v1", headers: {headers}}}}}
models: {{assistant: {{at: here}}}}
rules: [{{use: assistant}}]
"""
    return [each.code for each in run_all(load_source(Source("x.yaml", text), Path("/n")))]


@pytest.mark.parametrize(
    "headers",
    ["{X-Title: my app}", "{HTTP-Referer: 'https://x.invalid'}", '{X-Team: "${env:TEAM:-research}"}'],
)
def test_what_is_no_credential_may_be_written_out(headers):
    assert codes(headers) == []


@pytest.mark.parametrize(
    "headers",
    [
        "{X-Api-Key: abc}",
        "{X-Auth: abc}",
        "{Cookie: a=b}",
        "{X-Title: sk-0123456789abcdef}",
        '{X-Token: "${env:T:-abc}"}',
    ],
)
def test_a_credential_must_be_a_reference(headers):
    assert codes(headers) == ["R601"]


@pytest.mark.parametrize(
    "headers",
    ["{Host: x}", "{Authorization: abc}", "{Accept: text/html}", "{accept-encoding: gzip}", "{'a b': c}"],
)
def test_a_name_that_must_not_be_sent_is_one_finding(headers):
    assert codes(headers) == ["R213"]


def test_a_socket_has_no_proxy():
    text = """\
version: 1
endpoints: {here: {kind: openai, url: "unix:/run/x.sock", proxy: "http://127.0.0.1:3128"}}
models: {assistant: {at: here, options: {extra: {temperature: 1}}}}
rules: [{use: assistant}]
"""
    found = run_all(load_source(Source("x.yaml", text), Path("/n")))
    assert [(each.code, each.span.line) for each in found] == [("R210", 2), ("R212", 3)]
