"""What is said of kinds of endpoints and of the servers behind them: where it surely holds, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from router import load_router
from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source


def findings(endpoints, models, rules="rules: [{use: [one]}]", env=None):
    text = f"version: 1\nendpoints:\n{endpoints}\nmodels: {models}\n{rules}\n"
    configuration = load_source(Source("x.yaml", text), Path("/nowhere"), env)
    return [each for each in run_all(configuration) if each.severity != "info"]


def said(*parts, **fields):
    return [(each.code, each.message, each.label) for each in findings(*parts, **fields)]


CLAUDE = '  a: {kind: anthropic, key: "${env:K}"}'
DEEPSEEK = '  a: {kind: openai, url: "https://api.deepseek.com/v1", key: "${env:K}"}'
OPEN = '  b: {kind: openai, url: "http://127.0.0.1:8080/v1"}'
SEED = "{one: {at: a, options: {seed: 1}}}"


def test_an_anthropic_endpoint_needs_no_address():
    assert said(CLAUDE, "{one: {at: a}}") == []


def test_an_openai_endpoint_needs_one():
    assert [each.code for each in findings("  a: {kind: openai}", "{one: {at: a}}")] == ["R202"]


def test_a_seed_that_a_server_ignores_is_told_by_its_host():
    (found,) = said(DEEPSEEK, SEED)
    assert found == (
        "R516",
        "`seed` of model `one` cannot be sent to its endpoint",
        "not for deepseek (`quirks`)",
    )


def test_a_written_server_wins_over_the_host():
    assert said(DEEPSEEK.replace("key", "quirks: vllm, key"), SEED) == []
    assert len(said(OPEN.replace("b:", "a:").replace("url", "quirks: deepseek, url"), SEED)) == 1


def test_what_one_model_of_a_server_ignores_is_told_of_that_model_alone():
    hot = "{one: {at: a, id: deepseek-%s, options: {temperature: 0.2}}}"
    assert said(DEEPSEEK, hot % "chat") == []
    assert [code for code, *_ in said(DEEPSEEK, hot % "reasoner")] == ["R516"]
    there = "{one: {at: {a: {id: deepseek-reasoner}}, options: {top_p: 0.2}}}"
    assert [code for code, *_ in said(DEEPSEEK, there)] == ["R516"]


def test_an_option_that_one_of_several_places_takes_is_no_finding():
    assert said(f"{DEEPSEEK}\n{OPEN}", "{one: {at: [a, b], options: {seed: 1}}}") == []


def test_a_rule_whose_models_all_ignore_an_option_is_told():
    rules = "rules: [{name: r, use: [one, two], options: {seed: 1}}]"
    places = f"{DEEPSEEK}\n{CLAUDE.replace('a:', 'c:', 1)}"
    (found,) = said(places, "{one: {at: a}, two: {at: c}}", rules)
    assert found[1:] == (
        "`seed` of rule `r` cannot be sent to any of its endpoints",
        "not for deepseek (`quirks`) or kind anthropic",
    )


def test_an_address_that_is_not_known_yet_is_left_alone():
    endpoint = '  a: {kind: openai, url: "${env:URL}", key: "${env:K}"}'
    assert said(endpoint, SEED) == []
    env = {"URL": "https://api.deepseek.com/v1", "K": "k"}
    assert [code for code, *_ in said(endpoint, SEED, env=env)] == ["R516"]


@pytest.mark.parametrize(
    ("endpoint", "codes"),
    [
        ('{kind: openai, url: "http://127.0.0.1:8080/v1", api_version: "1"}', ["R514"]),
        ('{kind: openai, url: "http://127.0.0.1:8080/v1", api_version: "1", quirks: azure}', []),
        ('{kind: openai, url: "https://x.openai.azure.com", api_version: "1"}', []),
        ('{kind: openai, url: "${env:U}", api_version: "1"}', []),
        ('{kind: openai, url: "https://x.openai.azure.com", api_version: "1", quirks: vllm}', ["R514"]),
        ('{kind: anthropic, api_version: "2023-06-01"}', []),
        ('{kind: mock, api_version: "1"}', ["R210"]),
        ("{kind: anthropic, quirks: azure}", ["R210"]),
        ('{kind: openai, url: "http://127.0.0.1:8080/v1", quirks: azzure}', ["R204"]),
        ('{kind: openai, url: "http://127.0.0.1:8080/v1", api_version: "1&x=2", quirks: azure}', ["R204"]),
    ],
)
def test_a_version_is_for_those_who_ask_for_one(endpoint, codes):
    assert [each.code for each in findings(f"  a: {endpoint}", "{one: {at: a}}")] == codes


THINKER = "{one: {at: a, options: {reasoning_effort: high%s}}}"
HOT = ("R516", "`one` is to think in calls of rule `r`, and their temperature is 0.2")


@pytest.mark.parametrize(
    ("model", "rule", "temperatures", "told"),
    [
        ("", "", "{}", False),
        (", temperature: 0.2", "", "{}", True),
        (", temperature: 1", "", "{}", False),
        ("", ", options: {temperature: 0.2}", "{}", True),
        (", temperature: 0.2", ", options: {temperature: 1}", "{}", False),
        (", temperature: 0.2", ", options: {reasoning_effort: none}", "{}", False),
        ("", "", "{default: 0.2}", True),
        ("", "", "{default: 0.2, code: 1}", False),
        ("", "", "{code: 0.2}", False),
        ("", ", when: {task: code}", "{code: 0.2}", True),
        (", temperature: 1", "", "{default: 0.2}", False),
        ("", "", '{default: "${env:HEAT}"}', False),
    ],
)
def test_thinking_at_another_temperature_is_told_where_every_call_would_be_refused(
    model, rule, temperatures, told
):
    rules = f"rules: [{{name: r, use: one{rule}}}]\ntemperatures: {temperatures}"
    found = [each[:2] for each in said(CLAUDE, THINKER % model, rules) if each[0] == "R516"]
    assert found == ([HOT] if told else [])


def test_the_family_and_the_bounds_of_a_model_decide_at_which_temperature_it_thinks():
    rules = "rules: [{name: r, use: one}]"
    cold = "{one: {at: a, family: code-llama, options: {reasoning_effort: high}}}"
    assert [each[:2] for each in said(CLAUDE, cold, rules) if each[0] == "R516"] == [HOT]
    bound = (
        '{one: {at: a, clamp: {temperature: "<= 0.2"}, options: {reasoning_effort: high, temperature: 1}}}'
    )
    assert [each[:2] for each in said(CLAUDE, bound, rules) if each[0] == "R516"] == [HOT]
    warm = (
        '{one: {at: a, family: code-llama, clamp: {temperature: "1..2"}, options: {reasoning_effort: high}}}'
    )
    assert [each for each in said(CLAUDE, warm, rules) if each[0] == "R516"] == []


def test_thinking_elsewhere_may_be_as_hot_as_it_likes():
    rules = "rules: [{name: r, use: one}]\ntemperatures: {default: 0.2}"
    assert said(OPEN.replace("b:", "a:"), THINKER % "", rules) == []


def test_an_anthropic_model_has_its_public_price_and_is_remote(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(
        f"version: 1\nendpoints:\n{CLAUDE}\nmodels: {{one: {{at: a, id: claude-haiku-4-5}}}}\nrules: [{{use: one}}]\n"
    )
    router = load_router(file, env={"K": "k"})
    (model,) = router.models()
    assert (str(model.price.input), str(model.price.output)) == ("1", "5")
    endpoint = router._engine.program.endpoints["a"]
    assert (endpoint.url, endpoint.locality) == ("https://api.anthropic.com", "remote")


def test_explain_tells_which_server_an_endpoint_is_taken_for(tmp_path):
    file = tmp_path / "router.yaml"
    places = f"{DEEPSEEK}\n{OPEN.replace('url', 'quirks: llamacpp, url')}\n  c: {{kind: openai, url: 'http://127.0.0.1:9/v1'}}"
    file.write_text(
        f"version: 1\nendpoints:\n{places}\nmodels: {{one: {{at: [a, b, c]}}}}\nrules: [{{use: one}}]\n"
    )
    found = load_router(file, env={"K": "k"}).explain().policies
    assert [words for key, words in found if key == "quirks"] == [
        "a: deepseek, by its address",
        "b: llamacpp",
    ]


@pytest.mark.parametrize(
    ("model", "rule", "told"),
    [
        ("{at: a, id: claude-sonnet-4-5}", "", ["one at a: at most 8,192 tokens, its API wants a number"]),
        (
            "{at: a, id: claude-3-haiku-20240307}",
            "",
            ["one at a: at most 4,096 tokens, its API wants a number"],
        ),
        (
            "{at: a, options: {reasoning_effort: low}}",
            "",
            ["one at a: at most 32,000 tokens, its API wants a number"],
        ),
        ("{at: a, options: {max_tokens: 9}}", "", []),
        ("{at: a}", ", options: {max_tokens: 9}", []),
    ],
)
def test_explain_tells_how_long_answers_may_be_where_the_file_does_not(tmp_path, model, rule, told):
    file = tmp_path / "router.yaml"
    file.write_text(
        f"version: 1\nendpoints:\n{CLAUDE}\nmodels: {{one: {model}}}\nrules: [{{use: one{rule}}}]\n"
    )
    found = load_router(file, env={"K": "k"}).explain().policies
    assert [words for key, words in found if key == "answers"] == told
