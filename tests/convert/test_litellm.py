"""A LiteLLM configuration becomes a router.yaml that `router check` accepts; nothing is lost in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from router.checks.registry import run_all
from router.config.language import DOCUMENT
from router.config.load import load_source
from router.config.node import Mapping, Sequence
from router.config.yaml import read
from router.convert.litellm import NothingToConvertError, converted
from router.diagnostics.source import Source
from router.layout.form import formatted

DATA = sorted((Path(__file__).parent / "data").glob("*.yaml"))
SECRETS = (
    "gsk_live_abcdefgh12345678",
    "gsk_live_zyxwvuts87654321",
    "sk-deepseek-0123456789",
    "tok-0123456789",
    "123456",
    "AKIAVERYSECRET",
    "very/secret/too",
    "user:pass",
    "sk-lf-0123456789",
    "sk-master-1234567890",
    "hunter2",
)


def convert(text):
    root, _ = read(Source("config.yaml", text))
    return converted(root, "config.yaml")


def findings(text):
    return run_all(load_source(Source("router.yaml", text), Path()))


def one(params, more="", info=""):
    """Convert a file with one deployment, and return the new file's values and what is left by path."""
    text = f"model_list:\n  - model_name: m\n    litellm_params: {params}\n"
    text += f"    model_info: {info}\n" if info else ""
    found = convert(text + more)
    assert [each.code for each in findings(found.text) if each.severity == "error"] == []
    return yaml.safe_load(found.text), {each.path: each.why for each in found.left}


def data(name):
    return convert((Path(__file__).parent / "data" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.stem)
def test_the_result_has_no_finding_but_what_is_not_built_yet(file):
    result = convert(file.read_text(encoding="utf-8"))
    assert {each.code for each in findings(result.text) if each.severity != "info"} <= {"R211"}


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.stem)
def test_the_result_is_in_the_house_form(file):
    text = convert(file.read_text(encoding="utf-8")).text
    assert formatted(text, tuple(DOCUMENT.keys)) == text


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.stem)
def test_a_secret_never_stands_in_the_result(file):
    result = convert(file.read_text(encoding="utf-8"))
    assert [each for each in SECRETS if each in f"{result.text}{result.left}"] == []


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.stem)
def test_what_is_left_stands_at_the_end_as_well(file):
    result = convert(file.read_text(encoding="utf-8"))
    told = result.text.partition("# Not carried over, or not as it was:\n")[2].splitlines()
    assert [line.split()[1] for line in told] == [each.path for each in result.left]


def mappings(node, path=""):
    if isinstance(node, Mapping):
        yield path, node
        for name, value in node.entries.items():
            yield from mappings(value, f"{path}.{name}" if path else name)
    elif isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            yield from mappings(item, f"{path}[{number}]")


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.stem)
def test_a_key_that_is_not_known_is_told_wherever_it_stands(file):
    text = file.read_text(encoding="utf-8")
    root, _ = read(Source("config.yaml", text))
    listed = ("fallbacks", "model_group_alias", "headers", "extra_body")
    paths = [path for path, _ in mappings(root) if not any(name in path for name in listed)]
    assert len(paths) > 5
    whole = {each.path for each in converted(root, "x").left}
    for path in paths:
        root, _ = read(Source("config.yaml", text))
        stranger, _ = read(Source("x", "a: 1"))
        node = dict(mappings(root))[path]
        node.entries["zzz"] = stranger.entries["a"]
        node.keys["zzz"] = node.span
        left = {each.path for each in converted(root, "x").left}
        ours = f"{path}.zzz" if path else "zzz"
        # What is left as a whole is not told key by key.
        assert ours in left or any(path.startswith(each) for each in whole), path


def test_names_are_the_old_ones():
    document = yaml.safe_load(data("production").text)
    assert list(document["models"]) == ["gpt-4o", "gpt-4o-mini", "claude", "gpt-4"]
    assert document["dimensions"]["group"] == {
        "values": ["gpt-4o", "gpt-4o-mini", "claude", "gpt-4"],
        "default": "gpt-4o",
    }


