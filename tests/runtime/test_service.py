"""Before a call to a local server that nobody has heard of: is it running, loading or up?"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from support.played import OK, Part, config, now, played

from router.core import errors
from router.core.clock import LoopClock
from router.core.request import Endpoint
from router.runtime.service import Checked, start_command

GONE = [errors.ConnectFailed("refused")]
CHECKED = "health: {every: 1h}"


@asynccontextmanager
async def refused():
    raise errors.ConnectFailed("refused")
    yield


class Server(Part):
    """A part that can be asked how it is: a word, an error to raise, or seconds to take."""

    def __init__(self, *turns, says=("up",)):
        super().__init__(*turns)
        self.says = list(says)
        self.probes = 0

    def open(self, request):
        turn = self.turns[min(self.calls, len(self.turns) - 1)]
        return refused() if turn is GONE else super().open(request)

    async def probe(self):
        found = self.says[min(self.probes, len(self.says) - 1)]
        self.probes += 1
        if isinstance(found, float):
            await asyncio.sleep(found)
        if isinstance(found, Exception):
            raise found
        return found


def played_with(tmp_path, work, server, *, a=CHECKED, rest="retry: {same: 0}\n"):
    return played(tmp_path, config("a", rest=rest, a=a), work, a=server)


def test_a_server_that_answers_is_asked_once(tmp_path):
    async def work(it):
        for _ in range(3):
            await it.ask()
        return it.a.probes, it.a.calls

    assert played_with(tmp_path, work, Server()) == (1, 3)


def test_one_that_is_loading_gets_no_prompt_until_it_is_up(tmp_path):
    async def work(it):
        answer = await it.ask()
        return answer.text, it.a.calls, it.a.probes, [each.outcome for each in answer.attempts], now() < 10

    found = played_with(tmp_path, work, Server(says=["loading", "loading", "up"]))
    assert found == ("fine", 1, 3, ["model_loading", "model_loading", "ok"], True)


def test_the_error_of_one_that_is_not_running_names_the_command_that_starts_it(tmp_path):
    async def work(it):
        return str(await it.fails())

    at = 'url: "http://127.0.0.1:11434/v1"'
    found = played_with(tmp_path, work, Server(GONE, says=["down"]), a=f"{at}, {CHECKED}")
    assert found == "endpoint `a` (http://127.0.0.1:11434/v1) is not running; start it with: ollama serve"


def test_of_an_unknown_server_the_error_is_the_call_s_own(tmp_path):
    async def work(it):
        return str(await it.fails())

    assert played_with(tmp_path, work, Server(GONE, says=["down"])) == "refused"


def test_one_whose_health_path_is_sick_is_called_all_the_same(tmp_path):
    async def work(it):
        return (await it.ask()).text

    assert played_with(tmp_path, work, Server(says=["down"])) == "fine"


@pytest.mark.parametrize("says", [60.0, ValueError("a bug")])
def test_a_question_without_an_answer_keeps_no_call_from_being_sent(tmp_path, says):
    async def work(it):
        await it.ask()
        return now() <= 1.0

    assert played_with(tmp_path, work, Server(says=[says]))


def test_one_that_could_not_be_reached_of_late_is_asked_again(tmp_path):
    async def work(it):
        await it.ask()
        await it.fails()
        await it.ask()
        return it.a.probes

    assert played_with(tmp_path, work, Server(OK, [errors.ConnectFailed("gone")], OK)) == 2


@pytest.mark.parametrize("settings", ["health: off", f"locality: remote, {CHECKED}"])
def test_remote_servers_and_those_without_health_checks_are_not_asked(tmp_path, settings):
    async def work(it):
        await it.ask()
        return it.a.probes

    assert played_with(tmp_path, work, Server(), a=settings) == 0


@pytest.mark.parametrize(
    ("kind", "url", "settings", "command"),
    [
        ("openai", "http://127.0.0.1:8080/v1", {}, "llama-server -m MODEL.gguf --port 8080"),
        ("openai", "http://127.0.0.1:8000/v1", {}, "vllm serve MODEL --port 8000"),
        ("openai", "http://localhost:1234/v1", {}, "lms server start --port 1234"),
        (
            "openai",
            "http://127.0.0.1:9999/v1",
            {"quirks": "llama.cpp"},
            "llama-server -m MODEL.gguf --port 9999",
        ),
        ("opencode", "http://127.0.0.1:5000", {}, "opencode serve --port 5000"),
        ("ollama", "http://127.0.0.1:11434", {}, "ollama serve"),
        ("openai", "http://127.0.0.1:9999/v1", {}, None),
        ("openai", "http://localhost/v1", {}, None),
        ("openai", "unix:/run/llm.sock", {}, None),
    ],
)
def test_the_command_is_known_by_the_kind_or_by_the_usual_port(kind, url, settings, command):
    assert start_command(Endpoint("here", kind, "local", url, settings=settings)) == command


def test_closing_reaches_the_server_behind_the_question():
    server = Server()
    asyncio.run(Checked(server, server, Endpoint("here", "openai", "local"), LoopClock()).close())
    assert server.closed == 1
