"""A log of calls, asked of two configurations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.compile.compiler import compile_configuration
from router.compile.replay import replay
from router.config.load import load_source
from router.diagnostics.source import Source

OLD = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
  size: {type: integer, default: 0}
endpoints: {one: {kind: mock}}
models: {a: {at: one}, b: {at: one, failover: [a]}, gone: {at: one}}
temperatures: {code: 0.2, default: 0.7}
rules:
  - {name: long, when: {tokens: "> 10"}, use: b}
  - {name: otherwise, use: [a, gone]}
"""
NEW = OLD.replace("> 10", "> 5")


def program(text):
    return compile_configuration(load_source(Source("x.yaml", text), Path("/n")))[0]


def asked(*records, old=OLD, new=NEW):
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in records]
    return replay(program(old), program(new), lines)


def test_calls_whose_decision_changes_are_counted_by_what_they_leave_and_meet():
    found = asked(*({"call": {"tokens": tokens}} for tokens in (3, 6, 7, 11)), {"dimensions": {"tokens": 8}})
    assert (found.calls, found.changed, found.share, found.bad) == (5, 3, 0.6, 0)
    (move,) = found.moves
    assert (move.before.rule, move.after.rule, move.calls) == ("otherwise", "long", 3)


def test_what_a_record_leaves_out_or_says_null_of_has_its_default():
    assert asked({"call": {}}, {"call": {"data": None, "tokens": 7}, "cost": 3}).changed == 1


def test_options_that_decide_nothing_may_stand_in_a_call():
    assert asked({"call": {"tokens": 3, "temperature": 0.1, "user": "x"}}).bad == 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"nonsense", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ([1], "not an object"),
        ({}, "it has no mapping `call` or `dimensions`"),
        ({"call": 3}, "it has no mapping `call` or `dimensions`"),
        ({"call": {"taks": "code"}}, "`taks` is no dimension"),
        ({"call": {"task": "poetry"}}, "a value of it is not legal on either side"),
        ({"call": {"task": ["code"]}}, "a value of it is not legal on either side"),
        ({"call": {"tokens": -1}}, "a value of it is not legal on either side"),
        ({"call": {"tokens": True}}, "a value of it is not legal on either side"),
        ({"call": {"model": "nobody"}}, "there is no model `nobody` on either side"),
    ],
    ids=str,
)
def test_a_line_that_is_no_call_is_counted_and_told(line, why):
    found = asked({"call": {}}, line)
    assert (found.calls, found.bad, found.examples) == (1, 1, ((2, why),))


def test_empty_lines_are_nothing_and_only_some_bad_ones_are_shown():
    found = asked(b"", b"\n", *[b"x"] * 20)
    assert (found.calls, found.bad, len(found.examples), found.share) == (0, 20, 5, 0.0)
    assert found.as_json()["bad_lines"][0] == {"line": 3, "reason": "not JSON"}


def test_a_value_that_one_side_refuses_is_a_change():
    found = asked({"call": {"data": "secret"}}, new=OLD.replace("public, private", "public, private, secret"))
    assert (found.changed, found.moves[0].before.refused, found.moves[0].after.refused) == (1, True, False)


def test_a_dimension_that_one_side_lacks_is_told_to_the_other_alone():
    new = OLD.replace("  size: {type: integer, default: 0}\n", "")
    assert (asked({"call": {"size": 3}}, new=new).changed, asked({"call": {"size": 3}}, new=new).bad) == (
        0,
        0,
    )


def test_a_temperature_by_task_changes_the_calls_of_that_task_alone():
    records = [{"call": {"task": task}} for task in ("chat", "code", "code")]
    assert asked(*records, new=OLD.replace("code: 0.2", "code: 0.3")).changed == 2


def test_a_call_that_names_its_model_asks_no_rule():
    named = {"call": {"model": "b", "tokens": 7}}
    assert asked(named).changed == 0
    assert asked(named, new=OLD.replace("failover: [a]", "failover: [gone]")).changed == 1


def test_a_model_that_is_gone_refuses_the_calls_that_name_it():
    found = asked(
        {"call": {"model": "gone"}},
        new=OLD.replace(", gone: {at: one}", "").replace("[a, gone]", "a"),
    )
    assert (found.moves[0].before.models, found.moves[0].after.refused) == (("gone",), True)


def test_the_json_has_the_moves():
    shown = asked({"call": {"tokens": 7}}).as_json()
    assert shown["moves"] == [
        {
            "calls": 1,
            "before": {"rule": "otherwise", "models": ["a", "gone"]},
            "after": {"rule": "long", "models": ["b"]},
        }
    ]
