"""Repairs: made, they take their finding away, bring no new error and lose nothing; where they could, there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import ALL, run_all
from router.config.load import load_source
from router.diagnostics.diagnostic import Diagnostic, Edit, Fix
from router.diagnostics.fix import all_fixed, fixed
from router.diagnostics.source import Source, Span

GOLDEN = Path(__file__).parents[1] / "golden"
STARRED = (
    *("R102", "R103", "R104", "R201", "R202", "R203", "R204", "R206", "R210"),
    *("R301", "R302", "R303", "R304", "R405", "R407", "R408", "R409"),
)
HEAD = """\
version: 1
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
"""
MODELS = "models: {a: {at: here}, b: {at: here}, c: {at: here}}\n"
FILE = f"{HEAD}models: {{assistant: {{at: here}}}}\nrules: [{{use: assistant}}]\n"


def check(text: str):
    source = Source("x.yaml", text)
    return source, run_all(load_source(source, Path("/nowhere")))


def mended(text: str) -> str:
    """The text after all repairs, made round after round as the command makes them."""
    for _ in range(10):
        source, found = check(text)
        text, made = fixed(source, found)
        if not made:
            return text
    raise AssertionError("repairs do not end")


def codes(text: str, severity: str = "") -> set[str]:
    return {each.code for each in check(text)[1] if each.severity.startswith(severity)}


def golden(code: str) -> str:
    name = next(each.name for each in ALL if each.code == code)
    return (GOLDEN / name / "bad.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", STARRED)
def test_the_repair_takes_the_finding_away_and_brings_no_error(code):
    before = golden(code)
    after = mended(before)
    assert code in codes(before)
    assert code not in codes(after)
    assert codes(after, "error") <= codes(before, "error")


@pytest.mark.parametrize("code", STARRED)
def test_comments_outside_a_repair_stay(code):
    lines = golden(code).splitlines()
    before = "".join(f"{line}\n# comment {number}\n\n" for number, line in enumerate(lines))
    after = mended(before)
    assert code in codes(before)
    assert code not in codes(after)
    assert [f"# comment {number}" in after for number in range(len(lines))] == [True] * len(lines)


RULES = [
    (
        "the sole condition goes with its `when`",
        "  - {when: {tools: [true, false]}, use: a}\n",
        "  - {use: a}\n",
    ),
    (
        "one condition of several goes with its comma",
        "  - {when: {tools: [true, false], json: true}, use: a}\n  - use: b\n",
        "  - {when: {json: true}, use: a}\n  - use: b\n",
    ),
    (
        "the last condition of several goes with the comma before it",
        "  - {when: {json: true, tools: [true, false]}, use: a}\n  - use: b\n",
        "  - {when: {json: true}, use: a}\n  - use: b\n",
    ),
    (
        "a condition on a line of its own goes with its line",
        "  - name: x\n    when:\n      json: true\n      tools: [true, false]\n    use: a\n  - use: b\n",
        "  - name: x\n    when:\n      json: true\n    use: a\n  - use: b\n",
    ),
    (
        "a `when` behind the dash says any",
        "  - when: {tools: [true, false]}\n    use: a\n",
        "  - when: {tools: any}\n    use: a\n",
    ),
    (
        "a condition with a comment on its line says any",
        "  - use: a\n    when:\n      json: true\n      tools: [true, false]  # whichever\n  - use: b\n",
        "  - use: a\n    when:\n      json: true\n      tools: any  # whichever\n  - use: b\n",
    ),
    (
        "a cell says any",
        "  - matrix: [tools, json, use]\n    rows: [[[true, false], true, a]]\n  - use: b\n",
        "  - matrix: [tools, json, use]\n    rows: [[any, true, a]]\n  - use: b\n",
    ),
    (
        "two conditions that say nothing go one after the other",
        "  - {name: x, when: {tools: [true, false], json: [true, false]}, use: a}\n",
        "  - {name: x, use: a}\n",
    ),
    (
        "a rule that catches all moves down with its comments",
        (
            "  - {when: {tools: true}, use: b}\n  # for all\n  - use: a  # yes\n    name: x\n"
            "  - {when: {json: true}, use: c}  # last\n# after\n"
        ),
        (
            "  - {when: {tools: true}, use: b}\n  - {when: {json: true}, use: c}  # last\n"
            "  # for all\n  - use: a  # yes\n    name: x\n# after\n"
        ),
    ),
    (
        "a rule that catches all moves to the end of a file without a last line end",
        "  - use: a\n  - {when: {json: true}, use: c}",
        "  - {when: {json: true}, use: c}\n  - use: a",
    ),
    (
        "a copy goes with its lines",
        "  - {when: {json: true}, use: a}\n  - when: {json: [true]}\n    use: a\n  - use: b\n",
        "  - {when: {json: true}, use: a}\n  - use: b\n",
    ),
    (
        "the copy of a row goes",
        "  - matrix: [task, use]\n    rows: [[chat, a], [[chat], a], [code, b]]\n  - use: b\n",
        "  - matrix: [task, use]\n    rows: [[chat, a], [code, b]]\n  - use: b\n",
    ),
    (
        "a copy at the end of a file without a last line end leaves no half line",
        "  - {use: b}\n  - {use: b}",
        "  - {use: b}\n",
    ),
    (
        "a range between two numbers takes the one behind it",
        '  - {when: {tokens: "0..10"}, use: a}\n  - {when: {tokens: "12..20"}, use: b}\n  - use: c\n',
        '  - {when: {tokens: "0..11"}, use: a}\n  - {when: {tokens: "12..20"}, use: b}\n  - use: c\n',
    ),
    (
        "a number below a range is taken by the range",
        '  - {when: {tokens: 10}, use: a}\n  - {when: {tokens: "12..20"}, use: b}\n  - use: c\n',
        '  - {when: {tokens: 10}, use: a}\n  - {when: {tokens: "11..20"}, use: b}\n  - use: c\n',
    ),
]


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_rules_are_mended_as_a_person_would(before, after):
    assert mended(f"{HEAD}{MODELS}rules:\n{before}") == f"{HEAD}{MODELS}rules:\n{after}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[{use: a}, {when: {json: true}, use: b}]", "[{when: {json: true}, use: b}, {use: a}]"),
        ("[{use: b}, {when: {}, use: b}]", "[{use: b}]"),
    ],
)
def test_rules_between_brackets_are_mended_too(before, after):
    assert mended(f"{HEAD}{MODELS}rules: {before}\n") == f"{HEAD}{MODELS}rules: {after}\n"


LEFT = [
    ("a comment in the copy", "R409", "  - {use: b}\n  - use: b\n    # why\n    name: x\n"),
    ("a comment behind the copy", "R409", "  - {use: b}\n  - {use: b}  # why\n"),
    ("a comment between brackets", "R409", "  [{use: b}, # why\n   {use: b}]\n"),
    ("the only row", "R409", "  - {when: {task: chat}, use: a}\n  - matrix: [task, use]\n    rows: [[chat, a]]\n"),
    ("an anchor", "R409", "  - {use: b}\n  - &x {use: b}\n"),
    ("an anchor elsewhere", "R408", "  - {use: b}\n  - {when: {json: true}, use: a, deadline: &d 5s}\n"),
    ("an anchor in a condition", "R407", "  - {when: {tools: &x [true, false]}, use: a}\n"),
    ("a list of rules with a heading", "R408", "  # first match wins\n  - use: b\n  - {when: {json: true}, use: a}\n"),
    ("a second rule that catches all", "R408", "  - use: b\n  - {when: {json: true}, use: a}\n  - use: c\n"),
    ("a row that catches all", "R408", "  - matrix: [task, use]\n    rows: [[any, a]]\n  - {when: {json: true}, use: b}\n"),
    ("brackets with a comment", "R408", "  [{use: b},  # all\n   {when: {json: true}, use: a}]\n"),
    ("numbers, no ranges", "R405", "  - {when: {tokens: 4}, use: a}\n  - {when: {tokens: 6}, use: b}\n  - use: c\n"),
    (
        "a list of ranges",
        "R405",
        '  - {when: {tokens: [1, "3..4"]}, use: a}\n  - {when: {tokens: [6]}, use: b}\n  - use: c\n',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "rules"), [row[1:] for row in LEFT], ids=[row[0] for row in LEFT])
def test_a_rule_is_left_alone_where_something_could_be_lost(code, rules):
    text = f"{HEAD}{MODELS}rules:\n{rules}"
    assert code in codes(text)
    assert mended(text) == text


ENTRIES = [
    ("into the braces", "assistant: {context: 5}", "assistant: {at: here, context: 5}"),
    ("into empty braces", "assistant: {}", "assistant: {at: here}"),
    ("under its own line", "assistant:\n    context: 5", "assistant:\n    at: here\n    context: 5"),
    (
        "a key goes under its block",
        "assistant:\n    at: here\n    seed: 5  # why\n",
        "assistant:\n    at: here\n    options: {seed: 5}  # why\n",
    ),
    (
        "a key goes into the braces of its block",
        "assistant: {seed: 5, at: here, options: {temperature: 0.5}}",
        "assistant: {at: here, options: {seed: 5, temperature: 0.5}}",
    ),
    (
        "keys go under their block one after the other",
        "assistant: {at: here, seed: 5, temperature: 0.5, top_p: 1}",
        "assistant: {at: here, options: {top_p: 1, temperature: 0.5, seed: 5}}",
    ),
    (
        "two misspelt keys are not both the same one",
        "assistant: {at: here, contxt: 5, cntext: 6}",
        "assistant: {at: here, context: 5, cntext: 6}",
    ),
]


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in ENTRIES], ids=[row[0] for row in ENTRIES])
def test_entries_are_put_where_they_belong(before, after):
    rest = "rules: [{use: assistant}]\n"
    assert mended(f"{HEAD}models:\n  {before}\n{rest}") == f"{HEAD}models:\n  {after}\n{rest}"


@pytest.mark.parametrize(
    ("code", "models"),
    [
        ("R210", "{at: here, temperature: 1, options:\n    {seed: 5, temperature: 0}}"),
        ("R210", "{at: here, stop:\n    [x]}"),
        ("R210", "\n    at: here\n    stop: a, b\n"),
        ("R210", "\n    at: here\n    seed: 4\n    options:\n      temperature: 0.5\n"),
        ("R210", "\n    at: here\n    seed: 4  \n    options: 5\n"),
        ("R210", "&m {at: here, seed: 4}"),
        ("R210", "{at: here, seed: }"),
        ("R210", "\n    at: here\n    seed: # why\n"),
        ("R202", "&m {context: 4}"),
        ("R202", "{ # nothing\n  }"),
    ],
)
def test_an_entry_is_left_alone_where_something_could_be_lost(code, models):
    text = f"{HEAD}models: {{assistant: {models}}}\nrules: [{{use: assistant}}]\n"
    if models.startswith("\n"):
        text = f"{HEAD}models:\n  assistant:{models}\nrules: [{{use: assistant}}]\n"
    assert code in codes(text)
    assert mended(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("endpoints: {x: {path: ./m.gguf}}", "endpoints: {x: {kind: gguf, path: ./m.gguf}}"),
        ("endpoints: {x: {script: [ok]}}", "endpoints: {x: {kind: mock, script: [ok]}}"),
        ('endpoints: {x: {url: "http://h/v1"}}', 'endpoints: {x: {url: "http://h/v1"}}'),
    ],
)
def test_a_kind_is_added_where_another_key_tells_it(before, after):
    rest = "version: 1\nmodels: {a: {at: x}}\nrules: [{use: a}]\n"
    assert mended(f"{before}\n{rest}") == f"{after}\n{rest}"


def test_a_use_is_added_where_there_is_one_model():
    assert mended(FILE.replace("{use: assistant}", "{deadline: 5s}")) == FILE.replace(
        "{use: assistant}", "{use: assistant, deadline: 5s}"
    )


def test_a_use_is_not_guessed_where_there_are_two_models_or_one_is_misread():
    for models in ("{a: {at: here}, b: {at: here}}", "{a: {at: here}, 5: {at: here}, 6: 7}"):
        text = f"{HEAD}models: {models}\nrules: [{{deadline: 5s}}]\n"
        assert "rules: [{deadline: 5s}]" in mended(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("---\n# hello\nname: x\n", "---\n# hello\nversion: 1\nname: x\n"),
        ("{name: x}", "{version: 1, name: x}"),
        ("version: \nname: x\n", "version: 1 \nname: x\n"),
    ],
)
def test_the_version_is_added_where_the_document_begins(before, after):
    assert mended(before) == after


def test_a_name_that_would_read_as_something_else_is_quoted():
    text = FILE.replace("assistant: {", '"on call": {').replace("use: assistant", "use: on cal")
    assert 'use: "on call"' in mended(text)


@pytest.mark.parametrize("name", ["12", "yes", "null", "é"])
def test_a_value_that_would_read_as_something_else_is_quoted(name):
    dimension = f'dimensions: {{d: {{values: ["{name}", other]}}}}\n'
    wrong = {"12": '"1 2"', "yes": "yess", "null": '"nul"', "é": '"É"'}[name]
    text = FILE.replace("{use: assistant}", f"{{when: {{d: {wrong}}}, use: assistant}}")
    assert f'{{d: "{name}"}}' in mended(dimension + text)


@pytest.mark.parametrize(
    "text",
    [
        FILE.replace("{use: assistant}", "{when: {task: chat, taks: code}, use: assistant}"),
        FILE.replace("use: assistant", "use: {split: {assistant: 1, asistant: 2}}"),
        FILE.replace("at: here", "at: {here: {}, hear: {}}"),
    ],
)
def test_a_repair_makes_no_key_twice(text):
    assert "R102" not in codes(mended(text))
    assert mended(text) == text


@pytest.mark.parametrize(
    "text",
    [
        FILE + "name: x\nname: x  # why\n",
        FILE + "name: x\nretry:\n  attempts: 1\nretry:\n  # why\n  attempts: 1\nmin_left: 1s\n",
        FILE + "name: x\nname: y\n",
        FILE + "min_left: &m 1s\nmin_left: 1s\ndeadline: *m\n",
    ],
)
def test_a_second_key_is_left_alone_where_something_could_be_lost(text):
    assert "R102" in codes(text)
    assert mended(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a:\n   b: 1\n\tc: 2\n",
        "name: |\n  hello\n  \tworld\nretry:\n\tattempts: 1\n",
    ],
)
def test_tabs_are_left_alone_where_spaces_for_them_would_not_do(text):
    assert codes(text) == {"R103"}
    assert mended(text) == text


def test_half_a_repair_is_none():
    source = Source("a.yaml", "one\n")
    edits = (Edit(Span("a.yaml", 1, 1, 1, 4), "two"), Edit(Span("b.yaml", 1, 1, 1, 4), "two"))
    found = Diagnostic("R302", "x", "error", "m", edits[0].span, fixes=(Fix("t", edits),))
    assert fixed(source, [found]) == ("one\n", 0)


def test_a_repair_of_what_another_file_brings_is_made_there(tmp_path):
    base = f"{HEAD}{MODELS}rules:\n  - use: a\n  - {{when: {{json: true}}, use: b}}\n"
    (tmp_path / "base.yaml").write_text(base, encoding="utf-8")
    source = Source(str(tmp_path / "x.yaml"), "version: 1\nextends: base.yaml\n")
    configuration = load_source(source, tmp_path)
    texts, made = all_fixed(configuration.sources, run_all(configuration))
    assert made == 1
    assert texts == {
        source.name: source.text,
        str(
            tmp_path / "base.yaml"
        ): f"{HEAD}{MODELS}rules:\n  - {{when: {{json: true}}, use: b}}\n  - use: a\n",
    }


@pytest.mark.parametrize(
    "text", ["? \n? \n", "  ? \n  ? ", ": 5\n", "a:\na:", "? a\n: 5\n", "!!str \n? ", "\ufeffname: x\n"]
)
def test_repairs_of_odd_keys_leave_yaml(text):
    assert "R101" not in codes(mended(text)) - codes(text)
