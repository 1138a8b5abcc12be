"""The house form: the same values, the same comments, laid out one way."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config.language import DOCUMENT
from router.config.node import plain
from router.config.routing_tests import TEST_FILE
from router.config.yaml import read
from router.diagnostics.source import Source
from router.layout import form
from router.layout.form import MeaningChangedError, comments, formatted

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "configs").glob("*.yaml"))
TEXTS = [file.read_text(encoding="utf-8") for file in EXAMPLES]
KEYS = tuple(DOCUMENT.keys)


def laid(text):
    return formatted(text, KEYS)


def values(text):
    return plain(read(Source("", text))[0])


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_examples_are_in_the_house_form(file):
    keys = tuple(TEST_FILE.keys) if file.name.endswith(".test.yaml") else KEYS
    text = file.read_text(encoding="utf-8")
    assert formatted(text, keys) == text


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("a:    1\n", "a: 1\n"),
        ("a: {b:  1 ,c: [x,y ] }\n", "a: {b: 1, c: [x, y]}\n"),
        ("a: { }\nb: [ ]\n", "a: {}\nb: []\n"),
        ('a: {"b":1, c: [d: 2, e]}\n', 'a: {"b": 1, c: [d: 2, e]}\n'),
        ("a: {b, c: , d: }\n", "a: {b, c: , d: }\n"),
        ("a: [1, 2,]\n", "a: [1, 2]\n"),
        ("a: 1   \n\n\n\nb: 2", "a: 1\n\nb: 2\n"),
        ("\n\na: 1\n\n\n", "a: 1\n"),
        ("a:\n\n    b: 1\n", "a:\n  b: 1\n"),
        ("a:\n- b\n-   c: 1\n    d: 2\n", "a:\n  - b\n  - c: 1\n    d: 2\n"),
        ("a:\n-\n  b: 1\n- \n  x\n-\n", "a:\n  - b: 1\n  - x\n  -\n"),
        ("a:\n- - 1\n  - 2\n", "a:\n  - - 1\n    - 2\n"),
        ("a: 1 # x\nb: 2 #y\n", "a: 1  # x\nb: 2  # y\n"),
        ("a: 'x'\nb: \"y\"\n", "a: 'x'\nb: \"y\"\n"),
        ("? a\n: 1\n", "a: 1\n"),
        ("a:\n    long text\n", "a:\n  long text\n"),
        ("---\na:  1\n...\n", "---\na: 1\n...\n"),
        ("%YAML 1.1\n--- \n# c\na:  1\n", "%YAML 1.1\n---\n# c\na: 1\n"),
        ('{"version":1}', '{"version":1}\n'),
        ("a:\tb\n", "a: b\n"),
    ],
)
def test_spaces_and_indentation_are_put_right(written, wanted):
    assert laid(written) == wanted
    assert laid(wanted) == wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("a:\n    # of b\n    b: 1\n    # end of a\nc: 2\n", "a:\n  # of b\n  b: 1\n  # end of a\nc: 2\n"),
        (
            "a:\n    b:\n        c: 1\n    # of a\n# of d\nd: 2\n",
            "a:\n  b:\n    c: 1\n  # of a\n# of d\nd: 2\n",
        ),
        ("a:\n- b: 1\n# of c\nc: 2\n", "a:\n  - b: 1\n# of c\nc: 2\n"),
        ("a:\n- b\n# - c\n", "a:\n  - b\n  # - c\n"),
        ("a: # x\n    # y\n    b: 1\n", "a:  # x\n  # y\n  b: 1\n"),
        ("a: # x\n    # y\n\n    text # z\n", "a:  # x\n  # y\n  text  # z\n"),
        ("a:\n- # x\n  b: 1\n", "a:\n  -  # x\n    b: 1\n"),
        ("a:\n-\n  # x\n  b\n", "a:\n  -\n    # x\n    b\n"),
        ("a: 1\n   #last", "a: 1\n# last\n"),
        ("# first\n\n\n# second\na: 1\n", "# first\n\n# second\na: 1\n"),
        ("a:  # only\n", "a:  # only\n"),
        ("? a  # why\n: 1\n", "# why\na: 1\n"),
        ("? # why\n  a\n: 1\n", "# why\na: 1\n"),
    ],
)
def test_comments_stay_where_they_belong(written, wanted):
    assert laid(written) == wanted
    assert laid(wanted) == wanted


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("a: |  # x\n      b\n       c\n\n# d\ne: 1\n", "a: |  # x\n  b\n   c\n\n# d\ne: 1\n"),
        ("a:\n    b: |2\n       c\n", "a:\n  b: |2\n     c\n"),
        ("a: |+\n    b\n\n\nc: 1\n", "a: |+\n  b\n\n\nc: 1\n"),
        ("a: |+\n    b\n\n", "a: |+\n  b\n\n"),
        ("a: >-\n    b\n\n\n\n    c\n", "a: >-\n  b\n\n\n\n  c\n"),
        ("a: |\n  b", "a: |-\n  b\n"),
        ("a: |\n  b\n     \n", "a: |\n  b\n     \n"),
        ("a: |\nb: |", "a: |\nb: |\n"),
        ("a: &x |\n   b\n", "a: &x |\n  b\n"),
        ("a:  # x\n  |  # y\n  b\n", "a:  # x\n  |  # y\n  b\n"),
        ("a: 'x\n\n     y'  # z\n", "a: 'x\n\n     y'  # z\n"),
        ("a:\n    b: x   \n        y\n", "a:\n  b: x\n      y\n"),
        ('a: "x \\\n  y\\ \n  z"\n', 'a: "x \\\n  y\\ \n  z"\n'),
    ],
)
def test_long_texts_keep_their_lines(written, wanted):
    assert laid(written) == wanted
    assert laid(wanted) == wanted


def test_brackets_over_several_lines_keep_their_lines_and_move_with_their_key():
    written = "a:\n    b: {c:1,  # x\n        d: [1,2]   \n    }\n"
    wanted = "a:\n  b: {c:1,  # x\n      d: [1,2]\n    }\n"
    assert laid(written) == laid(wanted) == wanted


def test_values_that_stand_under_each_other_stay_so():
    written = "a:\n  one:     {b: 1}\n  three:   {b: 2}\n  x: {b: 3}\n\n  y:   1\n"
    wanted = "a:\n  one:   {b: 1}\n  three: {b: 2}\n  x: {b: 3}\n\n  y: 1\n"
    assert laid(written) == laid(wanted) == wanted


def test_comments_that_stand_under_each_other_stay_so():
    written = "a: {b: 1,c: 2,d: 3} # x\nb: 1                 # y\nccc:   1             # z\nd: 1 # u\n"
    wanted = "a: {b: 1, c: 2, d: 3}  # x\nb: 1                 # y\nccc: 1               # z\nd: 1  # u\n"
    assert laid(written) == laid(wanted) == wanted


def test_a_comment_stays_as_far_from_its_line_as_it_was():
    assert laid("a:     1     # x\nb: 1\n") == "a: 1     # x\nb: 1\n"


def test_comments_in_one_column_of_the_file_stay_in_it():
    written = "a:     1     # x\nb: 1\nccc: 12345   # y\n"
    assert laid(written) == "a: 1         # x\nb: 1\nccc: 12345   # y\n"


def test_rows_of_a_table_stand_under_each_other():
    written = "rows:\n- [a,b, c]\n# second\n- [[long, words],x,y]  # z\n- [d]\n"
    wanted = "rows:\n  - [a,             b, c]\n  # second\n  - [[long, words], x, y]  # z\n  - [d]\n"
    assert laid(written) == laid(wanted) == wanted


def test_rows_that_are_no_lists_on_one_line_are_left_as_they_are():
    written = "rows:\n  - [a,\n     b]\n  - [ccc, d]\n"
    assert laid(written) == written


def test_keys_of_the_document_are_put_in_the_order_of_the_language():
    written = (
        "# yaml-language-server: $schema=x\n"
        "rules:\n  - use: a  # last\n  # end of rules\n"
        "\n# about models\nmodels: {a: {at: b}}\n"
        "other: 1\n"
        "# about endpoints\n\n# b\nendpoints:\n  b: {kind: mock}\n"
        "version: 1\n"
    )
    wanted = (
        "# yaml-language-server: $schema=x\n"
        "version: 1\n"
        "# about endpoints\n\n# b\nendpoints:\n  b: {kind: mock}\n"
        "\n# about models\nmodels: {a: {at: b}}\n"
        "other: 1\n"
        "\nrules:\n  - use: a  # last\n  # end of rules\n"
    )
    assert laid(written) == laid(wanted) == wanted


def test_what_is_said_of_the_whole_file_stays_at_its_top():
    written = "# The file.\n\n# The models.\nmodels: {a: {}}\n\n# One.\nversion: 1\n"
    wanted = "# The file.\n\n# One.\nversion: 1\n# The models.\nmodels: {a: {}}\n"
    assert laid(written) == laid(wanted) == wanted


def test_what_stands_at_the_very_top_is_about_the_file():
    written = "\n\n# The file.\nmodels: {a: {}}\nversion: 1\n"
    wanted = "# The file.\nversion: 1\nmodels: {a: {}}\n"
    assert laid(written) == laid(wanted) == wanted


def test_a_file_with_aliases_keeps_its_order():
    written = "models: &m {a: {}}\nversion: 1\nextra:    *m\nlist: [*m ,*m]\nblock: &b\n    c: &d\n    - 1\n"
    wanted = "models: &m {a: {}}\nversion: 1\nextra: *m\nlist: [*m, *m]\nblock: &b\n  c: &d\n    - 1\n"
    assert laid(written) == laid(wanted) == wanted


def test_anchors_stay_with_their_values():
    written = "a: [&x {b: 1} , &y  [c],&z d]\nb:\n- &k\n  c: 1\n- &q  # r\n  - 1\n"
    wanted = "a: [&x {b: 1}, &y [c], &z d]\nb:\n  - &k\n    c: 1\n  - &q  # r\n    - 1\n"
    assert laid(written) == laid(wanted) == wanted


def test_line_ends_stay_as_the_first_one_is():
    assert laid("a:  1\r\nb:   2\n") == "a: 1\r\nb: 2\r\n"
    assert laid("a:  1\nb:   2\r\n") == "a: 1\nb: 2\n"


def test_a_document_that_is_no_mapping_is_left_as_it_is():
    assert laid("- a:   1\n\n\n") == "- a:   1\n"
    assert laid("&a\nb:   1\n") == "&a\nb:   1\n"


@pytest.mark.parametrize("broken", ["a: 2\n", "a: 1\n", "a: [\n"])
def test_a_form_with_another_meaning_is_never_returned(broken, monkeypatch):
    monkeypatch.setattr(form, "printed", lambda _: broken.splitlines())
    with pytest.raises(MeaningChangedError):
        laid("a: 1  # x\n")


def scattered(text, dice):
    """Return a text with other spaces, blank lines, comments and order of its keys, that says the same."""
    blocks = re.split(r"^(?=[a-z_]+:)", text, flags=re.MULTILINE)
    rest = blocks[1:]
    dice.shuffle(rest)
    lines = "".join([blocks[0], *rest]).split("\n")
    width = dice.choice([2, 3, 4, 7])
    out = []
    for line in lines:
        bare = line.lstrip(" ")
        deep = (len(line) - len(bare)) // 2
        if re.match(r"[^#\"]*[\[{][^\"]*$", bare) and dice.random() < 0.3:
            bare = re.sub(
                r"(?<=[\]}]) *(?=[\]}])|(?<=[^$]\{)|(?=,(?= ))",
                lambda _: " " * dice.choice([0, 0, 1, 3]),
                bare,
            )
        # An item's further keys stand where its first one does, so the sign is as wide as a step.
        bare = re.sub(r"^- ", "-" + " " * (width - 1), bare)
        out.append(" " * (deep * width) + bare)
        if dice.random() < 0.2:
            out += [""] * dice.choice([1, 1, 3])
        if dice.random() < 0.2:
            out.append(" " * dice.randrange(9) + dice.choice(["# note", "#note", "# - x: 1", "#"]))
    return "\n".join(out) + "\n" * dice.randrange(3)


@settings(max_examples=100)
@given(text=st.sampled_from(TEXTS), seed=st.integers(0, 10**9))
def test_a_scattered_file_is_laid_out_with_all_its_values_and_comments(text, seed):
    written = scattered(text, random.Random(seed))
    assert values(written) == values(text)
    found = laid(written)
    assert values(found) == values(written)
    assert comments(found) == comments(written)
    assert laid(found) == found
    assert list(values(found)) == sorted(
        values(found), key=lambda key: KEYS.index(key) if key in KEYS else 99
    )


leaf = st.one_of(
    st.integers(0, 99),
    st.booleans(),
    st.none(),
    st.text(st.sampled_from("ab #:-,[]{}'\"\\\n\té☃|>&*!%@`?"), max_size=30),
)
tree = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b c", "d#", "rows"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(
    value=st.dictionaries(st.sampled_from(["x", "version", "rules", "y: z"]), tree, min_size=1),
    how=st.fixed_dictionaries(
        {
            "indent": st.integers(2, 6),
            "width": st.sampled_from([20, 80, 1000]),
            "default_flow_style": st.sampled_from([True, False, None]),
            "default_style": st.sampled_from([None, None, "|", ">", '"', "'"]),
        }
    ),
)
def test_any_values_written_in_any_way_stay_the_same(value, how):
    written = yaml.safe_dump(value, **how, sort_keys=False, allow_unicode=True)
    root, problems = read(Source("", written))
    if root is None or problems:
        return  # the language has no such texts
    found = laid(written)
    assert values(found) == plain(root)
    assert laid(found) == found
