"""A mock's script is checked where it is written, by the words that the mock itself reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.core.outcome import STEP_WORDS, parse_outcome
from router.diagnostics.source import Source


def load(step: str):
    text = f"""\
version: 1
endpoints: {{here: {{kind: mock, script: [{step}]}}}}
models: {{assistant: {{at: here}}}}
rules: [{{use: assistant}}]
"""
    return load_source(Source("x.yaml", text), Path("/n"))


@pytest.mark.parametrize(
    "step",
    [*STEP_WORDS, "503", "429 retry-after=2", "'429  retry-after=0.5'", "{say: hello}", "'{say: a}'", "599"],
)
def test_what_passes_is_what_the_mock_reads(step):
    configuration = load(step)
    good = not run_all(configuration)
    (decoded,) = configuration.document.endpoints["here"].script
    if good:
        parse_outcome(decoded)
    assert good == (step != "'{say: a}'")


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("bogus", "R204"),
        ("rate_limit", "R204"),
        ("200", "R203"),
        ("600", "R203"),
        ("{say: x, delay: 2}", "R201"),
        ("true", "R203"),
        ("[ok]", "R203"),
        ("1.5", "R203"),
    ],
)
def test_what_the_mock_cannot_read_is_found(step, code):
    assert [each.code for each in run_all(load(step))] == [code]
