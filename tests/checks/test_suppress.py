"""Comments suppress findings where they stand, and are findings themselves where they are of no use."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.config.suppress import suppressions
from router.diagnostics.fix import fixed
from router.diagnostics.source import Source

HEAD = """\
version: 1
endpoints: {here: {kind: mock}}
models: {a: {at: here}, b: {at: here}, c: {at: here}}
"""
RULES = """\
rules:
  - {when: {task: code}, use: a}
  - {when: {task: code}, use: b}%s
  - {use: c}
"""


def checked(text, head=HEAD):
    configuration = load_source(Source("x.yaml", head + text), Path("/nowhere"))
    return configuration, run_all(configuration)


def codes(text, head=HEAD):
    return [(each.code, each.span.line) for each in checked(text, head)[1]]


def messages(text, head=HEAD):
    return [each.message for each in checked(text, head)[1] if each.code == "R904"]


def test_without_a_comment_the_finding_is_there():
    assert codes(RULES % "") == [("R401", 6)]


@pytest.mark.parametrize(
    "comment",
    [
        "  # router: ignore[R401] soon",
        " #router:ignore[R401] soon",
        "  # router: ignore[ R401 ]: soon",
        "\t# router: ignore[R401] - soon",
    ],
)
def test_a_comment_at_the_end_of_the_line_suppresses_what_begins_there(comment):
    assert codes(RULES % comment) == []


def test_a_comment_suppresses_several_codes():
    text = RULES.replace("use: c", 'when: {tokens: "> 5"}, use: c')
    assert codes(text % "  # router: ignore[R401] why") == [("R404", 4)]
    both = text.replace("rules:", "rules:  # router: ignore[R404, R413] why") % "  # router: ignore[R401] why"
    assert messages(both) == ["there is no `R413` to suppress here"]
    assert codes(both.replace(", R413", "")) == []


def test_a_comment_alone_on_its_line_is_about_the_line_below():
    text = (RULES % "").replace(
        "  - {when: {task: code}, use: b}", "  # router: ignore[R401] why\n  - {when: {task: code}, use: b}"
    )
    assert codes(text) == []


def test_comments_between_do_not_part_a_comment_from_its_line():
    text = (RULES % "").replace(
        "  - {when: {task: code}, use: b}",
        "  # router: ignore[R401] why\n  # and so on\n  - {when: {task: code}, use: b}",
    )
    assert codes(text) == []


def test_a_comment_on_another_line_suppresses_nothing():
    text = (RULES % "").replace("  - {use: c}", "  - {use: c}  # router: ignore[R401] why")
    assert codes(text) == [("R401", 6), ("R904", 7)]


def test_a_comment_without_a_reason_suppresses_and_is_a_finding():
    assert messages(RULES % "  # router: ignore[R401]") == ["the comment does not say why"]
    assert codes(RULES % "  # router: ignore[R401]") == [("R904", 6)]


@pytest.mark.parametrize(
    "comment", ["# router: ignore", "# router: ignore[] why", "# router: ignore[R401 why"]
)
def test_a_comment_that_names_no_code_suppresses_nothing(comment):
    assert codes(RULES % f"  {comment}") == [("R401", 6), ("R904", 6)]
    assert messages(RULES % f"  {comment}") == ["the comment names no finding to suppress"]


def test_what_keeps_a_file_from_being_understood_cannot_be_suppressed():
    text = "rules:\n  - {use: a, retries: 2}  # router: ignore[R201] why\n"
    found = checked(text, HEAD.replace("a: {at: here}, b: {at: here}, c: {at: here}", "a: {at: here}"))[1]
    assert [each.code for each in found] == ["R201", "R904"]
    assert found[1].message == "`R201` cannot be suppressed"
    assert (found[1].span.line, found[1].span.column) == (5, 44)


def test_an_unknown_code_is_a_finding_and_the_others_hold():
    assert messages(RULES % "  # router: ignore[R401, gap] why") == ["there is no finding `gap`"]


def test_a_secret_in_the_place_of_a_code_is_not_printed():
    assert messages(RULES % "  # router: ignore[sk-abcdefghijkl] why") == ["there is no finding `***`"]


def test_what_may_be_hidden_by_errors_is_not_called_unused():
    assert codes(RULES.replace("use: a", "use: nobody") % "  # router: ignore[R410] why")[0][0] == "R302"
    assert messages(RULES.replace("use: a", "use: nobody") % "  # router: ignore[R410] why") == []


def test_a_file_may_switch_the_finding_about_comments_off():
    assert codes(RULES % "  # router: ignore[R401]" + "lint: {R904: off}\n") == []


def test_the_finding_about_comments_can_be_suppressed_and_is_never_unused():
    assert codes(RULES % "  # router: ignore[R401, R410, R904] why") == []


@pytest.mark.parametrize(
    "text",
    [
        'a: "# router: ignore[R401] x"\n',
        "a: '# router: ignore[R401] x'\n",
        'a: "one\n  # router: ignore[R401] x\n  two"\n',
        "a: |\n  # router: ignore[R401] x\nb: 1\n",
        "a: >-\n  one\n\n  # router: ignore[R401] x\n",
        "a: x#router:ignore[R401] x\n",
        '"# router: ignore[R401] x": 1\n',
        "# see: # router: ignore[R401] x\n",
        "#  - {use: b}  # router: ignore[R401] x\n",
        "a: 1 # routers: ignore[R401] x\n",
    ],
)
def test_text_that_looks_like_a_comment_is_none(text):
    assert suppressions(Source("x.yaml", text)).comments == ()


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("a: | # router: ignore[R401] x\n  b\n", 1),
        ('a: "b" # router: ignore[R401] x\n', 1),
        ('a: "it\'s # no" # router: ignore[R401] x\n', 1),
        ("a: don't # router: ignore[R401] x\n", 1),
        ("a: |\n  b\n# router: ignore[R401] x\nc: 1\n", 4),
        ("a:\n  - |\n    b\n  # router: ignore[R401] x\n  - c\n", 5),
        ("a: b # router: ignore[R401] x", 1),
        ("a: [1, # router: ignore[R401] x\r\n  2]\r\n", 1),
        ("é: '日本\u2028 x' # router: ignore[R401] x\n", 2),
        ("a: 1\n# router: ignore[R401] x", 3),
    ],
)
def test_comments_are_found_among_quotes_and_blocks(text, about):
    (comment,) = suppressions(Source("x.yaml", text)).comments
    assert (comment.about, comment.reason) == (about, "x")
    assert [code for code, _ in comment.codes] == ["R401"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  - {use: c}  # router: ignore[R401] why\n", "  - {use: c}\n"),
        ("  # router: ignore[R401] why\n  - {use: c}\n", "  - {use: c}\n"),
        ("  - {use: c}\n# router: ignore[R401] why", "  - {use: c}\n"),
        ("  - {use: c}  # router: ignore[R401, R410]\n", "  - {use: c}\n"),
    ],
)
def test_the_fix_takes_the_comment_away(text, expected):
    head = HEAD.replace("a: {at: here}, b: {at: here}, c", "c") + "rules:\n"
    configuration, findings = checked(text, head)
    assert [each.code for each in findings] == ["R904"]
    assert fixed(configuration.source, findings) == (head + expected, 1)


def test_a_comment_some_of_whose_codes_are_of_use_has_no_fix():
    (found,) = checked(RULES % "  # router: ignore[R401, R410] why")[1]
    assert (found.message, found.fixes) == ("there is no `R410` to suppress here", ())