def test_a_name_that_stands_twice_is_one_model_at_two_endpoints():
    model = yaml.safe_load(data("production").text)["models"]["gpt-4o"]
    assert model["at"] == {
        "acme-eu": {"id": "gpt4o-eu", "weight": 2},
        "acme-us": {"id": "gpt4o-us", "weight": 1},
    }
    assert model["balance"] == "weighted"
    assert model["capabilities"] == ["tools", "images", "json"]


def test_prices_are_exact_and_by_the_million():
    models = yaml.safe_load(data("production").text)["models"]
    assert models["gpt-4o-mini"]["price"] == {"input": "$0.15", "output": "$0.60", "cached_input": "$0.075"}
    assert models["claude"]["price"] == {"input": "$3", "output": "$15"}


def test_time_limits_are_those_of_the_deployment_or_of_all():
    endpoints = yaml.safe_load(data("production").text)["endpoints"]
    assert {name: each["timeout"] for name, each in endpoints.items()} == {
        "acme-eu": "45s",
        "acme-us": "45s",
        "openai": "60s",
        "anthropic": "60s",
    }


def test_fallbacks_are_failover_and_chains_of_rules():
    document = yaml.safe_load(data("production").text)
    assert {name: each.get("failover") for name, each in document["models"].items()} == {
        "gpt-4o": ["claude"],
        "gpt-4o-mini": ["gpt-4o"],
        "claude": None,
        "gpt-4": ["claude"],
    }
    table, otherwise = document["rules"]
    assert table["rows"] == [
        ["gpt-4o-mini", ["gpt-4o-mini", "gpt-4o"]],
        ["claude", ["claude", "gpt-4o-mini"]],
        ["gpt-4", ["gpt-4", "claude"]],
    ]
    assert otherwise["use"] == ["gpt-4o", "claude"]


def test_every_chain_can_be_walked_to_its_end():
    document = yaml.safe_load(data("production").text)
    assert document["retry"] == {"attempts": 9, "same": 2, "backoff": {"first": "1s"}}
    assert document["deadline"] == "480s"


def test_a_fallback_that_leads_in_a_circle_stays_in_the_rule_and_is_told():
    document, left = yaml.safe_load(data("circle").text), data("circle").left
    assert document["models"]["b"]["failover"] == ["c"]
    assert document["rules"][0]["rows"][0] == ["b", ["b", "a", "c"]]
    assert any("leads in a circle" in each.why for each in left)


def test_an_order_is_kept_as_the_order_of_places():
    document = yaml.safe_load(data("circle").text)
    assert list(document["models"]["d"]["at"]) == ["two", "one"]
    assert "balance" not in document["models"]["d"]


def test_two_models_of_one_name_at_one_endpoint_are_tried_one_after_the_other():
    document = yaml.safe_load(data("secrets").text)
    assert document["models"]["fast"]["failover"] == ["fast-2"]
    assert document["models"]["fast-2"] == {"at": "groq", "id": "llama-3.1-8b-instant"}
    assert document["rules"][-1]["use"] == ["fast", "fast-2"]


def test_equal_keys_share_a_variable_and_others_get_one_of_their_own():
    endpoints = yaml.safe_load(data("secrets").text)["endpoints"]
    assert [endpoints[name]["key"] for name in ("groq", "groq-2")] == [
        "${env:GROQ_API_KEY}",
        "${env:GROQ_API_KEY_2}",
    ]
    assert endpoints["deepseek"]["headers"] == {
        "X-Team": "blue",
        "X-Api-Token": "${env:DEEPSEEK_X_API_TOKEN}",
        "X-Env": "${env:STAGE}",
    }


def test_local_servers_need_no_key():
    document = yaml.safe_load(data("local").text)
    assert {name: (each["url"], each.get("key")) for name, each in document["endpoints"].items()} == {
        "ollama": ("http://localhost:11434", None),
        "local": ("http://127.0.0.1:8000/v1", None),
        "lm-studio": ("http://localhost:1234/v1", None),
        "llamafile": ("http://127.0.0.1:8080/v1", None),
    }
    assert document["endpoints"]["ollama"]["kind"] == "ollama"
    assert document["models"]["qwen"]["options"] == {"top_p": 0.9, "extra": {"repetition_penalty": 1.05}}
    assert document["cache"] == {"store": "memory", "ttl": "600s"}


