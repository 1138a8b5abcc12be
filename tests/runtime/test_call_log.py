"""What a router writes of its calls, and that a simulation of its own configuration agrees with it."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from decimal import Decimal

import pytest

from router import CallFailed, load_router
from router.compile.compiler import compile_file
from router.compile.simulate import simulate
from router.core.events import Done
from router.core.usage import Usage, to_nano
from router.testing import ScriptedProvider

CONFIG = """\
version: 1
dimensions:
  team: {values: [red, blue], default: red}
  data: {values: [public, private], default: public}
endpoints:
  laptop: {kind: mock, locality: local}
  cloud: {kind: mock, locality: remote}
  other: {kind: mock, locality: remote}
  spare: {kind: mock, locality: local}
models:
  small: {at: laptop, price: {per_hour: $3.60}}
  mid: {at: [cloud, other], balance: least_busy, price: {input: $0.40, output: $1.60}, options: {max_tokens: 50}}
  big: {at: cloud, price: {input: $3, cached_input: $0.30, output: $15}, options: {max_tokens: 20}, failover: [mid]}
  tiny: {at: spare}
rules:
  - {name: private, when: {data: private}, use: small}
  - {name: exact, when: {task: code}, use: [big, mid], options: {temperature: 0}}
  - {name: canary, when: {task: creative}, use: [{split: {mid: 50, big: 50}, by: user}, small]}
  - {name: dice, when: {task: analysis}, use: {split: {big: 30, mid: 70}, by: call}}
  - {name: otherwise, use: [mid, small]}
retry: {attempts: 4, same: 1, backoff: {first: 1ms}, wait: 5ms, wait_alone: 5ms}
breaker: {failures: 3, open: 20ms, max_open: 20ms}
cache: {store: memory}
costs:
  budgets:
    - {name: all, limit: $0.02, per: month}
    - {name: person, limit: $0.0006, per: day, each: user, then: {use: small}}
    - {name: team, limit: $0.0001, each: team, then: warn}
offline:
  use: [tiny]
  replies: [{say: later}]
invariants:
  - {name: home, for_all: {data: private}, every_hop: {locality: local}}
