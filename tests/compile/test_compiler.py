"""What a file compiles to."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from router.compile.compiler import compile_configuration, compile_file
from router.compile.explain import explain
from router.compile.reasons import show_accepted
from router.config.load import load_source
from router.config.locality import derived_locality
from router.core.dimension import LEAST, MOST
from router.core.errors import ConfigError
from router.core.usage import FREE, Price
from router.diagnostics.source import Source
from router.runtime.said import explained_values

FILE = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
  size: {type: integer, default: 3}
  strict: {type: boolean}
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1/"}
  cloud: {kind: openai, url: "https://api.example.com/v1", key: "${env:CLOUD_KEY}", concurrency: 3}
  engine: {kind: gguf, path: ./models, threads: 2, isolation: none}
models:
  small: {at: here, context: 4096, options: {temperature: 0.1, max_tokens: 50}}
  big:
    at: {cloud: {id: big-9, context: 200000, price: {input: $3, output: $15}}, here: {}}
    capabilities: [tools, json]
    failover: [small]
  tiny: {at: engine, id: tiny.gguf}
temperatures: {code: 0.2, default: 0.7}
rules:
  - name: private
    when: {data: private, tokens: "<= 4000"}
    use: small
  - name: long
    when: {tokens: "> 4000"}
    use: [big, others]
    deadline: 30s
    retry: {attempts: 2}
    urgency: high
  - name: table
    when: {strict: true}
    matrix: [task, size, use]
    rows:
      - [code, "3..5", [big, small]]
      - [{not: [code, chat]}, any, {split: {big: 3, tiny: 1}, by: user}]
  - name: otherwise
    options: {temperature: 0.9, stop: END}
    use: [small, big, small]
"""
ENV = {"CLOUD_KEY": "sk-test-0123456789"}


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(FILE, encoding="utf-8")
    return compile_file(path, ENV)[0]


def why(program, **call):
    model = call.pop("model", None)
    user = call.pop("user", None)
    params = {name: call.pop(name) for name in ("temperature", "seed") if name in call}
    return explain(program, explained_values(program, call), params, model, user)


@pytest.mark.parametrize(
    ("call", "rule", "models"),
    [
        ({}, "otherwise", ["small", "big", "big"]),
        ({"data": "private"}, "private", ["small"]),
        ({"data": "private", "tokens": 4001}, "long", ["big", "big", "small", "tiny"]),
        ({"strict": True, "task": "code", "size": 5}, "table[1]", ["big", "big", "small"]),
        ({"strict": True, "task": "code", "size": 6}, "otherwise", ["small", "big", "big"]),
        ({"strict": True, "task": "creative"}, "table[2]", ["big", "big"]),
        ({"strict": True, "task": "chat"}, "otherwise", ["small", "big", "big"]),
    ],
)
def test_calls_go_where_the_file_says(program, call, rule, models):
    explanation = why(program, **call)
    assert explanation.rule == rule
    assert [each.model for each in explanation.candidates] == models


@pytest.mark.parametrize(
    ("call", "value", "written"),
    [
        ({}, 0.9, "temperature: 0.9"),
        ({"temperature": 0.4}, 0.4, None),
        ({"data": "private", "task": "code"}, 0.2, "code: 0.2"),
        ({"data": "private"}, 0.1, "temperature: 0.1"),
        ({"tokens": 9000}, 0.7, "default: 0.7"),
    ],
)
def test_an_option_comes_from_call_then_rule_then_task_then_model_then_default(program, call, value, written):
    found = why(program, **call).options["temperature"]
    assert found.value == value
    assert found.origin == ("call" if written is None else f"{program.file}:{place(written)}")


