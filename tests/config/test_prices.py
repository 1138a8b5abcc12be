"""Prices: the file's own, then its list, then the public ones, each where it holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from router.compile.compiler import compile_file
from router.config.prices import MOST_BYTES, SNAPSHOT, read_prices, snapshot
from router.core.usage import FREE, Price

ROOT = Path(__file__).parents[2]
FILE = """\
version: 1
endpoints:
  here: {kind: mock}
  openai: {kind: openai, url: "https://API.openai.com/v1", key: "${env:K:-}"}
  other: {kind: openai, url: "https://llm.example.com/v1", key: "${env:K:-}"}
models:
  local: {at: here, id: gpt-4o}
  public: {at: openai, id: gpt-4o}
  resold: {at: other, id: gpt-4o}
  written: {at: openai, id: gpt-4o, price: {input: $9, output: $9}}
  hourly: {at: other, price: {per_hour: $0.40}}
rules: [{use: others}]
"""


def prices(tmp_path, more=""):
    path = tmp_path / "router.yaml"
    path.write_text(FILE + more, encoding="utf-8")
    program, _ = compile_file(path)
    return {name: model.deployments[0].price for name, model in program.models.items()}


def test_a_public_price_holds_for_its_own_host_only(tmp_path):
    found = prices(tmp_path)
    assert found["public"] == Price(Decimal("2.50"), Decimal(10), Decimal("1.25"))
    assert found["resold"] is None
    assert found["local"] == FREE


def test_what_the_file_writes_goes_before_all(tmp_path):
    found = prices(tmp_path)
    assert found["written"] == Price(Decimal(9), Decimal(9))
    assert found["hourly"] == Price(Decimal(0), Decimal(0), None, Decimal("0.40"))


def test_a_list_of_the_file_goes_before_the_public_one(tmp_path):
    entries = [
        {"model": "gpt-4o", "input": "1", "output": "2"},
        {"model": "gpt-4o", "host": "api.openai.com", "input": "3", "output": "4"},
    ]
    (tmp_path / "mine.json").write_text(json.dumps({"date": "2026-11-22", "prices": entries}))
    found = prices(tmp_path, "costs: {prices: mine.json}\n")
    assert found["public"] == Price(Decimal(3), Decimal(4))
    assert found["resold"] == Price(Decimal(1), Decimal(2))
    assert found["written"] == Price(Decimal(9), Decimal(9))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", 'a list `"prices"`'),
        ("{", "Expecting"),
        ('{"prices": [1]}', "entry 1 is no object"),
        ('{"prices": [{"model": "m", "input": "1"}]}', "lacks `input` or `output`"),
        ('{"prices": [{"model": "m", "input": 1, "output": "2"}]}', "is no text such as"),
        ('{"prices": [{"model": "m", "input": "-1", "output": "2"}]}', "is no text such as"),
        ('{"prices": [{"model": "m", "host": 1, "input": "1", "output": "2"}]}', "lacks"),
        ("[" * 200_000, "nested too deeply"),
        (" " * (MOST_BYTES + 1), "more than"),
    ],
)
def test_a_list_of_another_form_is_refused_and_told_why(tmp_path, text, why):
    path = tmp_path / "prices.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=why):
        read_prices(path)


def test_a_list_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        read_prices(tmp_path / "nowhere.json")


def test_the_public_list_has_a_date_and_a_source_for_each_price():
    entries = json.loads(SNAPSHOT.read_text(encoding="utf-8"))["prices"]
    assert date.fromisoformat(snapshot().date) <= date(2026, 12, 31)
    assert all(entry["source"] and entry["host"] for entry in entries)
    assert all(
        price.cached_input is None or price.cached_input <= price.input
        for price in snapshot().prices.values()
    )


def convert(*arguments):
    script = ROOT / "scripts" / "prices.py"
    return subprocess.run(
        [sys.executable, script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )


def test_the_script_writes_the_list_from_a_table_and_checks_it(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("host,model,input,output,cached_input,source\nh,m,1,2,,Their page\n")
    written = convert(str(table), "--date", "2026-11-22")
    (tmp_path / "list.json").write_text(written.stdout)
    assert read_prices(tmp_path / "list.json").find("h", "m") == Price(Decimal(1), Decimal(2))
    assert convert("--check", str(tmp_path / "list.json")).stdout == "1 prices\n"
    assert "--date is missing" in convert(str(table)).stderr


def test_the_public_list_is_what_the_script_takes():
    assert convert("--check", str(SNAPSHOT)).returncode == 0


def test_a_list_that_is_no_regular_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", tmp_path):
        with pytest.raises(ValueError, match="no regular file"):
            read_prices(path)
