"""A bad file and what is printed of it, for each check: `tests/golden/NAME/bad.yaml`, or `bad.test.yaml`, and `out.txt`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from checks.examples import FEW_NODES

from router.checks.registry import ALL
from router.compile.compiler import check_file
from router.diagnostics.diagnostic import count
from router.diagnostics.text import human, summary
from router.table import graph

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir())


def printed() -> tuple[set[str], str]:
    bad = Path("bad.yaml") if os.path.lexists("bad.yaml") else Path("bad.test.yaml")
    configuration, found = check_file(bad)
    fixable = sum(bool(each.fixes) for each in found)
    text = human(found, configuration.sources) + summary(count(found), fixable) + "\n"
    return {each.name for each in found}, text


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_prints_as_it_should(name, monkeypatch):
    monkeypatch.chdir(GOLDEN / name)
    if name == "analysis-incomplete":
        monkeypatch.setattr(graph, "BUDGET", FEW_NODES)
    found, text = printed()
    out = GOLDEN / name / "out.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        out.write_text(text, encoding="utf-8")
    assert name in found
    assert text == out.read_text(encoding="utf-8")


def test_every_check_has_a_case_and_every_case_a_check():
    assert sorted(check.name for check in ALL) == CASES
