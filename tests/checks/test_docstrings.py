from __future__ import annotations

import pytest
from checks.examples import COMPLEX, FEW_NODES, configuration, sections

from router.checks.registry import ALL, run_all
from router.table import graph

EACH = pytest.mark.parametrize("check", ALL, ids=lambda check: f"{check.code}-{check.name}")


@EACH
def test_a_docstring_says_what_why_and_how_in_one_form(check):
    found = sections(check)
    assert list(found) == ["", "Why is this bad?", "Example", "Use instead"]
    assert found[""].strip().endswith(".")
    assert "\n" not in found[""].strip()
    assert found["Why is this bad?"].strip()


@EACH
def test_the_example_of_a_docstring_gives_this_finding_and_no_other_error(check, tmp_path, monkeypatch):
    if check.code == COMPLEX:
        monkeypatch.setattr(graph, "BUDGET", FEW_NODES)
    found = run_all(configuration(check, "Example", tmp_path))
    assert check.code in [each.code for each in found]
    assert {each.code for each in found if each.severity != "info"} <= {check.code, *ALSO.get(check.code, ())}


@EACH
def test_what_a_docstring_says_to_use_instead_gives_no_error_and_not_this_finding(check, tmp_path):
    found = run_all(configuration(check, "Use instead", tmp_path))
    assert check.code not in [each.code for each in found]
    assert not [each for each in found if each.severity == "error"]


# Facts that hold beside the finding: parts that are not built yet, and what else is odd about a password in an address.
ALSO = {
    **{
        code: {"R211"}
        for code in (
            *("R306", "R311", "R509", "R512", "R516", "R608", "R609"),
            *("R701", "R702", "R705", "R801", "R804", "R805"),
        )
    },
    "R303": {"R402"},
    "R304": {"R402"},
    "R309": {"R402"},
}


def test_codes_and_names_are_unique_and_in_order():
    codes = [check.code for check in ALL]
    names = [check.name for check in ALL]
    assert codes == sorted(set(codes))
    assert len(set(names)) == len(names)
    assert [check.run.__module__.rpartition(".")[2] for check in ALL] == [
        name.replace("-", "_") for name in names
    ]
