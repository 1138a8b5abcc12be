"""What `router diff` tells of endpoints and models that two files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.compile.compiler import compile_configuration
from router.compile.diff import diff
from router.config.load import load_source
from router.diagnostics.source import Source

FILE = """\
version: 1
endpoints:
  one: {kind: mock, memory: 8GiB}
  two: {kind: mock}
  web: {kind: openai, url: "https://one.example/v1"}
models:
  a: {at: [one, two]}
  b: {at: web}
rules: [{use: [a, b]}]
"""


def program(text):
    return compile_configuration(load_source(Source("x.yaml", text), Path("/n")))[0]


def told(*changes, base=FILE):
    text = base
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return list(diff(program(base), program(text)).endpoints)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("balance: fastest", "balance ordered -> fastest"),
        ("failover: [b]", "failover"),
        ("truncate: oldest", "truncate none -> oldest"),
        ('clamp: {temperature: "0.1..0.8"}', "clamp of temperature unset -> 0.1..0.8"),
        ('clamp: {max_tokens: ">= 256"}', "clamp of max_tokens unset -> >= 256"),
        ("before: [{prefix: x}]", "before"),
        ("after: [strip]", "after"),
        ("options: {seed: 5, stop: [x]}", "stop, seed unset -> 5"),
        ("memory: 2GiB", "memory unset -> 2GiB"),
        ("pin: true, evict_cost: 2.5", "pin false -> true, evict_cost 1 -> 2.5"),
        ("preload: true", "preload false -> true"),
        (
            "family: mistral",
            "temperature unset -> 0.5, max_tokens unset -> 4096, before",
        ),
    ],
)
def test_what_changes_of_a_model_is_told_with_what_it_was(settings, line):
    assert told(("[one, two]", f"[one, two], {settings}")) == [f"model `a` changed: {line}"]


def test_a_family_that_says_what_is_written_already_changes_nothing_but_its_processors():
    written = FILE.replace("[one, two]", "[one, two], options: {temperature: 0.5, max_tokens: 4096}")
    assert told(("[one, two],", "[one, two], family: mistral,"), base=written) == [
        "model `a` changed: before"
    ]


def test_a_temperature_of_the_file_is_no_change_of_each_model():
    assert told(("rules:", "temperatures: {code: 0.2, default: 0.9}\nrules:")) == []


def test_an_option_that_a_temperature_of_the_file_hides_for_some_tasks_is_told_by_name():
    base = FILE.replace("rules:", "temperatures: {code: 0.2}\nrules:")
    line = "model `a` changed: temperature"
    assert told(("[one, two]", "[one, two], options: {temperature: 0.9}"), base=base) == [line]


def test_balance_and_weights_are_told_only_where_there_is_a_choice():
    assert told(("at: web", "at: web, balance: fastest")) == []
    assert told(("[one, two]", "{one: {weight: 3}, two: {}}")) == []
    shared = FILE.replace("[one, two]", "{one: {}, two: {}}, balance: weighted")
    was, now = (f"one as a with weight {weight}, two as a with weight 1" for weight in (1, 3))
    line = f"model `a` is served otherwise: {was} -> {now}"
    assert told(("one: {}", "one: {weight: 3}"), base=shared) == [line]


def test_memory_that_is_declared_of_a_machine_is_no_change_of_its_models():
    base = FILE.replace(", memory: 8GiB", "").replace("[one, two]", "[one, two], memory: 2GiB, pin: true")
    assert told(("rules:", "machine: {memory: 8GiB}\nrules:"), base=base) == []


def test_an_endpoint_tells_what_its_kind_alone_knows_and_what_may_be_in_memory_there():
    assert told(("8GiB", "9GiB, when_full: wait, script: [ok]")) == [
        "endpoint `one` changed: script, memory 8GiB -> 9GiB, when_full evict -> wait"
    ]
    assert told((", memory: 8GiB", "")) == ["endpoint `one` changed: memory 8GiB -> unset"]
    assert told(('v1"', 'v1", verify: false')) == ["endpoint `web` changed: verify true -> false"]
    assert told(("one.example", "two.example")) == [
        "endpoint `web` changed: url https://one.example/v1 -> https://two.example/v1"
    ]


def test_nothing_is_shown_that_may_hold_a_password():
    found = told(('v1"', 'v1", proxy: "http://proxy.example", headers: {x-team: "${env:X:-blue}"}'))
    assert found == ["endpoint `web` changed: headers, proxy"]


def test_a_file_is_the_same_from_wherever_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = FILE.replace("two: {kind: mock}", "two: {kind: gguf, path: models/a.gguf}")

    def at(folder):
        return compile_configuration(load_source(Source("x.yaml", text), folder))[0]

    here, whole, other = at(Path()), at(Path(os.fspath(tmp_path))), at(Path("other"))
    assert diff(here, whole).endpoints == ()
    assert diff(here, other).endpoints == ("endpoint `two` changed: path",)
    package = program(text.replace("models/a.gguf", "package:weights"))
    assert diff(here, package).endpoints == ("endpoint `two` changed: path",)


def test_a_machine_by_the_hour_is_no_free_one():
    hour = FILE.replace("b: {at: web}", "b: {at: web, price: {per_hour: $2}}")
    (price,) = diff(program(FILE), program(hour)).prices
    assert price.in_words == "price of `b` at `web`: unknown -> $2 an hour"
    assert price.as_json()["after"] == {"input": "0", "output": "0", "cached_input": None, "per_hour": "2"}
