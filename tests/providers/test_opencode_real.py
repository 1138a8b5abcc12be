"""A real OpenCode server as an endpoint, over a real model and over a provider that misbehaves."""

from __future__ import annotations

import asyncio
import time

import pytest
from support.opencode_real import MISSING, PASSWORD, STRANGE, binary, served, upstream

from router import load_router, make_opencode_adapter
from router.core import errors
from router.core.messages import Message
from router.core.request import Endpoint, Request
from router.core.secret import Secret
from router.providers import create
from router.testing.contract import collect

FILE = """\
version: 1
endpoints:
  studio: {kind: opencode, url: "%s", key: "${env:STUDIO_KEY}", timeout: 5s}
  spare: {kind: mock, script: [{say: from the spare}]}
models:
  coder: {at: studio, id: scripted/%s}
  backup: {at: spare}
rules: [{use: [coder, backup]}]
retry: {same: 0}
"""


@pytest.fixture(scope="module")
def provider_behind():
    with upstream() as found:
        yield found


@pytest.fixture(scope="module")
def studio(tmp_path_factory, engine, provider_behind):
    command = binary()
    if command is None:
        pytest.skip(MISSING)
    providers = {
        "engine": engine("I answer from a real engine.", alias="real").url,
        "scripted": provider_behind.url,
    }
    with served(command, tmp_path_factory.mktemp("opencode"), providers) as server:
        yield server


def asking(studio, **settings):
    return create(
        Endpoint("studio", "opencode", "local", studio.url, keys=(Secret(PASSWORD),), settings=settings)
    )


def ask(studio, model, *messages, **settings):
    async def run():
        provider = asking(studio, **settings)
        try:
            return await collect(provider, Request(model, messages or (Message.user("hello"),)))
        finally:
            await provider.close()

    return asyncio.run(run())


def test_a_real_model_answers_through_it(studio):
    async def run():
        adapter = make_opencode_adapter(endpoint=studio.url, key=PASSWORD, default_model="engine/real")
        async with adapter:
            return await adapter.complete([Message.system("Be brief."), Message.user("Who are you?")])

    answer = asyncio.run(run())
    assert answer.content == "I answer from a real engine."
    assert answer.usage.output_tokens > 0
    assert studio.sessions() == []


def test_an_answer_comes_in_pieces_and_costs_one_call(studio, provider_behind):
    before = len(provider_behind.asked)
    events = ask(studio, "scripted/ok")
    assert [event.text for event in events[:-1]] == ["Hello", " from", " there"]
    usage = events[-1].usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens) == (20, 5, 8)
    assert len(provider_behind.asked) == before + 1  # no second one for a title


@pytest.mark.parametrize("agent", ["router", "default"])
def test_no_agent_is_given_a_tool(studio, provider_behind, agent):
    ask(studio, "scripted/ok", agent=agent)
    assert not provider_behind.asked[-1].get("tools")


def test_the_locked_down_agent_adds_little_to_the_prompt(studio, provider_behind):
    ask(studio, "scripted/ok", Message.system("SCENE"), Message.user("hello"))
    system, user = provider_behind.asked[-1]["messages"]
    assert user == {"role": "user", "content": "hello"}
    assert system["content"].startswith("Answer the message.")
    assert system["content"].endswith("SCENE")
    assert len(system["content"]) < 1000
    assert STRANGE not in system["content"]


@pytest.mark.parametrize(
    ("model", "settings", "says"),
    [
        ("scripted/nope", {}, "has no model `scripted/nope`"),
        ("scripted/ok", {"agent": "nope"}, "has no agent `nope`"),
    ],
)
def test_what_it_does_not_know_is_told(studio, model, settings, says):
    with pytest.raises(errors.ModelNotFound, match=says):
        ask(studio, model, **settings)
    assert studio.sessions() == []


def test_an_effort_is_the_variant_and_a_refusal_of_its_provider_is_told(studio, provider_behind):
    async def run():
        provider = asking(studio)
        request = Request("scripted/warm", (Message.user("hello"),), {"reasoning_effort": "high"})
        with pytest.raises(errors.InvalidRequest, match="Invalid value"):
            await collect(provider, request)
        await provider.close()

    asyncio.run(run())
    assert provider_behind.asked[-1]["temperature"] == 0.2


def test_its_models_and_its_health_are_told(studio):
    async def run():
        provider = asking(studio)
        return await provider.probe(), {each.id for each in await provider.listed()}

    state, models = asyncio.run(run())
    assert state == "up"
    assert {"engine/real", "scripted/ok"} <= models
    assert all(each.startswith(("engine/", "scripted/")) for each in models)


@pytest.mark.parametrize(
    ("model", "kind"), [("err429", "rate_limited"), ("err500", "server_error"), ("hang", "timeout")]
)
def test_a_provider_that_fails_behind_it_makes_another_endpoint_answer(
    studio, provider_behind, model, kind, tmp_path
):
    file = tmp_path / "router.yaml"
    file.write_text(FILE % (studio.url, model), encoding="utf-8")
    before = len(provider_behind.asked)

    async def run():
        async with load_router(file, env={"STUDIO_KEY": PASSWORD}) as router:
            return await router.complete("hello")

    begun = time.monotonic()
    answer = asyncio.run(run())
    assert answer.content == "from the spare"
    assert kind in answer.attempts[0].outcome
    assert time.monotonic() - begun < 20
    assert len(provider_behind.asked) == before + 1  # it was stopped before it tried again
    assert studio.sessions() == []


def test_a_call_that_is_cancelled_leaves_no_session(studio, provider_behind):
    async def run():
        provider = asking(studio)
        before = len(provider_behind.asked)
        task = asyncio.create_task(collect(provider, Request("scripted/hang", (Message.user("hello"),))))
        async with asyncio.timeout(20):
            while len(provider_behind.asked) == before:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait({task})
        await provider.close()
        return task.cancelled()

    assert asyncio.run(run())
    assert studio.sessions() == []


def test_a_wrong_password_is_an_authentication_failure(studio):
    async def run():
        wrong = Endpoint("studio", "opencode", "local", studio.url, keys=(Secret("wrong"),))
        with pytest.raises(errors.Authentication):
            await collect(create(wrong), Request("scripted/ok", (Message.user("hello"),)))

    asyncio.run(run())
