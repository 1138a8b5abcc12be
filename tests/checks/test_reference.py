from __future__ import annotations

import os
from pathlib import Path

from router.checks import reference
from router.checks.registry import ALL

DOCS = Path(__file__).parents[2] / "docs" / "findings"


def test_the_pages_about_findings_are_what_the_docstrings_say():
    if os.environ.get("UPDATE_GOLDEN"):
        reference.write(DOCS)
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*")}
    assert written == reference.pages()


def test_a_page_begins_with_code_name_and_severity():
    page = reference.reference(ALL[0])
    assert page.startswith(f"# {ALL[0].code} {ALL[0].name}\n\n")
    assert f"Severity: {ALL[0].severity}." in page


def test_writing_removes_pages_of_findings_that_are_gone(tmp_path):
    (tmp_path / "R999.md").write_text("gone", encoding="utf-8")
    reference.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(reference.pages())
