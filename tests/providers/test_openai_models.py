"""Which models an OpenAI-compatible server has, and how those that can be told to load and unload them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wall import answer, loading, raw, wall

from router.core.errors import CallFailed
from router.core.port import Listed, Resident
from router.core.request import Endpoint
from router.core.secret import Secret
from router.providers import create
from router.providers._openai_models import OpenAiModels

RECORDED = json.loads(
    (Path(__file__).parent / "recorded" / "llamacpp_models.json").read_text(encoding="utf-8")
)


@asynccontextmanager
async def provider_of(url, **fields):
    provider = create(Endpoint("box", "openai", "local", url, **fields))
    try:
        yield provider
    finally:
        await provider.close()


def with_server(reply, work, *, path="/v1", **fields):
    """Return what work does with a provider, or its error, and the paths that were asked."""

    async def go():
        async with wall(reply) as server, provider_of(server.url + path, **fields) as provider:
            try:
                done = await work(provider)
            except CallFailed as error:
                done = error
            return done, [f"{asked.method} {asked.path}" for asked in server.asked]

    return asyncio.run(go())


def by_path(**replies):
    """Answer by path, a 404 elsewhere."""

    async def reply(asked, writer):
        await replies.get(asked.path, answer(404, {"error": {"message": "File Not Found"}}))(asked, writer)

    return reply


def listed(rows, **more):
    replies = {"/v1/models": answer(200, rows), **more}
    return with_server(by_path(**replies), lambda provider: provider.listed())


def row(name, **fields):
    return {"id": name, "object": "model", **fields}


def test_the_one_model_of_a_llama_server_is_listed_with_its_window_and_its_places():
    found, paths = listed(RECORDED["single"], **{"/props": answer(200, RECORDED["props"])})
    assert found == (Listed("smollm2-135m", context=4096, size=96576768, slots=2),)
    assert paths == ["GET /v1/models", "GET /props"]


def test_an_older_llama_server_tells_its_window_elsewhere():
    one = {"data": [row("m", owned_by="llamacpp", meta={"n_ctx_train": 8192})]}
    assert listed(one, **{"/props": answer(200, RECORDED["props"])})[0] == (
        Listed("m", context=4096, slots=2),
    )


@pytest.mark.parametrize("props", [answer(403, b""), answer(200, []), answer(200, {}), raw(b"")])
def test_what_a_llama_server_does_not_tell_is_unknown(props):
    one = {"data": [row("m", owned_by="llamacpp")]}
    assert listed(one, **{"/props": props})[0] == (Listed("m"),)


def test_the_models_of_a_llama_server_in_router_mode_have_states():
    found, paths = listed(RECORDED["mixed"])
    assert {each.id: each.state for each in found} == {
        "broken": "failed",
        "smollm2": "loaded",
        "tiny-a": "unloaded",
        "tiny-b": "unloaded",
    }
    assert next(each for each in found if each.id == "smollm2").context == 4096
    assert paths == ["GET /v1/models"]
    assert "loading" in [each.state for each in listed(RECORDED["loading"])[0]]


@pytest.mark.parametrize(
    "fields",
    [
        {"max_model_len": 8},
        {"context_length": 8},
        {"context_window": 8},
        {"max_context_length": 8},
        {"meta": {"n_ctx": 8}},
    ],
)
def test_windows_are_found_whatever_they_are_called(fields):
    (found,) = listed({"data": [row("m", **fields)]})[0]
    assert (found.context, found.state) == (8, None)


def test_other_names_of_a_model_are_known():
    found, _ = listed({"data": [row("a", aliases=["a", "b", 1]), row("c:latest")]})
    assert [each.aliases for each in found] == [("b",), ("c",)]
    assert found[0].goes_by("b")


def test_what_is_no_model_is_left_out():
    assert listed([1, {"id": 2}, row("m")])[0] == (Listed("m"),)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(200, b"<html>", kind="text/html"), "malformed_response"),
        (answer(200, b"hi"), "malformed_response"),
        (answer(200, {}), "malformed_response"),
        (answer(401, {"error": {"message": "no"}}), "authentication"),
        (answer(404, b"not here"), "model_not_found"),
        (loading(), "model_loading"),
        (raw(b"HELLO\r\n\r\n"), "malformed_response"),
        (raw(b""), "connection_lost"),
    ],
)
def test_what_cannot_be_listed_says_why(reply, kind):
    assert with_server(reply, lambda provider: provider.listed())[0].kind == kind


def test_a_web_page_is_called_one():
    assert "answered /models with a web page" in str(listed(0, **{"/v1/models": answer(200, b" <html>")})[0])


def test_the_key_is_sent_and_not_told():
    reply = answer(401, {"error": {"message": "bad key hunter22"}})
    error, _ = with_server(reply, lambda provider: provider.listed(), keys=(Secret("hunter22"),))
    assert "hunter22" not in str(error)


def test_a_path_before_the_interfaces_own_is_kept():
    rows = {"data": [row("m", owned_by="llamacpp")]}
    _, paths = with_server(
        by_path(**{"/llm/v1/models": answer(200, rows)}), lambda provider: provider.listed(), path="/llm/v1"
    )
    assert paths == ["GET /llm/v1/models", "GET /llm/props"]


def test_a_server_on_a_socket_is_listed(tmp_path):
    async def go():
        reply = by_path(
            **{"/v1/models": answer(200, RECORDED["single"]), "/props": answer(200, RECORDED["props"])}
        )
        async with wall(reply, unix=str(tmp_path / "s")) as server, provider_of(server.url) as provider:
            return await provider.listed()

    assert asyncio.run(go())[0].slots == 2


@pytest.mark.parametrize("verb", ["load", "unload"])
@pytest.mark.parametrize("rows", [RECORDED["single"], {"data": []}])
def test_a_server_that_cannot_be_told_to_load_says_so(verb, rows):
    found, paths = with_server(
        by_path(**{"/v1/models": answer(200, rows)}), lambda provider: getattr(provider, verb)("m")
    )
    assert found.kind == "unsupported_feature"
    assert paths == ["GET /v1/models"]


@dataclass
class Engine:
    """llama-server in router mode, by what was recorded: loading takes a few looks, a broken file fails."""

    states: dict[str, str] = field(default_factory=lambda: {"tiny-a": "unloaded", "broken": "unloaded"})
    failed: set[str] = field(default_factory=set)
    looks: int = 2

    async def __call__(self, asked, writer):
        await self.reply(asked)(asked, writer)

    def reply(self, asked):
        if asked.path == "/v1/models":
            return answer(200, {"data": self._looked(), "object": "list"})
        name, refusals = asked.json["model"], RECORDED["refusals"]
        if name not in self.states:
            return answer(404, refusals["unknown"]["body"])
        wanted = "unloaded" if asked.path == "/models/load" else "loaded"
        if self.states[name] != wanted:
            return answer(400, refusals["running" if wanted == "unloaded" else "not running"]["body"])
        self.states[name] = "loading" if wanted == "unloaded" else "unloaded"
        return answer(200, {"success": True})

    def _looked(self):
        """Return what a look shows; loading goes on meanwhile."""
        rows = [self._row(name, state) for name, state in self.states.items()]
        for name in [name for name, state in self.states.items() if state == "loading"]:
            self.looks -= 1
            if self.looks <= 0:
                self.states[name] = "unloaded" if name == "broken" else "loaded"
                self.failed |= {name} & {"broken"}
        return rows

    def _row(self, name, state):
        more = {"exit_code": 1, "failed": True} if name in self.failed else {}
        return row(name, owned_by="llamacpp", status={"value": state, "args": [], **more})


def test_openai_endpoints_may_be_told_to_load():
    assert isinstance(create(Endpoint("box", "openai", "local", "http://127.0.0.1:1/v1")), Resident)


def test_loading_returns_when_the_model_is_there():
    engine = Engine()
    done, paths = with_server(engine, lambda provider: provider.load("tiny-a", 4096))
    assert (done, engine.states["tiny-a"]) == (None, "loaded")
    assert paths[:2] == ["GET /v1/models", "GET /v1/models"]
    assert paths.count("POST /models/load") == 1


@pytest.mark.parametrize("state", ["loaded", "sleeping"])
def test_what_is_loaded_is_not_loaded_again(state):
    engine = Engine({"tiny-a": state})
    assert with_server(engine, lambda provider: provider.load("tiny-a"))[0] is None
    assert engine.states["tiny-a"] == state


def test_what_is_loading_already_is_waited_for():
    engine = Engine({"tiny-a": "loading"}, looks=4)
    done, paths = with_server(engine, lambda provider: provider.load("tiny-a"))
    assert done is None
    assert "POST /models/load" not in paths


def test_a_file_that_cannot_be_loaded_fails_though_the_server_said_yes():
    engine = Engine()
    error, paths = with_server(engine, lambda provider: provider.load("broken"))
    assert (error.kind, error.retryable) == ("server_error", False)
    assert "could not load `broken`" in str(error)
    assert paths.count("POST /models/load") == 1


def test_a_model_that_failed_before_is_tried_again():
    engine = Engine({"tiny-a": "unloaded"}, failed={"tiny-a"})
    done, paths = with_server(engine, lambda provider: provider.load("tiny-a"))
    assert done is None
    assert "POST /models/load" in paths


def test_unloading_returns_when_the_memory_is_free():
    engine = Engine({"tiny-a": "loaded"})
    assert with_server(engine, lambda provider: provider.unload("tiny-a"))[0] is None
    assert engine.states["tiny-a"] == "unloaded"


def test_what_is_not_loaded_is_not_unloaded():
    _, paths = with_server(Engine(), lambda provider: provider.unload("tiny-a"))
    assert "POST /models/unload" not in paths


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_a_model_that_the_server_does_not_have_is_not_asked_for(verb):
    error, paths = with_server(Engine(), lambda provider: getattr(provider, verb)("nope"))
    assert error.kind == "model_not_found"
    assert not [path for path in paths if path.startswith("POST")]


@dataclass
class Swap:
    """A llama-swap: it loads what is asked for, one at a time."""

    running: dict[str, str] = field(default_factory=dict)
    old: bool = False
    broken: bool = False

    async def __call__(self, asked, writer):
        await self.reply(asked)(asked, writer)

    def reply(self, asked):
        path = asked.path
        if path == "/v1/models":
            rows = [row("org/a", owned_by="llama-swap", aliases=["a"]), row("b", owned_by="llama-swap")]
            return answer(200, {"data": rows})
        if path == "/running":
            shown = {"running": [{"model": name, "state": state} for name, state in self.running.items()]}
            for name, state in list(self.running.items()):
                if state == "stopping":
                    del self.running[name]
            return answer(200, shown)
        if path == "/unload":
            self.running.clear()
        elif path.startswith("/upstream/") and not self.broken:
            self.running = {path.removeprefix("/upstream/").removesuffix("/health"): "ready"}
        elif path.startswith("/api/models/unload/") and not self.old:
            self.running[path.removeprefix("/api/models/unload/")] = "stopping"
        else:
            return answer(502 if self.broken else 404, b"no such page", kind="text/plain")
        return answer(200, b"OK", kind="text/plain")


def test_the_models_of_a_llama_swap_have_states():
    found, _ = with_server(Swap({"org/a": "starting"}), lambda provider: provider.listed())
    assert [(each.id, each.state) for each in found] == [("org/a", "loading"), ("b", "unloaded")]


def test_a_llama_swap_loads_by_another_name_too():
    swap = Swap({"b": "ready"})
    assert with_server(swap, lambda provider: provider.load("a"))[0] is None
    assert swap.running == {"org/a": "ready"}


def test_a_llama_swap_that_cannot_load_says_so():
    error, _ = with_server(Swap(broken=True), lambda provider: provider.load("b"))
    assert (error.kind, error.status) == ("server_error", 502)


def test_a_llama_swap_unloads_the_one_model():
    swap = Swap({"org/a": "ready", "b": "ready"})
    assert with_server(swap, lambda provider: provider.unload("a"))[0] is None
    assert swap.running == {"b": "ready"}


def test_an_older_llama_swap_unloads_all_only_where_that_is_the_one():
    swap = Swap({"b": "ready"}, old=True)
    assert with_server(swap, lambda provider: provider.unload("b"))[0] is None
    assert swap.running == {}
    swap = Swap({"b": "ready", "org/a": "ready"}, old=True)
    assert with_server(swap, lambda provider: provider.unload("b"))[0].kind == "model_not_found"
    assert set(swap.running) == {"b", "org/a"}


def test_a_llama_swap_is_not_asked_to_unload_what_does_not_run():
    _, paths = with_server(Swap({"b": "ready"}), lambda provider: provider.unload("a"))
    assert not [path for path in paths if "unload" in path]


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_a_model_that_a_llama_swap_does_not_have_is_told(verb):
    assert with_server(Swap(), lambda provider: getattr(provider, verb)("nope"))[0].kind == "model_not_found"


def test_a_llama_swap_that_does_not_tell_what_runs_is_malformed():
    rows = {"data": [row("b", owned_by="llama-swap")]}
    assert listed(rows, **{"/running": answer(200, {})})[0].kind == "malformed_response"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("id", "owned_by", "status", "meta", "aliases", "max_model_len", "context_length")
ROWS = st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON, max_size=3)
SERVERS = st.sampled_from(["llama-swap", "llamacpp", "vllm"])


class Said:
    """Stands in for a server: whatever is asked, it says the same."""

    def __init__(self, *answers):
        self.answers = answers

    async def get(self, path):
        return self.answers[path != "/models"]


@given(ROWS, JSON, SERVERS)
def test_whatever_a_server_lists_is_listed_or_is_no_list(rows, other, owner):
    rows = [{**row, "id": "m", "owned_by": owner} if isinstance(row, dict) else row for row in rows]
    api = Said({"data": rows}, other)
    models = OpenAiModels(api, api, "/models", "here")
    with suppress(CallFailed):
        assert all(isinstance(each, Listed) for each in asyncio.run(models.listed()))