log: {calls: logs/calls.jsonl}
"""


class Metered(ScriptedProvider):
    """Counts other tokens for each answer."""

    async def _events(self, outcome, request):
        async for event in super()._events(outcome, request):
            if isinstance(event, Done):
                usage = Usage(self.calls % 41 + 1, self.calls % 23 + 1, self.calls % 5)
                yield Done(event.finish_reason, usage)
            else:
                yield event


def providers(dice):
    bad = ["503", "refused", "cut", "429", "timeout", "500"]
    scripts = {
        name: [
            dice.choice(bad[:4] if dice.random() < 0.5 else bad[5:]) if dice.random() < share else "ok"
            for _ in range(400)
        ]
        for name, share in (("laptop", 0.02), ("cloud", 0.25), ("other", 0.25), ("spare", 0.1))
    }
    return {name: Metered(*script, name=name) for name, script in scripts.items()}


def config(folder, text=CONFIG):
    (folder / "logs").mkdir(exist_ok=True)
    path = folder / "router.yaml"
    path.write_text(text)
    return path


def logged(folder, name="logs/calls.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def simulated(folder, path, against=None):
    old = compile_file(against)[0] if against is not None else None
    return simulate(
        compile_file(path)[0],
        old,
        lambda: (folder / "logs/calls.jsonl").read_bytes().splitlines(keepends=True),
    )


async def one(router, dice):
    options = {
        "task": dice.choice(["chat", "code", "analysis", "creative"]),
        "team": dice.choice(["red", "blue"]),
        "user": dice.choice([None, "ann", "bob", "cy", "dee"]),
        "data": "private" if dice.random() < 0.1 else None,
        "model": dice.choice(["big", "small"]) if dice.random() < 0.1 else None,
    }
    text = (
        "again" if options["task"] == "code" else f"say {dice.randrange(6)} " + "word " * dice.randrange(30)
    )
    try:
        if dice.random() < 0.4:
            async with router.stream(text, options) as reply:
                async for _ in reply:
                    if dice.random() < 0.02:
                        return  # the caller leaves
        else:
            await router.complete(text, options)
    except CallFailed:
        pass


async def run(path, dice, calls, at_once):
    async with load_router(path, providers=providers(dice), dice=random.Random(dice.random())) as router:
        for _ in range(calls // at_once):
            await asyncio.gather(*(one(router, dice) for _ in range(at_once)))
            await asyncio.sleep(0)


def agreed(folder, path):
    """Hold the log against its own configuration; return its lines and the simulation."""
    lines, found = logged(folder), simulated(folder, path)
    assert (found.calls, found.changed, found.elsewhere, found.moves, found.bad) == (len(lines), 0, 0, (), 0)
    spent = sum((Decimal(line["cost"]) for line in lines), Decimal(0))
    assert found.after.cost == found.recorded.cost == to_nano(spent) > 0
    assert found.after.failed == found.recorded.failed
    assert found.after.refused.total() == found.recorded.refused.total()
    assert found.after.answered == found.recorded.answered
    for place, sums in found.recorded.places.items():
        assert (sums.calls, sums.cost) == (found.after.places[place].calls, found.after.places[place].cost)
    return lines, found


@pytest.mark.parametrize("seed", [0, 1])
def test_a_recorded_run_put_to_its_own_configuration_changes_no_decision_and_costs_the_same(tmp_path, seed):
    path = config(tmp_path)
    asyncio.run(run(path, random.Random(seed), 240, 1))
    lines, found = agreed(tmp_path, path)
    # The run is worth something: everything that may happen to a call has happened to some.
    assert {"ok", "cancelled"} <= {line["outcome"] for line in lines}
    assert any(line.get("cached") for line in lines)
    assert any(len(line["attempts"]) > 1 for line in lines)
    assert found.after.redirected["person"] > 0
    assert found.recorded.degraded > 0


def test_calls_that_overlap_agree_as_well(tmp_path):
    path = config(tmp_path, CONFIG.replace("$0.02,", "$2,").replace("$0.0006,", "$12,"))
    asyncio.run(run(path, random.Random(5), 240, 8))
    agreed(tmp_path, path)


SMALL = """\
version: 1
endpoints: {here: {kind: mock}}
models: {a: {at: here}, b: {at: here, capabilities: []}}
rules: [{when: {task: code}, use: [b, a]}, {when: {task: [chat, analysis]}, use: a}]
"""
LOG = "log: {calls: logs/calls.jsonl}\n"


def test_a_file_without_a_log_makes_nobody_listen(tmp_path):
    router = load_router(config(tmp_path, SMALL))
    assert not router._engine.audience
    assert asyncio.run(router.complete("x")).content
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_call_that_is_refused_before_anything_is_sent_is_written_with_what_it_said(tmp_path):
    async def go():
        async with load_router(config(tmp_path, SMALL + LOG)) as router:
            for options in (
                {"task": "creative", "user": "ann"},
                {"model": "b", "tools": [{"type": "function"}]},
            ):
                with pytest.raises(CallFailed):
                    await router.complete("three little words", options)

    asyncio.run(go())
    gap, unable = logged(tmp_path)
    assert (gap["outcome"], gap["call"]["task"], gap["chain"], len(gap["user"])) == (
        "no_candidate",
        "creative",
        [],
        16,
    )
    assert gap["call"]["tokens"] > 3
    assert (unable["call"]["model"], unable["call"]["tools"]) == ("b", True)
    agreed_on = simulated(tmp_path, tmp_path / "router.yaml")
    assert (agreed_on.changed, agreed_on.elsewhere, agreed_on.after.refused.total()) == (0, 0, 2)


def test_a_reload_that_changes_the_log_takes_effect_and_loses_nothing(tmp_path):
    path = config(tmp_path, SMALL + LOG)

    async def go():
        async with load_router(path) as router:
            await router.complete("x")
            path.write_text(SMALL + LOG.replace("calls.jsonl", "other.jsonl"))
            await router.reload()
            await router.complete("x")
            await router.reload()  # the same log goes on
            await router.complete("x")
            path.write_text(SMALL)
            await router.reload()
            await router.complete("x")

    asyncio.run(go())
    for thread in threading.enumerate():
        if thread.name.startswith("router calls"):
            thread.join(5)
    assert [len(logged(tmp_path, f"logs/{name}.jsonl")) for name in ("calls", "other")] == [1, 2]


def test_secrets_that_a_reload_brings_are_kept_out_of_a_new_log(tmp_path):
    text = SMALL.replace("{kind: mock}", "{kind: openai, url: 'http://127.0.0.1:9', key: '${env:KEY}'}")
    path = config(tmp_path, text)
    full = LOG.replace("{", "{content: full, ")

    async def go():
        answers = {"here": ScriptedProvider(name="here")}
        async with load_router(path, env={"KEY": "a-very-own-key"}, providers=answers) as router:
            path.write_text(text + full)
            await router.reload()
            await router.complete("my key is a-very-own-key")

    asyncio.run(go())
    (line,) = logged(tmp_path)
    assert line["prompt"] == "user: my key is ***"


def test_explain_tells_of_the_log(tmp_path):
    router = load_router(config(tmp_path, SMALL + LOG))
    told = dict(router.explain().policies)
    assert told["log"].endswith("calls.jsonl, without prompts and answers")
