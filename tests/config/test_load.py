from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config import problems
from router.config.conditions import Split
from router.config.load import load_file, load_source
from router.config.node import paths, plain
from router.config.yaml import core_scalar, read
from router.core.dimension import LEAST, MOST
from router.diagnostics.source import Source

HERE = Path(__file__).parent
HEAD = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
  size: {type: integer}
  flag: {type: boolean}
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
models: {a: {at: here}, b: {at: here}}
"""


def load(text, env=None, head=HEAD):
    configuration = load_source(Source("x.yaml", head + text), HERE, env)
    assert [each for each in run_all(configuration) if each.severity == "error" and each.code < "R4"] == []
    return configuration


def accepted(when):
    configuration = load(f"rules: [{{when: {when}, use: [a, b]}}]\n")
    return configuration.linked.rules[0].accepted


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("{task: code}", {"task": frozenset({"code"})}),
        ("{task: [code, chat]}", {"task": frozenset({"code", "chat"})}),
        ("{data: {not: public}}", {"data": frozenset({"private"})}),
        ("{data: any}", {}),
        ("{flag: true}", {"flag": frozenset({True})}),
        ("{flag: {not: true}}", {"flag": frozenset({False})}),
        ("{size: 5}", {"size": ((5, 5),)}),
        ("{size: 5.0}", {"size": ((5, 5),)}),
        ('{size: "> 5"}', {"size": ((6, MOST),)}),
        ('{size: ">= 5"}', {"size": ((5, MOST),)}),
        ('{size: "< 5"}', {"size": ((LEAST, 4),)}),
        ('{size: "<= 5"}', {"size": ((LEAST, 5),)}),
        ('{size: ["1..3", "2..9", 10, 20]}', {"size": ((1, 10), (20, 20))}),
        ('{size: "9..1"}', {"size": ()}),
        ('{size: {not: ["1..3", "> 8"]}}', {"size": ((LEAST, 0), (4, 8))}),
        ('{size: {not: "< 5"}}', {"size": ((5, MOST),)}),
        ('{tokens: "< 5"}', {"tokens": ((0, 4),)}),
        ('{task: "${env:TASK:-code}"}', {"task": frozenset({"code"})}),
        ('{flag: "${env:FLAG:-false}"}', {"flag": frozenset({False})}),
        ('{size: "${env:SIZE:-0}"}', {"size": ((0, 0),)}),
    ],
)
def test_a_condition_accepts_what_it_says(when, found):
    assert accepted(when) == found


def test_a_cell_and_the_when_of_its_matrix_join_by_and():
    text = """\
rules:
  - when: {task: [code, chat], size: "0..9"}
    matrix: [task, size, data, use]
    rows:
      - [code, "5..20", {not: public}, a]
      - [analysis, any, any, ["${env:M:-b}", others]]
      - [any, {not: [3]}, any, {split: {a: 1, b: 3}}]
"""
    rules = load(text).linked.rules
    assert [rule.name for rule in rules] == ["rules[1][1]", "rules[1][2]", "rules[1][3]"]
    assert rules[0].accepted == {
        "task": frozenset({"code"}),
        "size": ((5, 9),),
        "data": frozenset({"private"}),
    }
    assert rules[1].accepted["task"] == frozenset()
    assert [item.name for item in rules[1].use] == ["b", "a"]
    assert rules[2].accepted["size"] == ((0, 2), (4, 9))
    (split,) = rules[2].use
    assert isinstance(split, Split)
    assert [(named.name, share) for named, share in split.shares] == [("a", 1), ("b", 3)]
    assert rules[0].when_spans["data"].line == 12
    assert rules[0].use_span.line == 12


def test_defaults_of_dimensions_are_what_the_file_says_or_their_kind():
    dimensions = load("rules: [{use: [a, b]}]\n").linked.dimensions
    assert (dimensions["data"].default, dimensions["size"].default, dimensions["flag"].default) == (
        "public",
        0,
        False,
    )
    changed = load(
        "rules: [{use: [a, b]}]\n",
        head=HEAD.replace("size: {type: integer}", "size: {type: integer, default: 4.0}"),
    )
    assert changed.linked.dimensions["size"].default == 4
    own = load(
        "rules: [{use: [a, b]}]\n",
        head=HEAD.replace(
            "data: {values: [public, private], default: public}", "task: {values: [code, chat]}"
        ),
    )
    assert own.linked.dimensions["task"].default == "chat"


def test_values_come_from_the_environment_typed_as_their_place_wants():
    text = """\
