"""What the compiler knows of the kind `opencode`."""

from __future__ import annotations

import asyncio

import pytest

from router.core.errors import ConfigError
from router.runtime.load import load_text
from router.testing import ScriptedProvider

FILE = """\
version: 1
endpoints:
  studio: {kind: opencode, url: "http://127.0.0.1:4096"%s}
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
models: {coder: {at: studio, id: p/m}, spare: {at: here}}
rules: [{use: [coder, spare]}]
"""


def compiled(more=""):
    return load_text(FILE % more, env={})


def test_it_is_remote_unless_the_file_says_otherwise():
    places = {"": "remote", ", locality: local": "local"}
    for more, locality in places.items():
        (coder, _) = compiled(more).models()
        assert coder.deployments[0].locality == locality


@pytest.mark.parametrize(("more", "places"), [("", 2), (", concurrency: 5", 5)])
def test_few_calls_are_sent_at_once(more, places):
    assert compiled(more)._engine.program.endpoints["studio"].concurrency == places


def test_its_agent_reaches_the_provider():
    endpoint = compiled(", agent: quiet")._engine.program.endpoints["studio"]
    assert endpoint.settings["agent"] == "quiet"


@pytest.mark.parametrize("agent", ["''", "two words", "7", f"a{'b' * 100}"])
def test_an_agent_is_a_name(agent):
    with pytest.raises(ConfigError):
        compiled(f", agent: {agent}")


@pytest.mark.parametrize(
    "call",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_a_call_that_needs_more_than_text_goes_elsewhere(call):
    studio, here = ScriptedProvider("ok"), ScriptedProvider("ok")

    async def run():
        async with load_text(FILE % "", env={}, providers={"studio": studio, "here": here}) as router:
            return [(await router.complete("hello", more)).endpoint for more in (call, {})]

    assert asyncio.run(run()) == ["here", "studio"]