@pytest.mark.parametrize(
    ("model", "kind", "url", "key", "name"),
    [
        ("gpt-4o", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "gpt-4o"),
        ("o3-mini", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "o3-mini"),
        ("claude-3-opus", "anthropic", None, "ANTHROPIC_API_KEY", "claude-3-opus"),
        ("anthropic/claude-x", "anthropic", None, "ANTHROPIC_API_KEY", "claude-x"),
        ("ollama/llama3.2", "ollama", "http://localhost:11434", None, "llama3.2"),
        ("ollama_chat/qwen3:8b", "ollama", "http://localhost:11434", None, "qwen3:8b"),
        ("groq/x", "openai", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "x"),
        ("mistral/x", "openai", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "x"),
        ("openrouter/a/b:free", "openai", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "a/b:free"),
        ("together_ai/a/b", "openai", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY", "a/b"),
        ("azure/x", "openai", "${env:AZURE_API_BASE}/openai/v1", "AZURE_API_KEY", "x"),
        ("hosted_vllm/x", "openai", "${env:HOSTED_VLLM_API_BASE}", None, "x"),
    ],
)
def test_prefixes_tell_who_serves_a_model(model, kind, url, key, name):
    document, _ = one(f'{{model: "{model}"}}')
    (endpoint,) = document["endpoints"].values()
    assert (endpoint["kind"], endpoint.get("url")) == (kind, url)
    assert endpoint.get("key") == (key and f"${{env:{key}}}")
    assert document["models"]["m"]["id"] == name


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ("{model: ollama/x, api_base: http://gpu:11434/}", "http://gpu:11434"),
        ("{model: ollama/x, api_base: http://gpu:11434/v1}", "http://gpu:11434"),
        ("{model: ollama_chat/x, api_base: http://gpu:11434/api/chat}", "http://gpu:11434"),
        ("{model: ollama_chat/x, api_base: http://gpu:11434/ollama/api/}", "http://gpu:11434/ollama"),
        ("{model: ollama/x, api_base: os.environ/OLLAMA}", "${env:OLLAMA}"),
        (
            "{model: azure/x, api_base: https://a.openai.azure.com/openai/deployments/x}",
            "https://a.openai.azure.com/openai/v1",
        ),
        (
            "{model: x, custom_llm_provider: openai, api_base: https://llm.example.com/v1}",
            "https://llm.example.com/v1",
        ),
        ("{model: openai/x, base_url: https://llm.example.com/v1/}", "https://llm.example.com/v1"),
    ],
)
def test_addresses_are_those_that_the_router_needs(params, url):
    document, _ = one(params)
    assert [each["url"] for each in document["endpoints"].values()] == [url]


def test_options_are_checked_and_kept_as_written():
    document, left = one(
        "{model: gpt-4o, temperature: 0.10, top_p: 1, stop: [a, b], seed: 3, max_completion_tokens: 9,"
        " frequency_penalty: 0.5, logit_bias: {x: 1}, extra_body: {top_k: 4, think: false, end: null, temperature: 1}, reasoning_effort: huge}"
    )
    assert document["models"]["m"]["options"] == {
        "temperature": 0.1,
        "top_p": 1,
        "stop": ["a", "b"],
        "seed": 3,
        "max_tokens": 9,
        "extra": {"top_k": 4, "think": False, "end": None, "frequency_penalty": 0.5, "logit_bias": {"x": 1}},
    }
    assert set(left) == {
        "model_list[0].litellm_params.extra_body.temperature",
        "model_list[0].litellm_params.reasoning_effort",
    }


