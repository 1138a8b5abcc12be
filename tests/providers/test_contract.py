"""Every provider of this package keeps the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from support.engine_server import EngineServer
from support.wall import Wall, answer, mute, stream, wall

from router.core.messages import Message
from router.core.request import Endpoint, Request
from router.providers import _gguf_spawn, create
from router.testing import ScriptedProvider, run_virtual
from router.testing.contract import ProviderContract

LONG = {"say": "and so on " * 50}
SCRIPTS = {
    "answers": "ok",
    "endless": LONG,
    "silent": "timeout",
    "unknown_model": "404",
    "empty": {"say": ""},
    "malformed": "malformed_response",
}


class TestMock(ProviderContract):
    async def make(self, situation):
        settings = {"script": [SCRIPTS[situation]]}
        return create(Endpoint("mock", "mock", "local", settings=settings))


class TestScripted(ProviderContract):
    async def make(self, situation):
        return ScriptedProvider(SCRIPTS[situation], delay=0.1, first_token=0.1, pace=0.1)

    async def is_free(self, provider):
        return provider.open_streams == 0

    def run(self, coro):
        return run_virtual(coro)


@pytest.mark.usefixtures("carried")
class TestOpenAi(ProviderContract):
    """The real engine, and the wall for what no engine does."""

    kind = "openai"
    servers: ClassVar[dict[str, EngineServer]] = {}
    replies: ClassVar = {
        "silent": mute,
        "unknown_model": answer(404, {"error": {"message": "no such model", "code": "model_not_found"}}),
        "empty": stream("[DONE]"),
        "malformed": stream("{]"),
    }

    @pytest.fixture(autouse=True)
    def _engine(self, engine: Callable[..., EngineServer]):
        if not self.servers:
            self.servers["answers"] = engine("I answer from a real engine.")
            self.servers["endless"] = engine("never ever ends", loop=True)

    async def make(self, situation):
        if situation in self.servers:
            return create(Endpoint("engine", self.kind, "local", self.servers[situation].url))
        standing = wall(self.replies[situation])
        self.wall: Wall = await standing.__aenter__()
        provider = create(Endpoint("wall", self.kind, "local", self.wall.url))
        close = provider.close

        async def close_both():
            await close()
            await standing.__aexit__(None, None, None)

        provider.close = close_both
        return provider

    async def is_free(self, provider):
        del provider
        return not hasattr(self, "wall") or self.wall.connections == 0


class TestAnthropic(TestOpenAi):
    """The same engine through its other door, and the wall for what no engine does."""

    kind = "anthropic"
    servers: ClassVar[dict[str, EngineServer]] = {}
    replies: ClassVar = {
        "silent": mute,
        "unknown_model": answer(404, {"type": "error", "error": {"type": "not_found_error", "message": "x"}}),
        "empty": stream({"type": "message_stop"}),
        "malformed": stream("{]"),
    }


# A child in the place of the engine's: what it says to each line of its parent, for what no engine does.
CHILD = """
import json, sys
input()
print(json.dumps({{"ready": True}}), flush=True)
for line in sys.stdin:
    said = json.loads(line)
    number = said.get("ask") or said["stop"]
    for part in {says}:
        print(json.dumps({{"of": number, **part}}), flush=True)
"""
CHILD_SAYS = {
    "silent": '[{"end": True}] if "stop" in said else []',
    "empty": '[{"chunk": {"choices": [{"delta": {}, "finish_reason": "stop"}]}}, {"end": True}]',
    "malformed": '[{"chunk": {"choices": 3}}, {"end": True}]',
}


class TestGguf(ProviderContract):
    """Each model in a child process."""

    isolation = "process"

    @pytest.fixture(autouse=True)
    def _models(self, scripted_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        self.answers = scripted_model("I answer from a file.")
        self.endless = scripted_model("never ever ends", loop=True)
        self.child, self.patch = tmp_path / "child.py", monkeypatch

    async def make(self, situation):
        paths = {"answers": self.answers, "endless": self.endless, "unknown_model": self.answers.parent}
        if situation in CHILD_SAYS:
            if self.isolation == "none":
                return None
            self.child.write_text(CHILD.format(says=CHILD_SAYS[situation]))
            self.patch.setattr(_gguf_spawn, "PROGRAM", str(self.child))
        settings = {
            "path": str(paths.get(situation, self.answers)),
            "threads": 1,
            "isolation": self.isolation,
        }
        return create(Endpoint("here", "gguf", "local", settings=settings))

    async def is_free(self, provider):
        return provider.busy == 0

    def request(self, text="hello"):
        return Request("nothing.gguf", (Message.user(text),), {"temperature": 0})


class TestGgufInThisProcess(TestGguf):
    isolation = "none"