rules: [{use: "${env:M:-a}", deadline: "${env:D:-5s}"}, {use: [a, b]}]
retry: {attempts: "${env:N:-2}"}
stream: {inside: "${env:S:-true}"}
name: "x-${env:WHO}-$${y}"
"""
    document = load(text, {"WHO": "me", "N": "3", "M": "b"}).document
    assert (document.retry.attempts, document.stream.inside, document.name) == (3, True, "x-me-${y}")
    assert document.rules[0].use[0].name == "b"
    assert document.rules[0].deadline == 5.0
    assert load(text).document.retry.attempts == 2


def test_what_a_variable_holds_is_never_told():
    text = (
        HEAD
        + 'rules: [{use: [a, b]}]\nretry: {attempts: "${env:N:-2}"}\nstream: {on_interrupt: "${env:H:-continue}"}\n'
    )
    found = run_all(load_source(Source("x.yaml", text), HERE, {"N": "hunter2"}))
    assert [(each.code, each.severity) for each in found] == [("R214", "error"), ("R211", "error")]
    assert "hunter2" not in repr(found)


def test_a_header_from_the_environment_must_be_sendable():
    head = HEAD.replace('v1"}', 'v1", key: "${env:K:-}", headers: {X-A: "a ${env:B}"}}')
    rules = "rules: [{use: [a, b]}]\n"
    found = run_all(load_source(Source("x.yaml", head + rules), HERE, {"B": "x\ny"}))
    assert [each.code for each in found] == ["R213"]
    document = load_source(Source("x.yaml", head + rules), HERE, {"B": "b", "K": "k"}).document
    assert document.endpoints["here"].headers["X-A"].reveal() == "a b"
    assert document.endpoints["here"].key_.reveal() == "k"


def test_a_literal_key_with_a_line_end_is_refused_and_masked():
    head = HEAD.replace('v1"}', 'v1", key: "hunter2\\n"}')
    source = Source("x.yaml", head + "rules: [{use: [a, b]}]\n")
    assert [each.code for each in run_all(load_source(source, HERE))] == ["R213"]
    assert "hunter2" not in source.line(6)


@pytest.mark.parametrize("key", ["12345678", "[x]", "null", '""'])
def test_a_key_that_is_no_text_is_refused_and_never_told(key):
    source = Source("x.yaml", HEAD.replace('v1"}', f'v1", key: {key}}}') + "rules: [{use: [a, b]}]\n")
    found = run_all(load_source(source, HERE))
    assert [each.code for each in found] == ["R203"]
    assert "12345678" not in repr(found) + source.line(6)


def test_literal_secrets_may_be_allowed_for_experiments():
    source = Source(
        "x.yaml",
        HEAD.replace('v1"}', 'v1", key: k}') + "rules: [{use: [a, b]}]\nallow_literal_secrets: true\n",
    )
    assert [(each.code, each.severity) for each in run_all(load_source(source, HERE))] == [
        ("R601", "warning")
    ]


def test_a_secret_in_a_file_that_is_no_yaml_is_masked():
    source = Source("x.yaml", 'endpoints:\n  key: hunter2\n  api_key: "${env:X}"\n  token: "hunter3\n')
    assert [each.code for each in run_all(load_source(source, HERE))] == ["R101"]
    assert "hunter" not in "".join(source.line(number) for number in range(6))
    assert "${env:X}" in source.line(3)


def test_prices_sizes_shares_and_times_are_exact():
    text = """\
