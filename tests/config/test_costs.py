"""What a file may say of money, and what it is told when it says something else."""

from __future__ import annotations

import pytest
from support.ledgers import write

from router.compile.compiler import check_file, compile_file
from router.core.errors import ConfigError


@pytest.mark.parametrize(
    ("costs", "code", "told"),
    [
        ("{timezone: Mars/Olympus}", "R204", "a time zone such as"),
        ("{timezone: 1}", "R203", "a time zone such as"),
        ("{budgets: [{name: b, limit: $1, each: taem}]}", "R304", "`taem` is no value of `each`"),
        ("{budgets: [{name: b, limit: $1, each: tokens}]}", "R304", "`tokens` is no value of `each`"),
        ("{budgets: [{name: b, limit: 5}]}", "R206", "$5"),
        ("{budgets: [{name: b, limit: $1}, {name: b, limit: $2}]}", "R309", "b"),
        (
            "{budgets: [{name: b, limit: $1, then: {use: larg}}]}",
            "R302",
            "budget `b` uses the undefined model",
        ),
        ("{prices: nowhere.json}", "R312", "the prices in `nowhere.json` cannot be used"),
    ],
)
def test_what_cannot_be_is_told(tmp_path, costs, code, told):
    _, findings = check_file(write(tmp_path, costs))
    (found,) = [each for each in findings if each.code == code]
    assert told in f"{found.message} {found.help} {found.label}"


def test_a_list_of_prices_that_cannot_be_used_keeps_the_file_from_being_loaded(tmp_path):
    with pytest.raises(ConfigError, match="R312"):
        compile_file(write(tmp_path, "{prices: nowhere.json}"))


@pytest.mark.parametrize(
    ("costs", "allow"),
    [
        ("{ledger: a.sqlite}", True),
        ("{budgets: [{name: b, limit: $1, then: warn}]}", True),
        ("{budgets: [{name: b, limit: $1}]}", False),
        ("{budgets: [{name: b, limit: $1, then: {use: small}}]}", False),
        ("{on_ledger_error: allow, budgets: [{name: b, limit: $1}]}", True),
        ("{on_ledger_error: deny}", False),
    ],
)
def test_a_ledger_that_fails_refuses_only_under_a_budget_that_bounds_unless_the_file_says_so(
    tmp_path, costs, allow
):
    program, _ = compile_file(write(tmp_path, costs))
    assert program.costs.allow is allow


def test_a_relative_ledger_stands_beside_the_file(tmp_path):
    program, _ = compile_file(write(tmp_path, "{ledger: costs.sqlite, timezone: Europe/Paris}"))
    assert program.costs.ledger == str(tmp_path / "costs.sqlite")
    assert program.costs.zone == "Europe/Paris"
