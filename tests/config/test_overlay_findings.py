"""Of several files, each finding is about the file it is in, and each repair is made there; no secret is shown."""

from __future__ import annotations

import pytest
from support.layers import BASE, TOP, found, show, top

from router import load_router
from router.checks.registry import run_all
from router.core.errors import ConfigError
from router.diagnostics.fix import all_fixed
from router.diagnostics.output import FORMATS


def test_a_finding_is_about_the_file_its_value_stands_in(files):
    loaded = files(top("models: {large: {at: clod}}\n", BASE.replace("use: large", "use: larg")))
    assert found(loaded) == [("R302", "base.yaml:10:43"), ("R301", "router.yaml:3:22")]


def test_a_related_place_in_another_file_is_shown_with_its_line(files):
    loaded = files(top("rules: [{use: smal}]\n"))
    assert "\n ::: base.yaml:6:3\n  |\n6 |   small: {at: here" in show(loaded, "human")


def test_what_another_file_replaces_is_not_looked_at(files):
    assert (
        found(files(top("rules: [{use: [small, large]}]\n", BASE.replace("use: large", "use: nothing"))))
        == []
    )


SECRET = 'version: 1\nendpoints: {cloud: {url: "https://u:hunter2@x.example/v1", headers: {Cookie: hunter2}, key: hunter2}}\n'


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("first", "second"), [("clean", "secret"), ("secret", "clean")])
def test_secrets_are_masked_in_every_file_also_where_another_replaces_them(files, form, first, second):
    texts = {
        "clean": 'version: 1\nendpoints: {cloud: {url: "http://x.example/v1", headers: {Cookie: "${env:C}"}, key: "${env:K}", '
        "tmeout: 3s}}\n",
        "secret": SECRET.replace("endpoints: {", "endpoints: {hree: {}, "),
    }
    named = {
        "router.yaml": "version: 1\nextends: [base.yaml, first.yaml, second.yaml]\n",
        "base.yaml": BASE,
        "first.yaml": texts[first],
        "second.yaml": texts[second],
    }
    shown = show(files(named), form)
    assert shown
    assert "hunter2" not in shown


def test_comments_suppress_findings_in_their_own_file_alone(files):
    base = BASE.replace(
        "  - {name: otherwise, use: [small, large]}",
        "  - {name: again, when: {task: code}, use: small}  # router: ignore[R401] on purpose\n"
        "  - {name: otherwise, use: [small, large]}",
    )
    assert found(files(top("", base))) == []
    assert found(
        files(top("name: x # router: ignore[R401] no\n" + "\n" * 9, base.replace("ignore", "no")))
    ) == [
        ("R401", "base.yaml:11:25"),
        ("R904", "router.yaml:3:9"),
    ]


def test_a_comment_that_suppresses_nothing_in_a_file_that_is_extended_is_left_alone(files):
    base = BASE.replace("use: large}", "use: large}  # router: ignore[R401] of use where it is loaded itself")
    assert found(files(top("rules: [{use: [small, large]}]\n", base))) == []
    assert [code for code, _ in found(files({"base.yaml": base}))] == ["R904"]
    wrong = base.replace("ignore[R401] of use where it is loaded itself", "ignore")
    assert found(files(top("", wrong))) == [("R904", "base.yaml:10:51")]


def test_what_a_file_that_is_extended_brings_may_be_unused(files):
    assert found(files(top("rules: [{use: small}]\n"))) == []
    assert found(files(top("models: {mine: {at: here}}\nrules: [{use: small}]\n"))) == [
        ("R308", "router.yaml:3:10")
    ]
    assert found(files(top("endpoints: {mine: {kind: mock}}\n"))) == [("R307", "router.yaml:3:13")]


def test_something_wrong_in_one_file_does_not_blur_the_lines_of_another(files):
    base = BASE.replace("timeout: 30s", "timeuot: 30s").replace("version: 1\n", "version: 1\n\n")
    assert found(files(top("models:\n  mine: {at: here}\n", base))) == [
        ("R201", "base.yaml:4:57"),
        ("R308", "router.yaml:4:3"),
    ]
    blurred = BASE.replace("context: 4096", "context: many")
    assert found(files(top("models:\n  mine: {at: here}\n", blurred))) == [("R203", "base.yaml:6:30")]


def test_fixes_are_made_in_the_file_they_are_about(files):
    loaded = files(top("models: {large: {at: clod}}\n", BASE.replace("timeout:", "timeuot:")))
    texts, made = all_fixed(loaded.sources, run_all(loaded))
    assert made == 2
    assert texts == {"router.yaml": TOP + "models: {large: {at: cloud}}\n", "base.yaml": BASE}


def test_rules_of_another_file_are_repaired_there(files):
    again = "  - {name: again, when: {task: code}, use: large}\n"
    loaded = files(top("", BASE.replace("  - {name: otherwise", f"{again}  - {{name: otherwise")))
    texts, made = all_fixed(loaded.sources, run_all(loaded))
    assert (made, texts) == (1, {"router.yaml": TOP, "base.yaml": BASE})


def test_keys_that_stand_in_several_files_are_not_moved(files):
    loaded = files(top("first: 5s\n", BASE + "retry: {attempts: 2}\n"))
    texts, _ = all_fixed(loaded.sources, run_all(loaded))
    assert texts["router.yaml"] == TOP + "first: 5s\n"


def test_lint_merges(files):
    base = BASE + "lint: {R404: error}\n"
    loaded = files(
        top("lint: {R401: warning}\nrules: [{name: code, when: {task: code}, use: [small, large]}]\n", base)
    )
    assert loaded.document.lint == {"R404": "error", "R401": "warning"}
    assert [each.severity for each in run_all(loaded) if each.code == "R404"] == ["error"]


def test_variables_of_every_file_are_known(files, tmp_path):
    loaded = files(top(""))
    assert [(each.code, str(each.span)) for each in run_all(loaded) if each.code == "R305"] == [
        ("R305", "base.yaml:4:65")
    ]
    (tmp_path / ".env.example").write_text("LLM_KEY=\n", encoding="utf-8")
    assert "R305" not in [each.code for each in run_all(files(top("")))]


def test_a_router_is_loaded_from_several_files_and_explains_where_each_value_stands(files):
    files(top("temperatures: {code: 0.1}\n"))
    explained = load_router("router.yaml", env={"LLM_KEY": "k"}).explain(task="code")
    assert (explained.rule, explained.rule_at) == ("code", "base.yaml:10:5")
    assert explained.options["temperature"].value == 0.1
    assert explained.options["temperature"].origin.startswith("router.yaml:3:")


def test_a_router_is_not_loaded_while_a_file_is_missing(files):
    files({"router.yaml": TOP + "rules: [{use: a}]\n"})
    with pytest.raises(ConfigError, match="1 error"):
        load_router("router.yaml", env={})
