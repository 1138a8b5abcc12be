"""Model files and certificates that cannot be used are told when a configuration is loaded, where they are named."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from router import ConfigError, load_router
from router.testing.scripted import ScriptedProvider

GGUF = """\
version: 1
endpoints:
  here: {{kind: gguf, path: "{path}"}}
models: {{tiny: {{at: here, id: "{model}"}}}}
rules: [{{use: tiny}}]
"""
HTTPS = """\
version: 1
endpoints:
  away: {kind: openai, url: "https://example.com/v1", ca: ca.pem}
models: {big: {at: away}}
rules: [{use: big}]
"""


def refused(folder: Path, text: str):
    file = folder / "router.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_router(file, env={})
    (found,) = caught.value.findings
    assert (found.code, found.severity, found.span.line) == ("R306", "error", 3)
    assert f"{file}:3:" in str(caught.value)
    return found


@pytest.mark.parametrize("content", [b"too short!", b"", b"GGU", b"\x7fELF" * 100])
def test_a_file_without_the_mark_of_a_model_is_refused(tmp_path, content):
    (tmp_path / "m.gguf").write_bytes(content)
    found = refused(tmp_path, GGUF.format(path="m.gguf", model="m"))
    assert "m.gguf is not a GGUF file" in found.message
    assert (found.span.column, found.path) == (28, "endpoints.here.path")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/dev/zero", "is no regular file"),
        ("../x.gguf", "does not exist"),
        ("pipe.gguf", "is no regular file"),
        ("package:no_such_package", "is not installed"),
        ("x" * 300, "cannot be read: file name too long"),
        ("empty", "has no tiny.gguf; it has no .gguf file"),
    ],
)
def test_what_is_no_model_file_is_refused_and_not_read(tmp_path, path, why):
    os.mkfifo(tmp_path / "pipe.gguf")
    (tmp_path / "empty").mkdir()
    assert why in refused(tmp_path, GGUF.format(path=path, model="tiny")).message


def test_a_model_that_its_folder_does_not_have_is_refused(tmp_path):
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    assert (
        "has no m.gguf; it has other.gguf" in refused(tmp_path, GGUF.format(path=".", model="m.gguf")).message
    )


def test_a_model_file_that_is_there_loads(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    file = tmp_path / "router.yaml"
    file.write_text(GGUF.format(path="m.gguf", model="m"), encoding="utf-8")
    assert load_router(file, env={}).explain().model == "tiny"


def test_the_files_of_an_endpoint_that_a_double_speaks_for_are_not_looked_at(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(GGUF.format(path="none.gguf", model="m"), encoding="utf-8")
    assert load_router(file, env={}, providers={"here": ScriptedProvider()}).explain().model == "tiny"


def test_certificates_that_are_not_there_are_refused(tmp_path):
    found = refused(tmp_path, HTTPS)
    assert found.message.endswith("ca.pem cannot be read: no such file or directory")
    assert (found.span.column, found.path) == (59, "endpoints.away.ca")


def test_certificates_that_are_none_are_refused(tmp_path):
    (tmp_path / "ca.pem").write_text("hello", encoding="utf-8")
    assert refused(tmp_path, HTTPS).message.endswith("ca.pem holds no certificates in PEM form")


def test_certificates_that_are_a_folder_are_refused(tmp_path):
    (tmp_path / "ca.pem").mkdir()
    assert refused(tmp_path, HTTPS).message.endswith("cannot be read: is a directory")


def test_certificates_that_are_there_load(tmp_path):
    known = ssl.get_default_verify_paths().cafile or ""
    if not Path(known).is_file():
        pytest.skip("the system has no file of certificates")
    (tmp_path / "ca.pem").write_bytes(Path(known).read_bytes())
    file = tmp_path / "router.yaml"
    file.write_text(HTTPS, encoding="utf-8")
    assert load_router(file, env={}).explain().model == "big"


def test_a_client_certificate_that_is_not_there_is_refused(tmp_path):
    found = refused(tmp_path, HTTPS.replace("ca: ca.pem", "cert: {file: me.pem, keyfile: me.key}"))
    assert found.message.endswith("me.pem cannot be read: no such file or directory")
    assert (found.span.column, found.path) == (61, "endpoints.away.cert")
    assert found.help.startswith("name a certificate and its private key")


def test_a_client_certificate_that_is_none_is_refused(tmp_path):
    (tmp_path / "me.pem").write_text("hello", encoding="utf-8")
    found = refused(tmp_path, HTTPS.replace("ca: ca.pem", "cert: me.pem"))
    assert found.message.endswith("me.pem holds no certificate with its private key in PEM form")