rules: [{use: [a, b]}]
hedge: {after: 500ms, max: 5%}
breaker: {ratio: 12.5%, window: 1.5m}
machine: {memory: 8GiB}
costs: {budgets: [{name: t, limit: $0.10, then: {use: a}}, {name: u, limit: $1}]}
offline: {use: [a], replies: [{contains: [x], say: y}]}
min_left: 1 s
"""
    head = HEAD.replace(
        "b: {at: here}", "b: {at: {here: {price: {input: $0.1, output: $2}}}, price: free, failover: [a]}"
    )
    document = load(text, head=head).document
    assert (document.hedge.after, document.hedge.max, document.breaker.ratio, document.breaker.window) == (
        0.5,
        0.05,
        0.125,
        90,
    )
    assert document.machine.memory == 8 * 2**30
    assert document.costs.budgets[0].limit == Decimal("0.10")
    assert document.models["b"].at[0][1].price.input == Decimal("0.1")
    assert document.models["b"].price.input == 0
    assert document.min_left == 1


def test_the_whole_example_has_no_error_and_no_warning():
    found = run_all(load_file(HERE / "data" / "whole.yaml"))
    assert {each.code for each in found} == {"R305"}
    assert run_all(load_file(HERE / "data" / "whole.yaml", {"ANTHROPIC_API_KEY": "k"})) == []


def test_options_that_are_written_are_told_apart_from_those_that_are_not():
    document = load("rules: [{use: [a, b], options: {seed: 1, extra: {x: [1, '${env:Y:-z}']}}}]\n").document
    assert document.rules[0].options.given() == {"seed": 1}
    assert document.rules[0].options.extra == {"x": [1, "z"]}


def test_a_place_in_the_document_has_a_path():
    root, _ = read(Source("x.yaml", "a: [{b: 1}]\n"))
    found = paths(root)
    assert set(found.values()) == {"a", "a[0]", "a[0].b"}
    inner = root.entries["a"].items[0]
    assert found[inner.keys["b"]] == "a[0].b"
    assert plain(root) == {"a": [{"b": 1}]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("True", True),
        ("yes", "yes"),
        ("010", 10),
        ("0o10", 8),
        ("0x1f", 31),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("1e999", "1e999"),
        ("1" * 30, "1" * 30),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    assert core_scalar(text) == value


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a:\n  b: 1\n\n# c\nd: 2\n", (2, 7)),
        ("a:\n  - |\n    x\n    y\n\nd: 2\n", (4, 6)),
        ("a: {b: 1}\nd: 2\n", (1, 10)),
        ("a:\n  b:\nd: 2\n", (2, 5)),
    ],
)
def test_a_block_ends_where_its_last_value_does(text, end):
    root, found = read(Source("x.yaml", text))
    assert found == []
    span = root.entries["a"].span
    assert (span.end_line, span.end_column) == end


def test_an_alias_brings_what_it_stands_for_and_may_be_no_key():
    root, found = read(Source("x.yaml", "a: &a [1, &b 2]\nc: [*a, *b]\n*b : 3\n? {x: 1}\n: 4\n"))
    assert plain(root) == {"a": [1, 2], "c": [[1, 2], 2]}
    assert [type(each) for each in found] == [problems.KeyType, problems.KeyType]


def test_duplicates_are_read_as_if_they_were_one():
    root, found = read(Source("x.yaml", "a: {x: 1}\nb: [1]\nc: 1\na: {y: 2, x: 3}\nb: [2]\nc: 1\nd: 1"))
    assert plain(root) == {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 1, "d": 1}
    assert [each.lines is not None for each in found] == [False, False, True]


def test_a_name_that_is_written_stands_for_itself():
    assert load("rules: [{name: x, use: [a, b]}]\n").document.rules[0].name.name == "x"


def test_whatever_stands_under_a_key_that_names_a_secret_is_masked():
    source = Source("x.yaml", "passwords:\n  a: hunter2\n  b: [hunter3]\ntokens: shown\n")
    read(source)
    assert [source.line(number) for number in (2, 3, 4)] == [
        "  a: *******",
        "  b: [*******]",
        "tokens: shown",
    ]


def test_a_header_name_that_is_too_long_is_refused():
    head = HEAD.replace('v1"}', f'v1", headers: {{{"X" * 200}: "${{env:A:-}}"}}}}')
    found = run_all(load_source(Source("x.yaml", head + "rules: [{use: [a, b]}]\n"), HERE))
    assert [each.code for each in found] == ["R212"]


def test_an_env_example_that_is_no_text_promises_nothing(tmp_path):
    (tmp_path / ".env.example").write_bytes(b"A=\xff\n")
    assert load_source(Source("x.yaml", HEAD), tmp_path).promised == frozenset()


def test_a_link_in_a_loop_is_no_secret_file(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    text = HEAD.replace('v1"}', 'v1", key: "${file:loop}"}') + "rules: [{use: [a, b]}]\n"
    assert [each.code for each in run_all(load_source(Source("x.yaml", text), tmp_path))] == ["R612"]


def test_reading_the_configuration_needs_no_schema_library_and_no_network():
    code = "import sys, router.config.load, router.checks.registry; print({'jsonschema', 'click', 'httpx'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
