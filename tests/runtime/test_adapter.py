"""One endpoint without a file."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from support import wall as walls
from support.opencode_server import opencode, saying

from router import LlmPort, OpenCodeAdapterConfig, make_opencode_adapter
from router.core.errors import ConfigError, InvalidCall, ModelNotFound
from router.runtime import adapter as adapters
from router.testing import ScriptedProvider


def test_it_is_an_llm_port():
    assert isinstance(make_opencode_adapter(), LlmPort)


def test_an_opencode_server_answers():
    async def run():
        async with (
            opencode(saying("hello to you")) as server,
            make_opencode_adapter(endpoint=server.url, default_model="mock/ok", key="hunter22") as adapter,
        ):
            found = await adapter.complete([{"role": "user", "content": "hello"}])
            return found, server.asked[0], server.wall.asked[0].headers["authorization"]

    found, sent, token = asyncio.run(run())
    assert (found.content, found.model, found.endpoint) == ("hello to you", "mock/ok", "opencode")
    assert sent["agent"] == "router"
    assert token.startswith("Basic ")


@pytest.mark.parametrize(("said", "cost"), [(0.5, Decimal("0.5")), (0, None)])
def test_what_an_answer_cost_is_what_the_server_says_where_no_price_is_written(said, cost):
    tokens = {"input": 3, "output": 2}

    async def run():
        async with (
            opencode(saying("hello", cost=said, tokens=tokens)) as server,
            make_opencode_adapter(endpoint=server.url, default_model="mock/ok") as adapter,
        ):
            return (await adapter.complete("hello")).cost

    assert asyncio.run(run()) == cost


def test_the_agent_can_be_named():
    async def run():
        async with (
            opencode(saying("hello")) as server,
            make_opencode_adapter(endpoint=server.url, default_model="mock/ok", agent="quiet") as adapter,
        ):
            await adapter.complete("hello")
            return server.asked[0]["agent"]

    assert asyncio.run(run()) == "quiet"


def sent_to_a_compatible_server(config, *calls, **settings):
    """Return the bodies that calls become at an address that ends in /v1."""

    async def run():
        async with walls.wall(walls.answer(200, walls.said())) as server:
            given = {**config, "endpoint": f"{server.url}/v1"}
            async with make_opencode_adapter(given, **settings) as adapter:
                for opts in calls:
                    await adapter.complete("hello", opts)
            return [each for each in server.asked if each.method == "POST"]

    return asyncio.run(run())


def test_an_address_that_ends_in_v1_is_an_openai_compatible_server():
    asked = sent_to_a_compatible_server({"defaultModel": "llama-2-7b-chat"}, {})
    assert asked[0].path == "/v1/chat/completions"
    assert asked[0].json["model"] == "llama-2-7b-chat"


def test_a_call_may_name_any_model_and_temperature():
    config = OpenCodeAdapterConfig(defaultModel="llama-2-7b-chat", defaultTemperature=0.7)
    calls = ({}, {"model": "code-llama-34b", "temperature": 0.2}, {"maxTokens": 100})
    bodies = [each.json for each in sent_to_a_compatible_server(config, *calls)]
    assert [(body["model"], body["temperature"]) for body in bodies] == [
        ("llama-2-7b-chat", 0.7),
        ("code-llama-34b", 0.2),
        ("llama-2-7b-chat", 0.7),
    ]
    assert bodies[2]["max_tokens"] == 100


def test_a_keyword_wins_over_the_mapping():
    asked = sent_to_a_compatible_server(
        {"defaultModel": "one", "defaultTemperature": 0.7}, {}, default_model="two", default_temperature=0
    )
    assert (asked[0].json["model"], asked[0].json["temperature"]) == ("two", 0)


@pytest.mark.parametrize(
    ("given", "settings"),
    [({"timeout": 30_000}, {}), ({}, {"timeout": 30}), ({"timeout": 1}, {"timeout": 30})],
)
def test_a_timeout_is_in_milliseconds_in_the_mapping_and_in_seconds_as_a_keyword(given, settings):
    adapter = make_opencode_adapter(given, default_model="a", **settings)
    program = adapter._routers["a"]._engine.program
    assert program.endpoints["opencode"].timeouts.total == 30
    assert program.routes[0].deadline == 30


def test_without_an_address_it_is_the_usual_one_of_opencode():
    adapter = make_opencode_adapter(default_model="a")
    endpoint = adapter._routers["a"]._engine.program.endpoints["opencode"]
    assert (endpoint.kind, endpoint.url) == ("opencode", "http://127.0.0.1:4096")


def test_a_model_file_answers_in_this_process(scripted_model):
    async def run():
        path = scripted_model("I answer inside this process.")
        async with make_opencode_adapter({"modelPath": str(path), "defaultModel": path.name}) as adapter:
            return await adapter.complete("hello")

    found = asyncio.run(run())
    assert (found.content, found.endpoint) == ("I answer inside this process.", "embedded")


def test_a_model_file_comes_first_and_the_server_stands_by(scripted_model):
    async def run():
        doubles = {
            "embedded": ScriptedProvider("500"),
            "opencode": ScriptedProvider({"say": "from the server"}),
        }
        path = scripted_model()
        async with make_opencode_adapter(
            endpoint="http://127.0.0.1:1", model_path=path, default_model=path.name, providers=doubles
        ) as adapter:
            return await adapter.complete("hello")

    assert asyncio.run(run()).content == "from the server"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"endpoint": "nowhere"}, "is not an address"),
        ({"timeout": "soon"}, "is not a duration"),
        ({"defaultTemperature": 9}, "out of range"),
        ({"temperature": 0.7}, "unknown setting `temperature`; legal are endpoint, modelPath"),
        ({"modelPath": "/nowhere/at/all"}, "/nowhere/at/all"),
        ("http://127.0.0.1:8080/v1", "the settings are a mapping or keywords, not str"),
    ],
)
def test_a_wrong_setting_is_told_at_once(config, says):
    with pytest.raises(ConfigError, match=says):
        make_opencode_adapter(config)


@pytest.mark.parametrize("model", [None, "", 7, "x" * 129])
def test_a_call_without_a_usable_model_is_refused(model):
    with pytest.raises(InvalidCall, match="`model` must be a text of 1 to 128 characters"):
        asyncio.run(make_opencode_adapter().complete("hello", {"model": model}))


@pytest.mark.parametrize("name", ["${env:HOME}", " spaced ", "*", "true", "qwen: 3"])
def test_a_models_name_stands_for_itself(name):
    asked = sent_to_a_compatible_server({"defaultModel": name}, {})
    assert asked[0].json["model"] == name


def test_models_without_number_are_refused(monkeypatch):
    monkeypatch.setattr(adapters, "MOST_MODELS", 2)
    double = ScriptedProvider("404")

    async def run():
        adapter = make_opencode_adapter(default_model="a", providers={"opencode": double})
        for model, kind in (("b", ModelNotFound), ("c", InvalidCall), ("a", ModelNotFound)):
            with pytest.raises(kind):
                await adapter.complete("hello", model=model)

    asyncio.run(run())
