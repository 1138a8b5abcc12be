"""Models of Ollama's cloud: told where they are taken for local ones, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

LOCAL = 'ollama, url: "http://127.0.0.1:11434"'


def codes(endpoint, model, *, also=""):
    text = f"version: 1\nendpoints: {{box: {{kind: {endpoint}}}{also}}}\nmodels: {{m: {model}}}\nrules: [{{use: m}}]\n"
    found = run_all(load_source(Source("router.yaml", text), Path()))
    return {each.code for each in found if each.severity != "info"}


@pytest.mark.parametrize(
    "model",
    [
        '{at: box, id: "gpt-oss:120b-cloud"}',
        '{at: {box: {id: "kimi-k2:cloud"}}}',
        '{at: [box], id: "a:20b:cloud"}',
    ],
)
def test_a_cloud_model_at_a_local_endpoint_is_an_error(model):
    assert codes(LOCAL, model) == {"R613"}


@pytest.mark.parametrize(
    ("endpoint", "model"),
    [
        (f"{LOCAL}, locality: remote", '{at: box, id: "gpt-oss:120b-cloud"}'),
        ('ollama, url: "https://ollama.example.org"', '{at: box, id: "gpt-oss:120b-cloud"}'),
        ('ollama, url: "${env:OLLAMA_URL}"', '{at: box, id: "gpt-oss:120b-cloud"}'),
        ('openai, url: "http://127.0.0.1:11434/v1"', '{at: box, id: "gpt-oss:120b-cloud"}'),
        (LOCAL, '{at: box, id: "llama3.2"}'),
        (LOCAL, '{at: box, id: "cloud"}'),
        (LOCAL, '{at: {box: {id: "llama3.2"}}, id: "gpt-oss:120b-cloud"}'),
        (LOCAL, '{at: box, id: "${env:MODEL}"}'),
        (LOCAL, "{at: nowhere, id: 'a:cloud'}"),
    ],
)
def test_other_models_and_other_places_are_not(endpoint, model):
    assert "R613" not in codes(endpoint, model)


def test_the_endpoint_of_its_own_is_no_duplicate():
    also = f", cloud: {{kind: {LOCAL}, locality: remote}}"
    assert codes(LOCAL, '{at: [box, cloud], id: "llama3.2"}', also=also) == set()
    again = f", again: {{kind: {LOCAL}}}"
    assert codes(LOCAL, '{at: [box, again], id: "llama3.2"}', also=again) == {"R803"}
