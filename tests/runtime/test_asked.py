"""A call that asks for a seed, for reasoning, or begins its answer goes only where the model is said to be able to."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

from router import load_router
from router.cli.main import cli
from router.core.errors import NoCandidate

FILE = """\
version: 1
endpoints: {one: {kind: mock}, two: {kind: mock}}
models:
  plain: {at: one, capabilities: [tools]}
  deep:  {at: two, capabilities: [prefill, reasoning, seed]}
rules:
  - {name: only, when: {task: code}, use: plain}
  - {use: [plain, deep]}
"""
BEGUN = [{"role": "user", "content": "say a"}, {"role": "assistant", "content": "a"}]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def complete(file, messages="hello", **options):
    async def go():
        async with load_router(file) as router:
            return await router.complete(messages, **options)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("messages", "options", "model"),
    [
        ("hello", {}, "plain"),
        ("hello", {"seed": 0}, "deep"),
        ("hello", {"reasoning_effort": "low"}, "deep"),
        ("hello", {"reasoning_effort": "none"}, "plain"),
        (BEGUN, {}, "deep"),
    ],
)
def test_a_model_whose_list_lacks_what_a_call_asks_for_is_skipped(file, messages, options, model):
    assert complete(file, messages, **options).model == model


def test_a_model_that_is_not_said_to_be_able_is_refused_by_name_too(file):
    with pytest.raises(NoCandidate, match="its capabilities lack seed"):
        complete(file, seed=1, model="plain")


def test_where_none_is_able_the_call_is_refused_with_the_reason(file):
    with pytest.raises(NoCandidate, match="`plain` at `one`: its capabilities lack prefill, reasoning"):
        complete(file, BEGUN, task="code", reasoning_effort="high")


def test_a_model_without_a_list_is_tried(file):
    file.write_text(FILE.replace(", capabilities: [tools]", ""), encoding="utf-8")
    assert complete(file, seed=1).model == "plain"


def test_what_the_file_itself_sets_asks_for_nothing(file):
    file.write_text(
        FILE.replace("use: [plain, deep]", "use: [plain, deep], options: {seed: 1}"), encoding="utf-8"
    )
    assert complete(file).model == "plain"


def test_the_offline_ladder_is_held_to_it_too(file):
    file.write_text(
        FILE.replace("{one: {kind: mock}", "{one: {kind: mock, script: [500]}, three: {kind: mock}")
        .replace("use: plain}", "use: last}")
        .replace("rules:", "  last: {at: three, capabilities: []}\nrules:")
        .replace("use: [plain, deep]", "use: plain")
        + "offline: {use: [last, deep]}\nretry: {attempts: 1}\n",
        encoding="utf-8",
    )
    assert complete(file).model == "last"
    file.write_text(file.read_text().replace("[tools]", "[tools, seed]"), encoding="utf-8")
    assert complete(file, seed=1).model == "deep"


def test_explain_says_why(file):
    words = ["explain", "-c", str(file), "seed=1", "--format", "json"]
    found = json.loads(CliRunner().invoke(cli, words).output)
    assert (found["model"], found["candidates"][0]["skipped"]) == ("deep", "its capabilities lack seed")
