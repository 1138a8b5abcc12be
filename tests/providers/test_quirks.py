"""What each OpenAI-compatible server is really sent: a recording server stands in for every row of the table."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from support.wall import answer, piece, said, stream, wall

from router.core.errors import CallFailed
from router.core.messages import Message, ToolCall
from router.core.quirk import PLAIN, QUIRKS, implied_quirk, quirk_of
from router.core.request import Endpoint, Request
from router.core.secret import Secret
from router.providers import create
from router.providers._quirks import short_id
from router.testing.contract import collect

TOOLS = tuple({"type": "function", "function": {"name": name}} for name in ("look", "rest"))
LOOK = {"type": "function", "function": {"name": "look"}}
CALLED = (
    Message("developer", "be brief"),
    Message("user", "weather?", name="ann"),
    Message("assistant", "", (ToolCall("call_a_long_one", "look", "{}"),)),
    Message("tool", "sunny", tool_call_id="call_a_long_one"),
)
EVERYTHING = Request(
    "m",
    CALLED,
    {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 9,
        "stop": ["a", "b"],
        "seed": 3,
        "reasoning_effort": "low",
    },
    stream=True,
    tools=TOOLS,
    tool_choice="auto",
    response_format={"type": "text"},
    extra={"parallel_tool_calls": False, "top_k": 4},
)
PLAINLY = {
    "model": "m",
    "stream": True,
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 9,
    "stop": ["a", "b"],
    "seed": 3,
    "reasoning_effort": "low",
    "stream_options": {"include_usage": True},
    "tools": list(TOOLS),
    "tool_choice": "auto",
    "response_format": {"type": "text"},
    "parallel_tool_calls": False,
    "top_k": 4,
}
ABSENT = object()
# What differs from PLAINLY for each row.
ROWS = {
    "llamacpp": {"chat_template_kwargs": {"reasoning_effort": "low"}},
    "vllm": {},
    "lmstudio": {},
    "localai": {},
    "ollama": {"tool_choice": ABSENT},
    "openai": {"max_tokens": ABSENT, "max_completion_tokens": 9},
    "azure": {"max_tokens": ABSENT, "max_completion_tokens": 9},
    "openrouter": {"stream_options": ABSENT},
    "groq": {"max_tokens": ABSENT, "max_completion_tokens": 9},
    "deepseek": {"seed": ABSENT},
    "mistral": {"seed": ABSENT, "random_seed": 3, "stream_options": ABSENT},
    "together": {},
}


def ask(quirks, request=EVERYTHING, settings=None, path="", **fields):
    """Return the error or None, and what the server was asked."""
    given = {**({"quirks": quirks} if quirks else {}), **(settings or {})}

    async def go():
        reply = stream(piece("ok", "stop"), "[DONE]") if request.stream else answer(body=said())
        async with wall(reply) as server:
            provider = create(Endpoint("box", "openai", "local", server.url + path, settings=given, **fields))
            try:
                await collect(provider, request)
            except CallFailed as error:
                return error, server.asked
            else:
                return None, server.asked
            finally:
                await provider.close()

    return asyncio.run(go())


def body_of(quirks, request=EVERYTHING, **fields):
    error, (asked,) = ask(quirks, request, **fields)
    assert error is None
    return asked.json


def refusal(quirks, **fields):
    """Return the kind of the error of a request that is not sent."""
    error, asked = ask(quirks, replace(EVERYTHING, **fields))
    assert asked == []
    assert "nothing was sent" in str(error)
    return error.kind


def test_every_row_is_tested():
    assert ROWS.keys() == QUIRKS.keys()


@pytest.mark.parametrize(("name", "differs"), ROWS.items())
def test_a_server_is_sent_what_it_takes_under_the_names_it_knows(name, differs):
    body = body_of(name)
    del body["messages"]
    assert body == {key: value for key, value in {**PLAINLY, **differs}.items() if value is not ABSENT}


def test_without_a_row_nothing_is_changed():
    body = body_of(None)
    messages = body.pop("messages")
    assert body == PLAINLY
    assert messages[0]["role"] == "developer"
    assert messages[1]["name"] == "ann"


@pytest.mark.parametrize("name", QUIRKS)
def test_names_and_roles_that_a_server_does_not_know_are_not_sent(name):
    developer, user, *_ = body_of(name)["messages"]
    row = QUIRKS[name]
    assert developer["role"] == ("developer" if row.developer else "system")
    assert ("name" in user) == row.names


def test_mistral_gets_ids_of_nine_characters_and_the_same_for_call_and_result():
    *_, call, result = body_of("mistral")["messages"]
    known = call["tool_calls"][0]["id"]
    assert (len(known), known.isalnum(), result["tool_call_id"]) == (9, True, known)
    assert short_id("abcDEF123") == "abcDEF123"
    assert short_id("call_1") != short_id("call_2")


@pytest.mark.parametrize(("name", "most"), [("openai", 4), ("azure", 4), ("groq", 4), ("deepseek", 16)])
def test_more_stops_than_a_server_takes_are_refused_before_anything_is_sent(name, most):
    body = body_of(name, replace(EVERYTHING, params={"stop": ["x"] * most}))
    assert len(body["stop"]) == most
    assert refusal(name, params={"stop": ["x"] * (most + 1)}) == "unsupported_feature"


@pytest.mark.parametrize(("name", "form"), [("lmstudio", "json_object"), ("deepseek", "json_schema")])
def test_a_format_that_a_server_does_not_know_is_refused_before_anything_is_sent(name, form):
    assert refusal(name, response_format={"type": form}) == "unsupported_feature"


@pytest.mark.parametrize("name", ["llamacpp", "lmstudio"])
def test_a_choice_in_words_alone_is_said_with_one_tool(name):
    body = body_of(name, replace(EVERYTHING, tool_choice=LOOK))
    assert (body["tools"], body["tool_choice"]) == ([LOOK], "required")
    assert body_of(name, replace(EVERYTHING, tool_choice="none"))["tool_choice"] == "none"


def test_a_choice_that_ollama_would_ignore_is_refused_or_done_without():
    assert refusal("ollama", tool_choice="required") == "unsupported_feature"
    assert refusal("ollama", tool_choice=LOOK) == "unsupported_feature"
    body = body_of("ollama", replace(EVERYTHING, tool_choice="none"))
    assert "tools" not in body
    assert "tool_choice" not in body


def test_llamacpps_template_is_told_of_the_effort_and_the_caller_wins():
    request = replace(EVERYTHING, params={"reasoning_effort": "none"})
    assert body_of("llamacpp", request)["chat_template_kwargs"] == {"enable_thinking": False}
    own = {"chat_template_kwargs": {"enable_thinking": True, "x": 1}}
    assert (
        body_of("llamacpp", replace(request, extra=own))["chat_template_kwargs"]
        == own["chat_template_kwargs"]
    )
    assert "chat_template_kwargs" not in body_of("llamacpp", replace(request, params={}))


def test_deepseeks_reasoner_is_not_sent_what_it_ignores():
    body = body_of("deepseek", replace(EVERYTHING, model="deepseek-reasoner"))
    assert not body.keys() & {"temperature", "top_p", "seed"}
    assert body["max_tokens"] == 9


def test_what_a_caller_puts_into_extra_is_sent_whatever_the_row_says():
    assert body_of("deepseek", replace(EVERYTHING, params={}, extra={"seed": 1}))["seed"] == 1


@pytest.mark.parametrize(
    ("path", "version", "asked"),
    [
        ("", None, "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"),
        (
            "",
            "2025-01-01-preview",
            "/openai/deployments/my%20gpt/chat/completions?api-version=2025-01-01-preview",
        ),
        ("/openai", None, "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"),
        ("/openai/v1", None, "/openai/v1/chat/completions"),
        ("/openai/v1", "preview", "/openai/v1/chat/completions?api-version=preview"),
    ],
)
def test_azure_has_the_model_in_the_path_or_the_version(path, version, asked):
    settings = {"api_version": version} if version else {}
    error, (request,) = ask(
        "azure",
        replace(EVERYTHING, model="my gpt"),
        settings=settings,
        path=path,
        keys=(Secret("k-1"),),
    )
    assert (error, request.path) == (None, asked)
    assert request.headers["api-key"] == "k-1"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("path", "asked"),
    [("", "/openai/models?api-version=2024-10-21"), ("/openai/v1", "/openai/v1/models")],
)
def test_azure_is_probed_at_its_list_of_models(path, asked):
    async def go():
        async with wall(answer(body={"data": []})) as server:
            provider = create(
                Endpoint("box", "openai", "local", server.url + path, settings={"quirks": "azure"})
            )
            found = await provider.probe()
            await provider.close()
            return found, server.asked[0].path

    assert asyncio.run(go()) == ("up", asked)


def test_openrouters_error_in_the_middle_of_a_stream_is_a_failure_of_its_kind():
    async def go():
        failed = {"error": {"code": 502, "message": "provider down"}, "choices": [{"finish_reason": "error"}]}
        async with wall(stream(piece("a"), failed)) as server:
            provider = create(
                Endpoint("box", "openai", "local", server.url, settings={"quirks": "openrouter"})
            )
            with pytest.raises(CallFailed) as caught:
                await collect(provider, EVERYTHING)
            await provider.close()
            return caught.value.kind

    assert asyncio.run(go()) == "server_error"


def test_deepseeks_cached_tokens_are_counted():
    async def go():
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 6}
        async with wall(answer(body={**said(), "usage": usage})) as server:
            provider = create(Endpoint("box", "openai", "local", server.url, settings={"quirks": "deepseek"}))
            *_, done = await collect(provider, replace(EVERYTHING, stream=False))
            await provider.close()
            return done.usage.cached_input_tokens

    assert asyncio.run(go()) == 6


@pytest.mark.parametrize(
    ("name", "told", "cost"),
    [
        ("openrouter", 0.00095, Decimal("0.00095")),
        ("openrouter", 0, Decimal(0)),
        ("openrouter", -1, None),
        ("openrouter", "1", None),
        ("openrouter", 1e999, None),
        ("openrouter", 10**400, None),
        ("vllm", 0.5, None),
    ],
)
def test_what_an_answer_cost_is_taken_from_openrouter_alone(name, told, cost):
    async def go():
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "cost": told}
        async with wall(answer(body={**said(), "usage": usage})) as server:
            provider = create(Endpoint("box", "openai", "local", server.url, settings={"quirks": name}))
            *_, done = await collect(provider, replace(EVERYTHING, stream=False))
            await provider.close()
            return done.cost

    assert asyncio.run(go()) == cost


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://my-team.openai.azure.com/openai/v1", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://API.MISTRAL.AI/v1", "mistral"),
        ("https://api.together.xyz/v1", "together"),
        ("http://127.0.0.1:11434/v1", "ollama"),
        ("http://localhost:1234/v1", "lmstudio"),
        ("http://[::1]:1234/v1", "lmstudio"),
        ("http://10.0.0.7:11434/v1", ""),
        ("http://box.lan:1234/v1", ""),
        ("http://127.0.0.1:8080/v1", ""),
        ("https://notapi.openai.com.evil.org/v1", ""),
        ("https://evil-api.groq.com/v1", ""),
        ("unix:/run/llama.sock", ""),
        ("http://[::1", ""),
        ("http://x:99999999/", ""),
        ("", ""),
    ],
)
def test_an_address_implies_a_server_only_where_it_surely_is_one(url, name):
    assert implied_quirk(url).name == name


def test_what_is_written_wins_over_what_the_address_implies():
    assert quirk_of("vllm", "https://api.groq.com/openai/v1").name == "vllm"
    assert quirk_of(None, "https://api.groq.com/openai/v1").name == "groq"
    assert quirk_of(None, "https://example.org") is PLAIN