def place(text: str) -> str:
    before = FILE[: FILE.index(text)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_other_options_come_from_the_rule_and_the_model(program):
    options = why(program).options
    assert options["max_tokens"].value == 50
    assert options["stop"].value == ("END",)


def test_a_candidate_that_cannot_take_the_call_is_skipped_with_the_reason(program):
    explanation = why(program, images=True, tokens=5000)
    assert explanation.model == "small"
    assert explanation.candidates[0].skipped == "its capabilities lack images"
    assert why(program, model="big", images=True).model == "small"


def test_a_call_that_names_its_model_gets_it_and_its_own_failover(program):
    explanation = why(program, model="big")
    assert explanation.rule is None
    assert [each.model for each in explanation.candidates] == ["big", "big", "small"]
    assert {rule.because for rule in explanation.rules if rule.matched} == {
        "not asked: the call names its model"
    }


def test_a_split_shows_its_shares_and_keeps_a_user(program):
    explanation = why(program, strict=True, task="analysis")
    assert explanation.split == {"big": 3, "tiny": 1}
    assert explanation.model == "big"
    models = {why(program, strict=True, task="analysis", user=f"user-{n}").model for n in range(20)}
    assert models == {"big", "tiny"}


def test_every_rule_says_why_it_was_or_was_not_taken(program):
    because = {rule.name: rule.because for rule in why(program, tokens=9000, data="private").rules}
    assert because == {
        "private": "tokens is 9000, not <= 4000",
        "long": "the first that matches",
        "table[1]": "task is chat, not code; strict is false, not true",
        "table[2]": "task is chat, not analysis or creative; strict is false, not true",
        "otherwise": "matches too, but `long` stands before it",
    } | {"table[1]": because["table[1]"], "table[2]": because["table[2]"]}
    assert "task is chat, not code" in because["table[1]"]
    assert "strict is false, not true" in because["table[2]"]


def test_an_explanation_is_one_json_object(program):
    shown = why(program, strict=True, task="analysis").as_json()
    assert shown["rule"] == "table[2]"
    assert shown["split"] == {"big": 3, "tiny": 1}
    assert shown["candidates"][0] == {"model": "big", "endpoint": "cloud", "skipped": None}
    assert shown["options"]["temperature"]["from"] == f"{program.file}:{place('default: 0.7')}"
    assert "split" not in why(program).as_json()


def test_endpoints_compile_with_their_defaults(program):
    here, cloud, engine = program.endpoints.values()
    assert (here.url, here.locality, here.concurrency, here.queue_max) == (
        "http://127.0.0.1:8080/v1",
        "local",
        2,
        16,
    )
    assert (cloud.locality, cloud.concurrency, cloud.queue_max) == ("remote", 3, 16)
    assert cloud.keys[0].reveal() == ENV["CLOUD_KEY"]
    assert engine.settings["threads"] == 2
    assert engine.settings["isolation"] == "none"
    assert str(engine.settings["path"]).endswith("/models")


def test_prices_are_written_or_free_for_local_places_or_unknown(program):
    big, small = program.models["big"], program.models["small"]
    assert big.deployments[0].price == Price(Decimal(3), Decimal(15))
    assert big.deployments[1].price == FREE
    assert small.deployments[0].price == FREE


def test_a_remote_place_without_a_price_is_unknown(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(FILE.replace(", price: {input: $3, output: $15}", ""), encoding="utf-8")
    program, _ = compile_file(path, ENV)
    assert program.models["big"].deployments[0].price is None


def test_policies_come_from_the_rule_or_the_file(program):
    long, otherwise = program.routes[1], program.routes[-1]
    assert (long.deadline, long.policy.retry.attempts, long.urgency) == (30.0, 2, "high")
    assert (otherwise.deadline, otherwise.policy.retry.attempts, otherwise.urgency) == (120.0, 4, "normal")


def test_a_file_with_errors_raises_all_its_findings(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(
        FILE.replace("use: small\n", "use: smal\n").replace("urgency: high", "urgncy: high"), encoding="utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        compile_file(path, ENV)
    assert {each.code for each in caught.value.findings if each.severity == "error"} == {"R201", "R302"}
    assert "2 errors" in str(caught.value)


def test_a_missing_file_is_one_finding(tmp_path):
    with pytest.raises(ConfigError) as caught:
        compile_file(tmp_path / "none.yaml")
    assert [finding.code for finding in caught.value.findings] == ["R100"]


@pytest.mark.parametrize(
    ("kind", "url", "locality"),
    [
        ("openai", "http://127.0.0.1:1/v1", "local"),
        ("openai", "http://127.8.9.1/v1", "local"),
        ("openai", "http://localhost:1", "local"),
        ("openai", "http://[::1]:80", "local"),
        ("openai", "unix:/run/x.sock", "local"),
        ("openai", "http://192.168.1.5", "remote"),
        ("openai", "http://localhost.example.com", "remote"),
        ("openai", "http://127.0.0.1.example.com", "remote"),
        ("openai", "https://api.example.com", "remote"),
        ("openai", "", "remote"),
        ("opencode", "http://127.0.0.1:1", "remote"),
        ("gguf", "", "local"),
        ("mock", "", "local"),
    ],
)
def test_only_what_surely_stays_here_is_local(kind, url, locality):
    assert derived_locality(kind, url) == locality


@pytest.mark.parametrize(
    ("dimension", "accepted", "shown"),
    [
        ("task", frozenset({"code", "chat"}), "chat or code"),
        ("task", frozenset(), "anything there is"),
        ("strict", frozenset({True}), "true"),
        ("size", ((LEAST, 4), (9, 9), (12, MOST)), "<= 4 or 9 or >= 12"),
        ("size", ((5, 7),), "5..7"),
        ("size", ((8001, MOST),), "> 8000"),
        ("size", ((8000, MOST),), ">= 8000"),
        ("size", ((LEAST, 7999),), "< 8000"),
        ("size", (), "any number there is"),
    ],
)
def test_what_a_rule_accepts_is_said_in_words(program, dimension, accepted, shown):
    assert show_accepted(program.dimensions[dimension], accepted) == shown


def test_the_five_line_file_compiles(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(
        dedent("""\
        version: 1
        endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
        models: {assistant: {at: here}}
        rules: [{use: assistant}]
        """),
        encoding="utf-8",
    )
    program, findings = compile_file(path, {})
    assert findings == []
    assert why(program).model == "assistant"


@pytest.mark.parametrize(
    ("models", "concurrency"),
    [
        ("{a: {at: box}}", 1),
        ("{a: {at: box, id: x}, b: {at: box, id: x.gguf}}", 1),
        ("{a: {at: box, id: x}, b: {at: box, id: x, context: 900}}", 2),
        ("{a: {at: box}, b: {at: box}}", 2),
        ("{a: {at: box}, b: {at: box}, c: {at: box}}", 2),
        ("{a: {at: other}}", 1),
    ],
)
def test_an_endpoint_of_model_files_takes_no_more_calls_at_once_than_its_models_answer(models, concurrency):
    text = f"""\
version: 1
endpoints: {{box: {{kind: gguf, path: models}}, other: {{kind: mock}}}}
models: {models}
rules: [{{use: a}}]
"""
    program, _ = compile_configuration(load_source(Source("router.yaml", text), Path()))
    box = program.endpoints["box"]
    assert (box.concurrency, box.queue_max) == (concurrency, 16)
    written = text.replace("path: models", "path: models, concurrency: 5")
    program, _ = compile_configuration(load_source(Source("router.yaml", written), Path()))
    assert program.endpoints["box"].concurrency == 5
