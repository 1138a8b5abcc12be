"""What `router check --format sarif` prints of each golden file is SARIF 2.1.0, by the standard's own schema."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from checks.examples import FEW_NODES
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from router.checks.registry import ALL
from router.cli.main import cli
from router.table import graph

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden"
SCHEMA = json.loads((HERE / "data" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
VALID = Draft202012Validator(SCHEMA)
NAMES = sorted(each.name for each in ALL)


def log_of(name: str, monkeypatch) -> dict:
    monkeypatch.chdir(GOLDEN / name)
    bad = "bad.yaml" if os.path.lexists("bad.yaml") else "bad.test.yaml"
    done = CliRunner().invoke(cli, ["check", bad, "--format", "sarif", "--verbose"])
    return json.loads(done.stdout)


def troubles(log: dict) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in VALID.iter_errors(log)]


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_gives_valid_sarif(name, monkeypatch):
    if name == "analysis-incomplete":
        monkeypatch.setattr(graph, "BUDGET", FEW_NODES)
    log = log_of(name, monkeypatch)
    assert troubles(log) == []
    assert name in [each["name"] for each in log["runs"][0]["tool"]["driver"]["rules"]]


def test_what_the_schema_cannot_say_holds_too(monkeypatch):
    log = log_of("undefined-model", monkeypatch)
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        places = [*result["locations"], *result["relatedLocations"]]
        for place in [each["physicalLocation"] for each in places]:
            region = place["region"]
            assert (region["startLine"], region["startColumn"]) < (region["endLine"], region["endColumn"])
            assert re.fullmatch(r"[\w.~/%-]+", urlsplit(place["artifactLocation"]["uri"]).path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda log: log.update(version="2.0.0"),
        lambda log: log.pop("runs"),
        lambda log: log["runs"][0].pop("tool"),
        lambda log: log["runs"][0]["results"][0].pop("message"),
        lambda log: log["runs"][0]["results"][0].update(level="info"),
        lambda log: log["runs"][0]["results"][0].update(surprise=1),
        lambda log: log["runs"][0]["results"][0]["fixes"][0].pop("artifactChanges"),
        lambda log: log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"].update(
            startLine=0
        ),
    ],
)
def test_the_schema_refuses_what_is_no_sarif(damage, monkeypatch):
    log = copy.deepcopy(log_of("undefined-model", monkeypatch))
    damage(log)
    assert troubles(log)


def test_the_schema_is_one_itself():
    Draft202012Validator.check_schema(SCHEMA)
