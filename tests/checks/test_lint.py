"""What a file says of findings holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import ALL, run_all
from router.config.language import LINTABLE
from router.config.load import load_source
from router.diagnostics.source import Source

GAP = """\
version: 1
endpoints: {here: {kind: mock}}
models: {a: {at: here}, b: {at: here}}
rules:
  - {when: {task: code}, use: a}
  - {when: {priority: speed}, use: b}
"""


def found(lint: str):
    return [
        (each.code, each.severity) for each in run_all(load_source(Source("x.yaml", GAP + lint), Path("/n")))
    ]


@pytest.mark.parametrize(
    ("lint", "expected"),
    [
        ("", [("R404", "warning")]),
        ("lint: {R404: error}\n", [("R404", "error")]),
        ("lint: {R404: info}\n", [("R404", "info")]),
        ("lint: {R404: off}\n", []),
        ("lint: {R404: off, R403: warning}\n", [("R403", "warning")]),
        ("lint: {R404: off, R403: off}\n", []),
        ("lint: {R999: off}\n", [("R212", "error"), ("R404", "warning")]),
        ("lint: {R201: off}\n", [("R212", "error"), ("R404", "warning")]),
    ],
)
def test_a_file_raises_lowers_switches_off_and_asks_for_findings(lint, expected):
    assert found(lint) == expected


def test_every_finding_but_those_of_syntax_shape_and_names_may_be_named():
    assert [check.code for check in ALL if check.code >= "R4"] == list(LINTABLE)