@pytest.mark.parametrize(
    ("params", "info", "path"),
    [
        ("{model: gpt-4o, rpm: many}", "{}", "litellm_params.rpm"),
        ("{model: gpt-4o, rpm: 1.5}", "{}", "litellm_params.rpm"),
        ("{model: gpt-4o, temperature: [1]}", "{}", "litellm_params.temperature"),
        ("{model: gpt-4o, stop: {a: 1}}", "{}", "litellm_params.stop"),
        ("{model: gpt-4o, timeout: -1}", "{}", "litellm_params.timeout"),
        ("{model: gpt-4o, timeout: 0}", "{}", "litellm_params.timeout"),
        ("{model: gpt-4o, timeout: true}", "{}", "litellm_params.timeout"),
        ("{model: gpt-4o, api_base: [x]}", "{}", "litellm_params.api_base"),
        ("{model: gpt-4o, extra_headers: x}", "{}", "litellm_params.extra_headers"),
        ("{model: gpt-4o}", "{supports_vision: 3}", "model_info.supports_vision"),
        ("{model: gpt-4o}", "{input_cost_per_token: 1}", "model_info.input_cost_per_token"),
        (
            "{model: gpt-4o}",
            "{input_cost_per_token: 1e-20, output_cost_per_token: 1}",
            "model_info.input_cost_per_token",
        ),
    ],
)
def test_a_value_that_is_none_is_told(params, info, path):
    _, left = one(params, info=info)
    assert f"model_list[0].{path}" in left


def test_answers_as_long_as_the_window_are_not_asked_for():
    document, left = one("{model: gpt-4o, max_tokens: 4096}", info="{max_input_tokens: 4096}")
    assert "options" not in document["models"]["m"]
    assert "model_list[0].litellm_params.max_tokens" in left


def test_an_option_that_cannot_be_sent_there_is_told():
    document, left = one("{model: claude-x, seed: 3, top_p: 0.5}")
    assert document["models"]["m"]["options"] == {"top_p": 0.5}
    assert "model_list[0].litellm_params.seed" in left


def test_an_ollama_gets_its_window_and_its_own_options_where_it_looks_for_them():
    document, left = one(
        "{model: ollama/x, num_ctx: 8192, top_k: 5, repeat_penalty: 1.2, temperature: 0.5, keep_alive: 8m,"
        " logit_bias: {x: 1}, extra_body: {think: true}}",
        info="{max_input_tokens: 4096}",
    )
    model = document["models"]["m"]
    assert model["context"] == 8192
    assert model["options"] == {
        "temperature": 0.5,
        "extra": {"think": True, "options": {"top_k": 5, "repeat_penalty": 1.2}},
    }
    paths = {f"model_list[0].litellm_params.{name}" for name in ("keep_alive", "logit_bias")}
    assert set(left) == paths
    assert "idle_unload" in left["model_list[0].litellm_params.keep_alive"]


def test_a_window_that_ollama_is_loaded_with_from_now_on_is_told():
    document, left = one("{model: ollama/x}", info="{max_input_tokens: 4096}")
    assert document["models"]["m"]["context"] == 4096
    assert "loads the model" in left["model_list[0].model_info.max_input_tokens"]


def test_a_window_of_another_server_is_no_option_of_it():
    _, left = one("{model: openai/x, num_ctx: 8192}")
    assert set(left) == {"model_list[0].litellm_params.num_ctx"}


def test_prices_may_stand_with_the_parameters():
    document, left = one("{model: gpt-4o, input_cost_per_token: 0.000001, output_cost_per_token: 0.0000020}")
    assert document["models"]["m"]["price"] == {"input": "$1", "output": "$2"}
    assert left == {}


def test_abilities_that_are_not_all_known_are_only_suggested():
    text = "model_list:\n  - model_name: m\n    litellm_params: {model: gpt-4o}\n    model_info: {supports_vision: true}\n"
    assert "# capabilities: [images]  # as far" in convert(text).text
    document, _ = one("{model: gpt-4o}", info="{supports_vision: true}")
    assert "capabilities" not in document["models"]["m"]


def test_a_model_that_is_known_to_take_nothing_says_so():
    flags = "{supports_vision: false, supports_function_calling: false, supports_response_schema: false}"
    document, _ = one("{model: gpt-4o}", info=flags)
    assert document["models"]["m"]["capabilities"] == []


