"""Memory, endpoints, health and caches: R801, R803, R804 and R805, and where each stays silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

RULES = "rules: [{use: small}]\n"


def found(text, code):
    every = run_all(load_source(Source("x.yaml", f"version: 1\n{text}"), Path("/nowhere")))
    return [each for each in every if each.code == code]


HERE = 'kind: openai, url: "http://127.0.0.1:8080/v1"'


def tight(model, here="memory: 8GiB", rest=""):
    endpoints = (
        f'endpoints: {{here: {{{HERE}, {here}}}, cloud: {{kind: openai, url: "https://x.example/v1"}}}}\n'
    )
    return found(f"{endpoints}models: {{small: {{{model}}}}}\n{RULES}{rest}", "R801")


def test_a_model_larger_than_its_endpoint_is_told():
    (told,) = tight("at: here, memory: 9GiB")
    assert (told.message, told.label) == ("`small` does not fit at `here`", "needs 9GiB")
    assert [each.label for each in told.related] == ["`here` has 8GiB for all its models"]


def test_a_model_larger_than_the_machine_is_told_for_local_endpoints_alone():
    (told,) = tight("at: [here, cloud], memory: 7GiB", rest="machine: {memory: 6GiB}\n")
    assert told.message == "`small` does not fit at `here`"
    assert [each.label for each in told.related] == ["this machine has 6GiB for all local models"]


@pytest.mark.parametrize(
    ("model", "here", "rest"),
    [
        ("at: here, memory: 8GiB", "memory: 8GiB", "machine: {memory: 8GiB}\n"),
        ("at: here", "memory: 8GiB", ""),
        ("at: here, memory: 99GiB", "timeout: 30s", ""),
        ("at: cloud, memory: 99GiB", "memory: 8GiB", "machine: {memory: 8GiB}\n"),
        ('at: here, memory: "${env:SIZE}"', "memory: 1MiB", ""),
        ("at: here, memory: 99GiB", 'memory: "${env:SIZE}"', ""),
        ("at: here, memory: 99GiB", "timeout: 30s", 'machine: {memory: "${env:SIZE}"}\n'),
        ("at: here, memory: 99GiB", "timeout: 30s", "machine: {}\n"),
        ("at: here, memory: large", "memory: 1MiB", ""),
    ],
)
def test_a_model_that_fits_or_whose_size_is_not_known_is_fine(model, here, rest):
    assert tight(model, here, rest) == []


def twins(one, other):
    endpoints = f"endpoints: {{one: {{{one}}}, other: {{{other}}}}}\n"
    return found(f"{endpoints}models: {{small: {{at: [one, other]}}}}\n{RULES}", "R803")


KEY = 'key: "${env:ONE_KEY}"'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (HERE, HERE),
        (f"{HERE}, {KEY}", f"{HERE}, {KEY}, concurrency: 4"),
        (
            'kind: openai, url: "https://API.example.com/v1"',
            'kind: openai, url: "https://api.example.com/v1/"',
        ),
        (f'{HERE}, headers: {{X-Team: "a"}}', f'{HERE}, headers: {{x-team: "a"}}'),
        (f'{HERE}, keys: ["${{env:A_KEY}}"]', f'{HERE}, keys: ["${{env:A_KEY}}"]'),
        ("kind: gguf, path: ./models", "kind: gguf, path: models/"),
        (
            'kind: openai, url: "${env:URL:-http://127.0.0.1:1}"',
            'kind: openai, url: "${env:URL:-http://127.0.0.1:1}"',
        ),
    ],
)
def test_two_endpoints_at_one_place_are_told(one, other):
    (told,) = twins(one, other)
    assert told.message == "endpoint `other` is `one` once more"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (HERE, HERE.replace("8080", "8081")),
        (HERE, HERE.replace("/v1", "/V1")),
        (HERE, f"{HERE}, {KEY}"),
        (f"{HERE}, {KEY}", f"{HERE}, {KEY}".replace("ONE", "TWO")),
        (f'{HERE}, headers: {{X-Team: "a"}}', f'{HERE}, headers: {{X-Team: "b"}}'),
        (f"{HERE}, timeout: 10s", f"{HERE}, timeout: 90s"),
        (f"{HERE}", f'{HERE}, proxy: "http://127.0.0.1:3128"'),
        (
            f"{HERE}, cert: one.pem".replace("http:", "https:"),
            f"{HERE}, cert: two.pem".replace("http:", "https:"),
        ),
        ("kind: mock", "kind: mock"),
        ("kind: gguf, path: ./models", "kind: gguf, path: ./others"),
        ('kind: openai, url: "${env:A}"', 'kind: openai, url: "${env:B}"'),
        (f"{HERE}, timeout: soon", f"{HERE}, timeout: soon"),
    ],
)
def test_two_endpoints_that_differ_in_who_answers_are_fine(one, other):
    assert twins(one, other) == []


def unchecked(endpoint):
    return found(f"endpoints: {{here: {{{endpoint}}}}}\nmodels: {{small: {{at: here}}}}\n{RULES}", "R804")


def test_a_local_server_without_health_checks_is_told():
    (told,) = unchecked(f"{HERE}, health: off")
    assert told.severity == "info"


@pytest.mark.parametrize(
    "endpoint",
    [
        HERE,
        f"{HERE}, health: {{every: 30s}}",
        f'{HERE}, health: "${{env:HEALTH}}"',
        f"{HERE}, health: 5",
        'kind: openai, url: "https://api.example.com/v1", health: off',
        "kind: mock, health: off",
    ],
)
def test_other_endpoints_need_no_word_on_their_health(endpoint):
    assert unchecked(endpoint) == []


def chance(models, rules, temperatures=""):
    text = f"endpoints: {{here: {{kind: mock}}}}\nmodels: {{{models}}}\n{rules}cache: {{ttl: 1h}}\n{temperatures}"
    return [each.related[0].label for each in found(text, "R805")]


ALWAYS = "rules: [{use: small, cache: always}]\n"


@pytest.mark.parametrize(
    ("models", "rules", "temperatures", "label"),
    [
        ("small: {at: here}", ALWAYS, "", "`small` answers at the endpoint's own temperature"),
        ("small: {at: here, options: {temperature: 0.7}}", ALWAYS, "", "`small` answers at temperature 0.7"),
        ("small: {at: here}", ALWAYS, "temperatures: {default: 0.5}\n", "`small` answers at temperature 0.5"),
        (
            "small: {at: here, options: {temperature: 0}}",
            ALWAYS,
            "temperatures: {creative: 1}\n",
            "`small` answers calls whose task is creative at temperature 1",
        ),
        (
            "small: {at: here, options: {temperature: 0}}",
            "rules: [{use: small, cache: always, options: {temperature: 0.1}}]\n",
            "",
            "`small` answers at temperature 0.1",
        ),
        (
            "small: {at: here, options: {temperature: 0}}, spare: {at: here}",
            "rules: [{use: [small, spare], cache: always}]\n",
            "",
            "`spare` answers at the endpoint's own temperature",
        ),
        (
            "small: {at: here, family: mistral}",
            ALWAYS,
            "",
            "`small` answers at temperature 0.5 (family mistral)",
        ),
        (
            "small: {at: here, family: mistral}",
            ALWAYS,
            "temperatures: {default: 0.3}\n",
            "`small` answers at temperature 0.3",
        ),
        (
            'small: {at: here, clamp: {temperature: "0.1..1"}}',
            "rules: [{use: small, cache: always, options: {temperature: 0}}]\n",
            "",
            "`small` answers at temperature 0.1",
        ),
        (
            "small: {at: here}",
            "rules: [{matrix: [task, use], rows: [[code, small], [any, small]], cache: always}]\n",
            "",
            "`small` answers at the endpoint's own temperature",
        ),
    ],
)
def test_kept_answers_of_chance_are_told_once_a_rule(models, rules, temperatures, label):
    assert chance(models, rules, temperatures) == [label]


@pytest.mark.parametrize(
    ("models", "rules", "temperatures"),
    [
        ("small: {at: here}", "rules: [{use: small}]\n", ""),
        ("small: {at: here}", "rules: [{use: small, cache: off}]\n", ""),
        ("small: {at: here}", "rules: [{use: small, cache: {ttl: 5m}}]\n", ""),
        ("small: {at: here, options: {temperature: 0}}", ALWAYS, ""),
        ("small: {at: here, options: {seed: 7}}", ALWAYS, ""),
        ("small: {at: here}", "rules: [{use: small, cache: always, options: {seed: 7}}]\n", ""),
        ("small: {at: here}", "rules: [{use: small, cache: always, options: {temperature: 0}}]\n", ""),
        ("small: {at: here}", ALWAYS, "temperatures: {default: 0}\n"),
        ('small: {at: here, family: mistral, clamp: {temperature: "<= 0"}}', ALWAYS, ""),
        ("small: {at: here, family: mistral}", ALWAYS, "temperatures: {default: 0}\n"),
        ('small: {at: here, family: "${env:FAMILY}"}', ALWAYS, ""),
        # The task decides before the model.
        (
            "small: {at: here, options: {temperature: 1}}",
            ALWAYS,
            "temperatures: {chat: 0, code: 0, analysis: 0, creative: 0}\n",
        ),
        # The rule decides before the task.
        (
            "small: {at: here}",
            "rules: [{use: small, cache: always, options: {temperature: 0}}]\n",
            "temperatures: {chat: 1}\n",
        ),
        # No call whose task is creative gets as far as this rule.
        (
            "small: {at: here}",
            "rules: [{when: {task: creative}, use: small}, {use: small, cache: always}]\n",
            "temperatures: {creative: 1, default: 0}\n",
        ),
        ('small: {at: here, options: {temperature: "${env:T}"}}', ALWAYS, ""),
        ("small: {at: here}", ALWAYS, "temperatures: {chatt: 1}\n"),  # codespell:ignore chatt
        ("small: {at: zzz}", ALWAYS, ""),
    ],
)
def test_answers_that_are_certain_or_not_kept_at_any_price_are_fine(models, rules, temperatures):
    assert chance(models, rules, temperatures) == []
