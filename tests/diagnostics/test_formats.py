"""Findings as GitHub, code scanning and test reports read them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from click.testing import CliRunner

from router.checks.registry import ALL
from router.cli.main import cli
from router.diagnostics.diagnostic import Diagnostic, Edit, Fix, Related
from router.diagnostics.github import github
from router.diagnostics.junit import junit
from router.diagnostics.output import FORMATS
from router.diagnostics.sarif import Rule, address, as_sarif
from router.diagnostics.source import Span

SECRET = "sk-abcdefghijklmnop"
FILE = f"""\
version: 1
endpoints:
  here: {{kind: openai, url: "http://127.0.0.1:8080/v1", key: {SECRET}, timeot: 5s}}
  away: {{kind: openai, url: "${{env:NOWHERE}}"}}
models: {{assistant: {{at: here}}, spare: {{at: away}}}}
rules: [{{use: assistant}}]
"""
GOOD = """\
version: 1
endpoints: {here: {kind: mock}}
models: {assistant: {at: here}}
rules: [{use: assistant}]
"""
ROOT = PurePosixPath("/work")
RULE = Rule("R201", "unknown-key", "error", "A key.", "# R201\n")


def at(line, column, end_line=None, end_column=None, file="f.yaml"):
    return Span(file, line, column, end_line or line, end_column or column + 1)


def finding(span=None, **more):
    settings = {"code": "R201", "name": "unknown-key", "severity": "error", "message": "bad", **more}
    return Diagnostic(span=span or at(3, 22, 3, 27), **settings)


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - our own


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(FILE, encoding="utf-8")
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")

    def invoke(*words):
        return CliRunner().invoke(cli, ["check", *(str(word) for word in words)])

    return invoke


def test_github_gets_one_command_a_finding_with_place_and_title():
    assert github([finding(help="do it")]) == (
        "::error file=f.yaml,line=3,col=22,endLine=3,endColumn=27,title=R201 unknown-key::bad%0Ado it\n"
    )


def test_github_gets_no_columns_for_a_place_of_several_lines():
    shown = github([finding(at(3, 22, 5, 2), severity="warning")])
    assert shown == "::warning file=f.yaml,line=3,endLine=5,title=R201 unknown-key::bad\n"


def test_github_properties_and_messages_are_escaped_as_it_asks():
    found = finding(at(1, 1, file="a:b,c%.yaml"), message="50% a:b,c", notes=("one", "two"), severity="info")
    shown = github([found])
    assert shown.startswith("::notice file=a%3Ab%2Cc%25.yaml,line=1,")
    assert shown.endswith("::50%25 a:b,c%0Aone%0Atwo\n")


def test_no_text_of_a_file_makes_a_github_command_of_its_own():
    evil = "x\r\n::error::gotcha\x1b[31m\u202e"
    shown = github([finding(at(1, 1, file=evil), message=evil, help=evil, notes=(evil,))])
    assert shown.count("\n") == 1
    assert not set("\r\x1b\u202e") & set(shown)


def test_sarif_has_the_rules_that_were_found_and_results_that_point_to_them():
    other = Rule("R308", "unused-model", "warning", "A model.", "# R308\n")
    never = Rule("R999", "never", "info", "Nothing.", "# R999\n")
    found = [finding(), finding(code="R308", name="unused-model", severity="info")]
    (log,) = as_sarif(found, [never, RULE, other], "1.2", ROOT)["runs"]
    driver = log["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("router", "1.2")
    assert driver["rules"][1] == {
        "id": "R308",
        "name": "unused-model",
        "shortDescription": {"text": "A model."},
        "help": {"text": "# R308\n", "markdown": "# R308\n"},
        "defaultConfiguration": {"level": "warning"},
    }
    assert [(each["ruleId"], each["ruleIndex"], each["level"]) for each in log["results"]] == [
        ("R201", 0, "error"),
        ("R308", 1, "note"),
    ]


def test_sarif_counts_columns_in_characters_and_places_are_as_they_are_here():
    (log,) = as_sarif([finding(label="this")], [RULE], "1", ROOT)["runs"]
    assert log["columnKind"] == "unicodeCodePoints"
    assert log["results"][0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "f.yaml"},
                "region": {"startLine": 3, "startColumn": 22, "endLine": 3, "endColumn": 27},
            },
            "message": {"text": "this"},
        }
    ]


def test_sarif_has_related_places_fixes_and_a_fingerprint():
    fix = Fix("replace", (Edit(at(1, 1), "x"), Edit(at(2, 1, file="g.yaml"), "y"), Edit(at(5, 1), "z")))
    found = finding(related=(Related(at(1, 1), "first"), Related(at(2, 1), "")), fixes=(fix,), help="do it")
    (result,) = as_sarif([found], [RULE], "1", ROOT)["runs"][0]["results"]
    assert result["message"] == {"text": "bad\nhelp: do it"}
    assert result["partialFingerprints"] == {"router/v1": found.fingerprint}
    changes = result["fixes"][0]["artifactChanges"]
    assert [(each["artifactLocation"]["uri"], len(each["replacements"])) for each in changes] == [
        ("f.yaml", 2),
        ("g.yaml", 1),
    ]
    assert changes[0]["replacements"][1] == {
        "deletedRegion": {"startLine": 5, "startColumn": 1, "endLine": 5, "endColumn": 2},
        "insertedContent": {"text": "z"},
    }


def test_sarif_leaves_out_a_fix_that_would_show_a_secret():
    fix = Fix("replace", (Edit(at(1, 1), SECRET),))
    (log,) = as_sarif([finding(fixes=(fix,))], [], "1", ROOT)["runs"]
    assert "fixes" not in log["results"][0]
    assert "ruleIndex" not in log["results"][0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b.yaml", "a/b.yaml"),
        ("../b.yaml", "../b.yaml"),
        ("/work/a/b.yaml", "a/b.yaml"),
        ("/else/b.yaml", "file:///else/b.yaml"),
        ("a b/é#?%.yaml", "a%20b/%C3%A9%23%3F%25.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
    ],
)
def test_addresses_are_relative_and_percent_encoded(name, expected):
    assert address(name, ROOT) == expected


def test_addresses_have_forward_slashes_on_windows(monkeypatch):
    monkeypatch.setattr("router.diagnostics.sarif.PurePath", PureWindowsPath)
    assert address("a\\b.yaml", PureWindowsPath("C:\\work")) == "a/b.yaml"
    assert address("C:\\work\\a\\b.yaml", PureWindowsPath("C:\\work")) == "a/b.yaml"
    assert address("D:\\b.yaml", PureWindowsPath("C:\\work")) == "file:///D:/b.yaml"


def test_junit_has_a_suite_a_file_and_a_failed_case_a_finding_that_counts():
    found = [finding(), finding(at(4, 1), severity="warning"), finding(at(1, 1, file="h.yaml"), label="x")]
    root = parsed(junit(found, ("f.yaml", "g.yaml"), ("error",)))
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("f.yaml", "1", "1"),
        ("g.yaml", "1", "0"),
        ("h.yaml", "1", "1"),
    ]
    (case,) = root[0]
    assert case.get("name") == "R201 unknown-key at 3:22"
    assert case[0].get("message") == "bad"
    assert case[0].text == "f.yaml:3:22: bad"
    assert len(root[1][0]) == 0


def test_junit_is_well_formed_whatever_the_text():
    evil = "".join(map(chr, range(0x20))) + "<&>\"']]>\x7f\ufffe\ud800\U0001f600"
    found = finding(
        at(1, 1, file=evil),
        message=evil,
        help=evil,
        label=evil,
        notes=(evil,),
        related=(Related(at(1, 1), evil),),
    )
    root = parsed(junit([found], (evil,), ("error",)))
    assert root[0][0][0].get("message") == "\t\n\r<&>\"']]>\x7f\\ud800\U0001f600"


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_shows_a_secret(run, tmp_path, form):
    result = run("bad.yaml", "--format", form, "--verbose", "--output", f"{form}=out")
    assert result.exit_code == 1
    assert "R601" in result.output or form == "junit"
    assert SECRET not in result.output
    assert (tmp_path / "out").read_text(encoding="utf-8") == result.output


def test_several_files_are_written_beside_what_is_printed(run, tmp_path):
    result = run("bad.yaml", "good.yaml", "--output", "sarif=a.sarif", "--output", "junit=b=c.xml")
    assert (result.exit_code, "error[R201]" in result.output) == (1, True)
    (log,) = json.loads((tmp_path / "a.sarif").read_text(encoding="utf-8"))["runs"]
    assert {"R201", "R305", "R308", "R601", "R809"} == {each["ruleId"] for each in log["results"]}
    suites = parsed((tmp_path / "b=c.xml").read_text(encoding="utf-8"))
    assert [each.get("name") for each in suites] == ["bad.yaml", "good.yaml"]


def test_warnings_are_failed_tests_where_they_fail_the_run(run):
    usual = parsed(run("bad.yaml", "--format", "junit").output)
    strict = parsed(run("bad.yaml", "--format", "junit", "--fail-on", "warning").output)
    assert int(strict.get("failures")) > int(usual.get("failures")) > 0


def test_every_rule_written_out_has_the_words_of_its_page(run):
    (log,) = json.loads(run("bad.yaml", "--format", "sarif").output)["runs"]
    for rule in log["tool"]["driver"]["rules"]:
        check = next(each for each in ALL if each.code == rule["id"])
        assert rule["help"]["markdown"].startswith(f"# {check.code} {check.name}\n")
        assert rule["shortDescription"]["text"] in rule["help"]["markdown"]


@pytest.mark.parametrize(
    "words", [["--format", "xml"], ["--output", "xml=f"], ["--output", "json"], ["--output", "json="]]
)
def test_an_unknown_format_ends_with_2(run, words):
    result = run("good.yaml", *words)
    assert result.exit_code == 2
    assert "sarif" in result.output


@pytest.mark.parametrize(("name", "why"), [("none/out", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_written_ends_with_2(run, name, why):
    result = run("good.yaml", "--output", f"json={name}")
    assert result.exit_code == 2
    assert f"router: {Path(name)} cannot be written: {why}" in result.output


def test_a_good_file_gives_empty_forms(run):
    assert run("good.yaml", "--format", "github").output == ""
    assert json.loads(run("good.yaml", "--format", "sarif").output)["runs"][0]["results"] == []
