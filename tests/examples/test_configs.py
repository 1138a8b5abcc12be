"""Every example configuration is clean, and decides what its comments say."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from router import load_router
from router.cli.main import cli
from router.compile.compiler import check_file

CONFIGS = Path(__file__).parents[2] / "examples" / "configs"
FILES = sorted(path for path in CONFIGS.glob("*.yaml") if not path.name.endswith(".test.yaml"))
ENV = {
    **dict.fromkeys(("ANTHROPIC_API_KEY", "AZURE_API_KEY", "GROQ_API_KEY"), "a-key"),
    "OPENAI_API_KEY": "a-key",
    "OPENAI_API_KEY_2": "another-key",
    "OPENCODE_SERVER_PASSWORD": "a-password",
}
HEAT = {"chat": 0.7, "analysis": 0.3, "code": 0.2, "creative": 0.9}
SEVEN = {
    "llama-2-7b-chat",
    "llama-2-7b",
    "starcoder-7b",
    "mistral-7b",
    "mistral-7b-instruct",
}  # the 7B models


def explain(name, **call):
    return load_router(CONFIGS / f"{name}.yaml", env=ENV).explain(**call)


def test_there_are_examples():
    known = {
        "hybrid",
        "local-first",
        "matrix",
        "memory",
        "mock",
        "offline",
        "overlay",
        "quickstart",
        "resilient",
        "speed",
    }
    assert known <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_clean(file):
    result = CliRunner().invoke(cli, ["check", "--fail-on", "warning", "--format", "json", str(file)])
    found = [each for each in json.loads(result.output)["findings"] if each["severity"] != "info"]
    assert (found, result.exit_code) == ([], 0)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_names_the_schema_for_editors(file):
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../schemas/router.schema.json"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_uses_only_what_is_built(file):
    assert [found.code for found in check_file(file, ENV)[1] if found.code == "R211"] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_rule_of_an_example_decides_some_call(file):
    router = load_router(file, env=ENV)
    program = router._engine.program
    axes = {
        each.name: each.values or ((0, 2_000, 40_000) if each.kind == "integer" else (False, True))
        for each in program.dimensions.values()
    }
    decided = {
        router.explain(**dict(zip(axes, call, strict=True))).rule
        for call in itertools.product(*axes.values())
    }
    assert decided == {route.name for route in program.routes}


CASES = [
    ("quickstart", {}, "otherwise", "smollm2", 0),
    ("quickstart", {"task": "code"}, "otherwise", "smollm2", 0),
    ("quickstart", {"task": "creative"}, "ideas", "smollm2", 0.7),
    ("local-first", {}, "otherwise", "mistral-7b", 0.7),
    ("local-first", {"task": "code"}, "code", "code-llama-13b", 0.2),
    ("local-first", {"task": "code", "tokens": 9000}, "code", "code-llama-13b", 0.2),
    ("local-first", {"tokens": 1500}, "otherwise", "mistral-7b", 0.7),
    ("local-first", {"task": "analysis", "tokens": 1501}, "long prompts", "mistral-7b", 0.3),
    ("overlay", {}, "otherwise", "mistral-7b", 0.7),
    ("overlay", {"task": "code"}, "code", "qwen-72b", 0.1),
    ("overlay", {"task": "analysis", "tokens": 1501}, "long prompts", "qwen-72b", 0.3),
    ("hybrid", {}, "otherwise", "mistral-7b-instruct", 0.7),
    ("hybrid", {"data": "private"}, "private", "mistral-7b-instruct", 0.2),
    (
        "hybrid",
        {"data": "private", "task": "creative", "tokens": 40_000},
        "private",
        "mistral-7b-instruct",
        0.2,
    ),
    ("hybrid", {"data": "private", "temperature": 0.5}, "private", "mistral-7b-instruct", 0.5),
    ("hybrid", {"images": True}, "images", "gpt-4.1-mini", 0.7),
    ("hybrid", {"tools": True, "task": "code"}, "tools", "gpt-4.1-mini", 0.2),
    ("hybrid", {"tokens": 30_001}, "long prompts", "gpt-4.1-mini", 0.7),
    ("hybrid", {"task": "code", "complexity": "complex"}, "hard work", "gpt-4.1", 0.2),
    (
        "hybrid",
        {"task": "code", "complexity": "complex", "priority": "cost"},
        "otherwise",
        "mistral-7b-instruct",
        0.2,
    ),
    ("matrix", {}, "otherwise", "mistral-7b-instruct", 0.7),
    ("matrix", {"task": "creative", "priority": "cost"}, "otherwise", "mistral-7b-instruct", 0.9),
    ("resilient", {}, "otherwise", "mistral", 0.7),
    ("resilient", {"priority": "cost", "task": "code"}, "background", "mistral", 0.2),
    ("speed", {}, "table[2]", "mistral-7b-instruct", 0.7),
    ("speed", {"speed": "quality", "task": "code", "resources": "low"}, "small[2]", "starcoder-7b", 0.2),
    ("speed", {"speed": "quality", "task": "code", "resources": "high"}, "roomy[2]", "code-llama-34b", 0.2),
    ("speed", {"task": "creative"}, "otherwise", "mistral-7b-instruct", 0.9),
    ("providers", {"priority": "speed"}, "quick", "llama-3.3-70b", 0.3),
    ("memory", {}, "otherwise", "short", 0),
    ("memory", {"tokens": 901}, "long prompts", "long", 0),
    ("mock", {}, "otherwise", "assistant", 0.7),
    ("mock", {"task": "code"}, "code", "spare", 0.2),
]


@pytest.mark.parametrize(("name", "call", "rule", "model", "temperature"), CASES)
def test_an_example_decides_a_call_as_expected(name, call, rule, model, temperature):
    found = explain(name, **call)
    assert (found.rule, found.model, found.options["temperature"].value) == (rule, model, temperature)


MATRIX = {
    "chat-speed-simple": "llama-2-7b-chat",
    "chat-quality-complex": "llama-2-13b-chat",
    "code-speed-simple": "starcoder-7b",
    "code-quality-complex": "code-llama-34b",
    "analysis-speed-simple": "mistral-7b",
    "analysis-quality-complex": "llama-2-13b",
    "creative-speed-simple": "mistral-7b",
    "creative-quality-complex": "llama-2-13b",
}


@pytest.mark.parametrize("task", ["chat", "code", "analysis", "creative"])
@pytest.mark.parametrize("priority", ["speed", "quality", "cost"])
@pytest.mark.parametrize("complexity", ["simple", "medium", "complex"])
def test_every_cell_of_the_matrix(task, priority, complexity):
    found = explain("matrix", task=task, priority=priority, complexity=complexity)
    expected = MATRIX.get(f"{task}-{priority}-{complexity}", "mistral-7b-instruct")
    assert (found.model, found.options["temperature"].value) == (expected, HEAT[task])


SPEED = {
    "fast-chat": "llama-2-7b-chat",
    "balanced-chat": "mistral-7b-instruct",
    "quality-chat": "llama-2-13b-chat",
    "fast-code": "starcoder-7b",
    "balanced-code": "code-llama-13b",
    "quality-code": "code-llama-34b",
    "fast-analysis": "llama-2-7b",
    "balanced-analysis": "mistral-7b",
    "quality-analysis": "llama-2-13b",
}


@pytest.mark.parametrize("speed", ["fast", "balanced", "quality"])
@pytest.mark.parametrize("task", ["chat", "code", "analysis", "creative"])
@pytest.mark.parametrize("resources", ["low", "medium", "high"])
def test_every_cell_of_the_speed_table(speed, task, resources):
    found = explain("speed", speed=speed, task=task, resources=resources)
    expected = SPEED.get(f"{speed}-{task}", "mistral-7b-instruct")
    if resources == "low" and expected not in SEVEN:
        assert found.model in SEVEN
    else:
        assert found.model == expected
    assert found.options["temperature"].value == HEAT[task]


@pytest.mark.parametrize("task", ["chat", "code", "analysis"])
def test_a_second_large_model_stands_by_only_with_high_resources(task):
    counts = {
        each: len(explain("speed", speed="quality", task=task, resources=each).candidates)
        for each in ("low", "medium", "high")
    }
    assert counts == {"low": 1, "medium": 1, "high": 2}


def test_no_private_call_of_the_hybrid_example_may_leave_the_machine():
    router = load_router(CONFIGS / "hybrid.yaml", env=ENV)
    remote = {
        place.endpoint
        for model in router.models()
        for place in model.deployments
        if place.locality == "remote"
    }
    assert remote == {"cloud"}
    axes = {
        "task": ["chat", "code", "analysis", "creative"],
        "priority": ["speed", "quality", "cost"],
        "complexity": ["simple", "medium", "complex"],
        "tokens": [0, 40_000],
        "images": [False, True],
        "tools": [False, True],
    }
    for values in itertools.product(*axes.values()):
        found = router.explain(data="private", **dict(zip(axes, values, strict=True)))
        assert {each.endpoint for each in found.candidates} == {"here"}


def test_the_embedded_model_is_the_last_resort_of_the_local_first_example():
    found = explain("local-first")
    assert [(each.model, each.endpoint) for each in found.candidates] == [
        ("mistral-7b", "llama-cpp"),
        ("mistral-7b", "lm-studio"),
        ("smollm2", "embedded"),
    ]


def test_the_mock_example_answers_as_its_comments_say():
    async def ask(router):
        async with router:
            return [(answer.text, answer.model) for answer in [await router.complete("Hi") for _ in range(3)]]

    said = asyncio.run(ask(load_router(CONFIGS / "mock.yaml")))
    assert said == [
        ("Paris.", "assistant"),
        ("I am the backup.", "spare"),
        ("[Mock assistant Response] Hi", "assistant"),
    ]


def test_explain_on_the_command_line_agrees():
    words = ["explain", "-c", str(CONFIGS / "matrix.yaml"), "--format", "json"]
    call = ["task=code", "priority=quality", "complexity=complex"]
    result = CliRunner().invoke(cli, [*words, *call])
    found = json.loads(result.output)
    assert (found["model"], found["rule"], result.exit_code) == ("code-llama-34b", "table[4]", 0)


def test_the_offline_example_says_what_answers_without_a_network():
    found = explain("offline")
    assert [(each.model, each.endpoint, each.skipped) for each in found.offline.candidates] == [
        ("smollm2", "embedded", None)
    ]
    assert (found.offline.stale, found.offline.replies) == (24 * 3600, 3)
    assert explain("offline", task="analysis").offline.refused


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Hi there", "Hello! I'm running in offline mode with limited capabilities."),
        ("There is a problem.", "I apologize, but I'm experiencing technical difficulties in offline mode."),
        ("What now?", "I'm operating in offline mode. Please check your connection for full functionality."),
    ],
)
def test_the_canned_replies_of_the_offline_example(text, reply):
    policy = load_router(CONFIGS / "offline.yaml", env=ENV)._engine.program.offline
    assert policy.reply(text) == reply


def test_the_budget_example_tells_what_bounds_a_call():
    told = explain("budget", complexity="complex")
    assert told.model == "strong"
    assert told.budgets == (
        "`everything`: $200 a month, then refuse",
        "`each team`: $5 a day for each team, then warn",
        "`each person`: $1 a day for each user, then `local-8b` answers",
    )


@pytest.mark.parametrize(
    ("call", "rule", "endpoints"),
    [
        ({"task": "code"}, "code", ["studio", "here"]),
        ({"task": "code", "tools": True}, "tools", ["here"]),
        ({}, "otherwise", ["here"]),
    ],
)
def test_the_opencode_example_sends_text_to_the_studio_and_the_rest_here(call, rule, endpoints):
    found = explain("opencode", **call)
    assert (found.rule, [each.endpoint for each in found.candidates]) == (rule, endpoints)
