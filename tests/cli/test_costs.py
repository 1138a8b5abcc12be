"""`router costs` tells what the ledger holds, in every form, and finds sums that do not agree."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from decimal import Decimal

import pytest
from click.testing import CliRunner
from support.ledgers import loaded, write

from router.cli.main import cli


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    """Spend a little, part of it at an unknown price, and return the configuration."""
    folder = tmp_path_factory.mktemp("spent")
    path = write(folder)
    text = path.read_text()
    path.write_text(text.replace("rules:", "  odd|one: {at: cloud}\nrules:"))

    async def go():
        router, _ = loaded(path)
        async with router:
            await router.complete("one two", user="=cmd()")
            await router.complete("one two", user="ann", team="blue")
            await router.complete("one two", model="odd|one")

    asyncio.run(go())
    return path


def costs(path, *arguments):
    result = CliRunner().invoke(cli, ["costs", "-c", str(path), *arguments])
    return result.output, result.exit_code


def test_a_table_has_a_row_for_each_model_and_says_what_is_unknown(spent):
    output, status = costs(spent)
    lines = output.splitlines()
    assert status == 0
    assert lines[0].split() == ["model", "calls", "attempts", "input", "output", "cost", "a", "call", "saved"]
    assert lines[1].startswith("large")
    assert lines[1].endswith("█" * 24)
    assert "unknown" in lines[2]
    assert "+ ?" in lines[3]
    assert "1 calls have no known price: their cost is not in the sums" in lines


def test_json_has_exact_dollars_and_null_for_what_is_unknown(spent):
    output, _ = costs(spent, "--format", "json", "--by", "model,team")
    found = json.loads(output)
    assert found["by"] == ["model", "team"]
    assert [row["by"] for row in found["rows"]] == [
        {"model": "large", "team": "blue"},
        {"model": "large", "team": "red"},
        {"model": "odd|one", "team": "red"},
    ]
    assert found["rows"][2]["usd"] is None
    assert Decimal(found["total"]["usd"]) == sum(Decimal(row["usd"]) for row in found["rows"][:2])


def test_csv_is_read_back_and_no_cell_is_a_formula(spent):
    output, _ = costs(spent, "--format", "csv", "--by", "user")
    found = list(csv.DictReader(io.StringIO(output)))
    assert [row["user"] for row in found] == ["", "'=cmd()", "ann"]
    assert found[0]["usd"] == ""


def test_csv_without_rows_has_the_sums(spent):
    output, _ = costs(spent, "--format", "csv", "--by", "")
    assert next(csv.DictReader(io.StringIO(output)))["calls"] == "3"


def test_markdown_escapes_what_would_end_a_cell(spent):
    output, _ = costs(spent, "--format", "markdown")
    assert "| odd\\|one | 1 | 1 |" in output


def test_a_page_has_charts_and_needs_nothing_else(spent, tmp_path):
    page = tmp_path / "costs.html"
    output, status = costs(spent, "--format", "html", "--by", "user", "--since", "7d", "-o", str(page))
    text = page.read_text(encoding="utf-8")
    assert (output, status) == ("", 0)
    assert '<i style="width:100.00%">' in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_a_page_of_nothing_has_no_charts(spent):
    output, _ = costs(spent, "--format", "html", "--since", "2999-01-01")
    assert "<i " not in output
    assert "<tfoot>" in output


@pytest.mark.parametrize(
    ("since", "calls"), [("1d", 3), ("2026-01-01T00:00", 3), ("2999-01-01T00:00+02:00", 0)]
)
def test_since_is_so_long_ago_or_a_moment(spent, since, calls):
    output, _ = costs(spent, "--format", "json", "--since", since)
    assert json.loads(output)["total"]["calls"] == calls


def test_a_moment_that_is_none_is_refused(spent):
    output, status = costs(spent, "--since", "yesterday")
    assert status == 2
    assert "'yesterday' is no moment" in output


def test_what_it_cannot_be_told_apart_by_is_refused(spent):
    output, status = costs(spent, "--by", "colour")
    assert status == 2
    assert "told apart by `colour`; legal: model," in output


def test_every_sum_agrees_until_somebody_changes_one(spent, tmp_path):
    assert costs(spent, "--verify") == ("every cost and every sum agrees\n", 0)
    ledger = tmp_path / "changed.sqlite"
    with sqlite3.connect(spent.parent / "costs.sqlite") as source, sqlite3.connect(ledger) as target:
        source.backup(target)
        target.execute("UPDATE attempts SET cost = cost + 1 WHERE cost IS NOT NULL")
    source.close()
    target.close()
    result = CliRunner().invoke(cli, ["costs", "--ledger", str(ledger), "--verify"])
    assert result.exit_code == 1
    assert "its tokens cost" in result.output


def test_a_ledger_is_read_without_its_configuration_by_any_dimension(spent):
    ledger = spent.parent / "costs.sqlite"
    result = CliRunner().invoke(cli, ["costs", "--ledger", str(ledger), "--by", "team", "--format", "json"])
    assert [row["by"]["team"] for row in json.loads(result.output)["rows"]] == ["blue", "red"]


def test_a_file_without_a_ledger_says_what_to_write(tmp_path):
    path = write(tmp_path, "{budgets: [{name: b, limit: $1}]}")
    output, status = costs(path)
    assert status == 2
    assert "write `costs: {ledger: costs.sqlite}`" in output


def test_a_ledger_that_is_not_there_or_is_none_is_told(tmp_path):
    path = write(tmp_path)
    assert "is made by the first call" in costs(path)[0]
    (tmp_path / "costs.sqlite").write_text("this is no ledger" * 100)
    output, status = costs(path)
    assert status == 2
    assert "cannot be read" in output


def test_a_configuration_with_errors_is_shown(tmp_path):
    path = write(tmp_path)
    path.write_text("version: 1\nrules: []\n")
    assert costs(path)[1] == 1
