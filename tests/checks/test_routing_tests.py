"""What `router check` says of routing tests, and of a configuration by its tests; and what it does not."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from router.cli.main import cli
from router.compile.compiler import check_file, compile_file

CONFIG = """\
version: 1
dimensions: {data: {values: [public, private]}}
endpoints: {a: {kind: mock}, b: {kind: mock}}
models: {small: {at: a}, large: {at: b}}
rules:
  - {name: secret, when: {data: private}, use: [small, large], options: {seed: 1}}
  - {name: coding, when: {task: code}, use: [large, small]}
  - {name: rest, use: [small, large]}
"""
CODING = "  - {name: c, given: {task: code, data: public}, expect: {model: large}}\n"
REST = "  - {name: r, given: {task: chat, data: public}, expect: {rule: rest}}\n"
SECRET = "  - {name: s, given: {data: private}, expect: {locality: local}}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "router.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def write(folder, tests: str, name: str = "router.test.yaml", config: str = "router.yaml"):
    (folder / name).write_text(f"config: {config}\ntests:\n{tests}", encoding="utf-8")


def untested(folder):
    return [each.rules[0] for each in check_file(folder / "router.yaml")[1] if each.code == "R901"]


def codes(folder, name: str = "router.test.yaml"):
    return [each.code for each in check_file(folder / name)[1]]


def test_rules_that_no_test_looks_at_are_told_with_a_test_that_passes(folder):
    write(folder, CODING)
    found = [each for each in check_file(folder / "router.yaml")[1] if each.code == "R901"]
    assert [each.rules for each in found] == [("secret",), ("rest",)]
    write(folder, CODING + "".join(f"  {each.help.split('`')[1]}\n" for each in found))
    assert untested(folder) == []
    assert CliRunner().invoke(cli, ["test", "--fail-under", "100"]).exit_code == 0


def test_untested_rules_are_printed_when_infos_are_asked_for(folder):
    write(folder, CODING + REST)
    assert "R901" not in CliRunner().invoke(cli, ["check"]).output
    result = CliRunner().invoke(cli, ["check", "--verbose"])
    assert (result.exit_code, "no test looks at rule `secret`" in result.output) == (0, True)


def test_without_tests_no_rule_is_untested(folder):
    assert untested(folder) == []


def test_tests_of_another_configuration_show_nothing(folder):
    (folder / "other.yaml").write_text(CONFIG, encoding="utf-8")
    write(folder, CODING + "# router.yaml\n", config="other.yaml")
    assert untested(folder) == []


def test_tests_in_several_files_count_together(folder):
    write(folder, CODING)
    write(folder, REST + SECRET, "more.test.yaml")
    assert untested(folder) == []


@pytest.mark.parametrize(
    "broken",
    [
        "config: router.yaml\ntests: [\n",
        "confg: router.yaml\ntests: []\n",
        "tests: [] # router.yaml\n",
        "config: router.yaml\ntests: [{name: x, given: {task: cod}, expect: {model: small}}]\n",
        'config: "router.yaml\\0"\ntests: [{name: x, expect: {model: small}}]\n',
    ],
)
def test_a_file_of_tests_with_mistakes_keeps_every_rule_from_being_called_untested(folder, broken):
    write(folder, CODING)
    (folder / "more.test.yaml").write_text(broken, encoding="utf-8")
    assert untested(folder) == []


def test_a_rule_whose_name_a_test_misspells_is_tested(folder):
    write(folder, CODING + REST.replace("rule: rest", "rule: rset") + SECRET)
    assert untested(folder) == []
    assert codes(folder) == ["R902"]


@pytest.mark.parametrize(
    "test",
    [
        "  - {name: x, given: {model: small, data: private}, expect: {model: small}}\n",
        "  - {name: x, given: {data: private}, expect: {}}\n",
        "  - {name: x, given: {task: chat}, expect: {rule: rest}}\n",
    ],
)
def test_a_test_that_asks_no_rule_tests_none(folder, test):
    write(folder, CODING + REST + test)
    assert untested(folder) == ["secret"]


def test_a_rule_that_no_call_reaches_is_not_called_untested(folder):
    (folder / "router.yaml").write_text(CONFIG + "  - {name: never, use: small}\n", encoding="utf-8")
    write(folder, CODING + REST + SECRET)
    assert untested(folder) == []


def test_an_untested_rule_can_be_suppressed_or_switched_off(folder):
    write(folder, CODING + REST)
    text = CONFIG.replace("{seed: 1}}\n", "{seed: 1}}  # router: ignore[R901] shown by hand\n", 1)
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    assert check_file(folder / "router.yaml")[1] == []
    # Commands that look at no tests cannot tell whether the comment is of use.
    assert compile_file(folder / "router.yaml")[1] == []
    (folder / "router.yaml").write_text(CONFIG + "lint: {R901: off}\n", encoding="utf-8")
    assert check_file(folder / "router.yaml")[1] == []


def test_a_comment_about_tests_that_are_there_is_told_when_it_is_of_no_use(folder):
    write(folder, CODING + REST + SECRET)
    text = CONFIG.replace("{seed: 1}}\n", "{seed: 1}}  # router: ignore[R901] shown by hand\n", 1)
    (folder / "router.yaml").write_text(text, encoding="utf-8")
    assert codes(folder, "router.yaml") == ["R904"]


def test_a_good_file_of_tests_has_no_findings(folder):
    write(folder, CODING + REST + SECRET)
    assert CliRunner().invoke(cli, ["check", "router.test.yaml"]).output == ""


@pytest.mark.parametrize(
    ("test", "code"),
    [
        ("{name: x, given: {tsk: chat}, expect: {model: small}}", "R303"),
        ("{name: x, given: {task: cht}, expect: {model: small}}", "R304"),
        ("{name: x, given: {tokens: many}, expect: {model: small}}", "R304"),
        ("{name: x, given: {temperature: 9}, expect: {model: small}}", "R204"),
        ("{name: x, expect: {model: tiny}}", "R304"),
        ("{name: x, expect: {modl: small}}", "R201"),
        ("{name: x, expect: {served_by: small}}", "R210"),
        ("{name: x, expect: {rule: cding}}", "R902"),
        ("{name: x, expect: {}}", "R905"),
        ("{name: x, expct: {model: small}}", "R201"),
        ("{name: x}", "R202"),
        ('{name: x, columns: [task, "-> model"], rows: [[chat]]}', "R205"),
        ('{name: x, columns: [tsk, "-> model"], rows: [[chat, small], [code, large]]}', "R303"),
        ('{name: x, columns: [task, "-> modl"], rows: [[chat, small], [code, large]]}', "R201"),
        ('{name: x, columns: [task, "-> rule"], rows: [[chat, rest], [code, cding]]}', "R902"),
        ("{name: x, given: {task: chat}, expect: {}}  # router: ignore[R905] shown to readers", None),
        ("{name: x, expect: {model: small}}  # router: ignore[R905] shown to readers", "R904"),
    ],
)
def test_each_mistake_of_a_test_is_one_finding(folder, test, code):
    write(folder, f"  - {test}\n")
    assert codes(folder) == ([code] if code else [])


def test_a_mistake_in_what_is_unfolded_is_told_once(folder):
    (folder / "router.test.yaml").write_text(
        "config: router.yaml\ndefaults: {priority: spd}\n"
        "tests:\n  - {name: x, given: {task: [chat, code, cod]}, expect: {rule: cding}}\n",
        encoding="utf-8",
    )
    assert codes(folder) == ["R304", "R304", "R902"]


def test_the_repairs_of_a_file_of_tests_can_be_made(folder):
    write(
        folder,
        "  - {name: x, given: {tsk: code, data: public}, expect: {rule: cding}}\n"
        '  - {name: z, columns: [task, data, "-> rule"], rows: [[cht, public, rst]]}\n',
    )
    assert CliRunner().invoke(cli, ["check", "--fix", "router.test.yaml"]).exit_code == 0
    assert CliRunner().invoke(cli, ["test"]).output == "2 passed, 0 failed, 0 errors\n"


def test_the_configuration_decides_how_bad_findings_of_its_tests_are(folder):
    (folder / "router.yaml").write_text(CONFIG + "lint: {R902: off, R905: error}\n", encoding="utf-8")
    write(folder, "  - {name: x, expect: {rule: cding}}\n  - {name: z, expect: {}}\n")
    found = check_file(folder / "router.test.yaml")[1]
    assert [(each.code, each.severity) for each in found] == [("R905", "error")]


def test_a_configuration_that_may_hide_names_keeps_tests_from_being_wrong(folder):
    (folder / "router.yaml").write_text(CONFIG.replace("name: coding", "nme: coding"), encoding="utf-8")
    write(folder, "  - {name: x, given: {tsk: 1}, expect: {rule: coding}}\n")
    assert codes(folder) == []


@pytest.mark.parametrize("config", ["nowhere.yaml", '"a\\0b"', "."])
def test_a_configuration_that_cannot_be_read_is_told_where_it_is_named(folder, config):
    write(folder, CODING, config=config)
    found = check_file(folder / "router.test.yaml")[1]
    assert [(each.code, each.span.line) for each in found] == [("R306", 1)]


def test_a_file_of_tests_that_is_none_is_told(folder):
    (folder / "router.test.yaml").write_text("[1]", encoding="utf-8")
    assert codes(folder) == ["R203"]
    assert CliRunner().invoke(cli, ["check", "none.test.yaml"]).exit_code == 2


@pytest.mark.parametrize(
    "tests",
    [
        # The same call in another world, of another user, or with something else expected of it.
        (
            "  - {name: x, given: {task: chat}, script: {a: [ok]}, expect: {served_by: small}}\n"
            "  - {name: z, given: {task: chat}, script: {a: [503]}, expect: {served_by: large}}\n"
        ),
        (
            "  - {name: x, given: {task: chat, user: ann}, expect: {model: small}}\n"
            "  - {name: z, given: {task: chat, user: bob}, expect: {model: small}}\n"
        ),
        (
            "  - {name: x, given: {task: [chat, code]}, expect: {locality: local}}\n"
            "  - {name: z, given: {task: chat}, expect: {model: small}}\n"
        ),
        # What a default would be, said and not said.
        (
            "  - {name: x, given: {task: chat}, expect: {model: small}}\n"
            "  - {name: z, given: {}, expect: {model: small}}\n"
        ),
        # What is wrong is one finding already.
        (
            "  - {name: x, given: {task: cht}, expect: {model: small}}\n"
            "  - {name: z, given: {task: cht}, expect: {model: small}}\n"
        ),
    ],
)
def test_tests_that_differ_are_no_duplicates(folder, tests):
    write(folder, tests)
    assert "R903" not in codes(folder)


@pytest.mark.parametrize(
    "tests",
    [
        "  - {name: x, given: {task: [chat, chat]}, expect: {model: small}}\n",
        (
            "  - {name: x, given: {task: chat, priority: cost}, expect: {model: small}}\n"
            "  - {name: z, given: {priority: [speed, cost], task: chat}, expect: {model: small, rule: rest}}\n"
        ),
    ],
)
def test_a_call_that_is_tested_twice_is_told_once(folder, tests):
    write(folder, tests)
    assert codes(folder) == ["R903"]