def test_a_lone_model_needs_no_table():
    document, _ = one("{model: gpt-4o}")
    assert document["rules"] == [{"name": "otherwise", "use": "m"}]
    assert "dimensions" not in document


@pytest.mark.parametrize(
    ("more", "key", "value"),
    [
        ("router_settings: {num_retries: 4}", "retry", {"attempts": 5, "same": 4}),
        ("router_settings: {num_retries: 40}", "retry", {"attempts": 10, "same": 9}),
        (
            "router_settings: {num_retries: 1, retry_after: 20}",
            "retry",
            {"attempts": 2, "same": 1, "backoff": {"first": "20s", "max": "20s"}},
        ),
        ("litellm_settings: {num_retries: 1}", "retry", {"attempts": 2, "same": 1}),
        ("litellm_settings: {request_timeout: 600}", "deadline", "1830s"),
        ("litellm_settings: {request_timeout: 0.5}", "deadline", None),
        ("router_settings: {allowed_fails: 1}", "breaker", {"failures": 2}),
        ("router_settings: {cooldown_time: 5}", "breaker", {"open": "5s", "max_open": "30s"}),
        ("litellm_settings: {cache: true, cache_params: {type: local}}", "cache", {"store": "memory"}),
        ("litellm_settings: {cache: false, cache_params: {type: local}}", "cache", None),
        ("litellm_settings: {cache: true, cache_params: {type: redis}}", "cache", None),
    ],
)
def test_settings_of_the_whole_file(more, key, value):
    document, _ = one("{model: gpt-4o}", more)
    assert document.get(key) == value


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("router_settings: {num_retries: 40}", "router_settings.num_retries"),
        ("router_settings: {allowed_fails: 5000}", "router_settings.allowed_fails"),
        ("router_settings: {routing_strategy: simple-shuffle}", "router_settings.routing_strategy"),
        ("router_settings: {routing_strategy: magic}", "router_settings.routing_strategy"),
        ("router_settings: {fallbacks: [m]}", "router_settings.fallbacks"),
        ("router_settings: {default_fallbacks: [x]}", "router_settings.default_fallbacks"),
        (
            "router_settings: {timeout: 5}\nlitellm_settings: {request_timeout: 6}",
            "litellm_settings.request_timeout",
        ),
        ("litellm_settings: {cache: true, cache_params: {type: redis}}", "litellm_settings.cache_params"),
        ("include: [other.yaml]", "include"),
        ("general_settings: text", "general_settings"),
    ],
)
def test_a_setting_that_cannot_be_kept_is_told(more, path):
    _, left = one("{model: gpt-4o}", more)
    assert path in left


TWO = """
  - model_name: n
    litellm_params: {model: gpt-4o-mini}
"""


@pytest.mark.parametrize(
    ("more", "failover"),
    [
        ("router_settings: {default_fallbacks: [n]}", ["n"]),
        ('router_settings: {fallbacks: [{"*": [n]}]}', ["n"]),
        ("router_settings: {fallbacks: {m: n}}", ["n"]),
        ("router_settings: {fallbacks: [{m: [n]}], default_fallbacks: [m]}", ["n"]),
        ("router_settings: {model_group_alias: {x: {model: n, hidden: true}}, fallbacks: [{m: [x]}]}", ["n"]),
        ("litellm_settings: {context_window_fallbacks: [{m: [n]}]}", ["n"]),
    ],
)
def test_a_fallback_may_be_written_in_many_ways(more, failover):
    document, _ = one("{model: gpt-4o}", TWO + more)
    assert document["models"]["m"]["failover"] == failover


def test_another_name_is_a_model_like_the_one_it_stands_for():
    document, _ = one("{model: gpt-4o}", "router_settings: {model_group_alias: {x: m}}")
    assert document["models"]["x"] == document["models"]["m"]


@pytest.mark.parametrize("weights", [("0.7", "0.3"), ("7", "3"), ("70", "30")])
def test_weights_are_whole_numbers_in_the_same_proportion(weights):
    second = f"  - model_name: m\n    litellm_params: {{model: groq/y, weight: {weights[1]}}}\n"
    document, _ = one(f"{{model: gpt-4o, weight: {weights[0]}}}", second)
    assert [each["weight"] for each in document["models"]["m"]["at"].values()] == [7, 3]


def test_what_the_deployments_of_a_model_share_stands_with_the_model():
    second = (
        "    model_info: {max_input_tokens: 1000}\n"
        "  - model_name: m\n    litellm_params: {model: groq/gpt-4o, temperature: 0.5}\n"
        "    model_info: {max_input_tokens: 2000}\n"
    )
    document, left = one("{model: gpt-4o, temperature: 0.5, seed: 1}", second)
    assert document["models"]["m"] == {
        "at": {"openai": {"context": 1000}, "groq": {"context": 2000}},
        "balance": "weighted",
        "id": "gpt-4o",
        "options": {"temperature": 0.5},
    }
    assert "model_list[0].litellm_params.seed" in left


def test_the_same_deployment_twice_is_one():
    second = "  - model_name: m\n    litellm_params: {model: gpt-4o}\n"
    document, left = one("{model: gpt-4o}", second)
    assert document["models"]["m"] == {"at": "openai", "id": "gpt-4o"}
    assert "model_list[1].litellm_params.model" in left


def test_limits_of_deployments_at_one_endpoint_add_up():
    second = "  - model_name: n\n    litellm_params: {model: gpt-4.1, rpm: 20, max_parallel_requests: 3}\n"
    document, left = one("{model: gpt-4o, rpm: 10}", second)
    assert document["endpoints"]["openai"]["limits"] == {"requests_per_minute": 30}
    assert "concurrency" not in document["endpoints"]["openai"]
    assert "model_list[1].litellm_params.max_parallel_requests" in left


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version: 1\n", "no `model_list`"),
        ("- a\n", "no `model_list`"),
        ("model_list: []\n", "no model that the router could reach"),
        ("model_list: [a, {model_name: x}]\n", "no model that the router could reach"),
        (
            "model_list: [{model_name: x, litellm_params: {model: bedrock/x}}]\n",
            "no model that the router could reach",
        ),
    ],
)
def test_a_file_without_a_model_that_can_be_reached_is_refused(text, why):
    with pytest.raises(NothingToConvertError, match=why):
        convert(text)


@pytest.mark.parametrize(
    "name", ["yes", "123", "a: b", 'quo"te', "back\\slash", "ünï", "two words", "null", "a\x85b"]
)
def test_any_name_comes_through(name):
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    text = f"model_list:\n  - model_name: {quoted}\n    litellm_params: {{model: gpt-4o}}\n"
    wanted = name.replace("\x85", " ")  # a line end, for the parser
    assert list(yaml.safe_load(convert(text).text)["models"]) == [wanted]


def test_a_sign_that_cannot_be_printed_is_escaped():
    text = 'model_list: [{model_name: m, litellm_params: {model: gpt-4o, stop: ["\\e[1m"]}}]\n'
    assert 'stop: ["\\U0000001b[1m"]' in convert(text).text


def places(node):
    if isinstance(node, Mapping):
        for name, value in node.entries.items():
            yield node.entries, name
            yield from places(value)
    elif isinstance(node, Sequence):
        for number, value in enumerate(node.items):
            yield node.items, number
            yield from places(value)


@pytest.mark.parametrize(
    "wrong", ["", "[]", "[x]", "{}", "{x: y}", "text", "-1", "1e400", "true", "os.environ/X", '"*"']
)
@pytest.mark.parametrize("file", DATA, ids=lambda file: file.stem)
def test_whatever_stands_in_the_place_of_a_value_there_is_an_answer(file, wrong):
    text = file.read_text(encoding="utf-8")
    count = len(list(places(read(Source("x", text))[0])))
    for number in range(len(wrong) % 3, count, 3):  # a third of them: each takes a while
        root, _ = read(Source("x", text))
        stranger = read(Source("x", f"a: {wrong}"))[0].entries["a"]
        holder, key = list(places(root))[number]
        holder[key] = stranger
        try:
            result = converted(root, "x")
        except NothingToConvertError:
            continue
        assert "version: 1" in result.text
