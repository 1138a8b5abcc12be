"""Many calls for many models at once: whatever happens, memory is never over its limit and nobody is unloaded in use."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import load_router
from router.core.errors import CallFailed
from router.policy import residency as policy
from router.runtime import residency, residency_state, residency_turns
from router.runtime.residency_state import Occupant
from router.testing import ScriptedResident, run_virtual

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage

GiB = 2**30
ROOMS = residency_state.rooms
SIZES = {"a": 5 * GiB, "b": 4 * GiB, "c": 3 * GiB, "d": 2 * GiB, "e": 6 * GiB}
FILE = """
version: 1
machine: {memory: 9GiB}
endpoints:
  one:
    kind: openai
    url: http://127.0.0.1:1/v1
    memory: 8GiB
    when_full: %s
    strategy: %s
    concurrency: %d
    idle_unload: 20s
    load_timeout: 6s
    queue: {timeout: 30s}
    health: off
  two: {kind: openai, url: "http://127.0.0.1:2/v1", memory: 7GiB, concurrency: 2, health: off}
models:
  a: {at: one, memory: 5GiB, evict_cost: 2}
  b: {at: [one, two], memory: 4GiB}
  c: {at: two, memory: 3GiB}
  d: {at: one, memory: 2GiB, preload: true}
  e: {at: two, memory: 6GiB}
rules: [{use: [a, b]}]
retry: {attempts: 2}
breaker: off
"""


class Machine:
    """What two endpoints of one machine hold together."""

    def __init__(self, dice):
        self.most = 0
        self.endpoints = {
            name: Watched(
                self,
                {each: SIZES[each] for each in models},
                "ok",
                "ok",
                "500",
                "ok",
                loading=dice.choice([0.1, 1.0, 4.0]),
                unloading=dice.choice([0.0, 0.5]),
                broken=dice.choice([(), (), ("b",)]),
                delay=dice.choice([0.1, 2.0]),
                name=name,
            )
            for name, models in (("one", "abd"), ("two", "bce"))
        }

    def look(self):
        self.most = max(self.most, sum(each.busy for each in self.endpoints.values()))


class Watched(ScriptedResident):
    def __init__(self, machine, *args, **options):
        super().__init__(*args, **options)
        self.machine = machine

    async def load(self, model, context=None):
        work = super().load(model, context)
        asyncio.get_running_loop().call_soon(self.machine.look)
        await work


async def last(router, model):
    try:
        return (await router.complete("hi", model=model)).model
    except CallFailed as error:
        return error.kind


async def storm(router, dice, calls, when_full):
    async def one():
        await asyncio.sleep(dice.uniform(0, 40))
        deadline, loop = dice.uniform(1, 60), asyncio.get_running_loop()
        call = router.complete(
            "hi",
            model=dice.choice("abcde"),
            urgency=dice.choice(["critical", "normal", "normal", "batch"]),
            deadline=deadline,
        )
        began = loop.time()
        task, over = asyncio.create_task(call), []
        task.add_done_callback(lambda _: over.append(loop.time()))
        if dice.random() < 0.2:
            await asyncio.sleep(dice.uniform(0, 6))
            task.cancel()
        try:
            return (await task).model
        except CallFailed as error:
            return error.kind
        except asyncio.CancelledError:
            return "cancelled"
        finally:
            assert max(over, default=0.0) <= began + deadline + 0.001

    ended = await asyncio.gather(*(one() for _ in range(calls)))
    await asyncio.sleep(60)
    if when_full == "evict":  # nobody is left behind: each model has its turn again
        ended += [await last(router, model) for model in "abcde"]
        assert "shed" not in ended[calls:]
    # Whoever waited is served or gone; nothing is held, so that every model can be loaded again.
    for machine in router._engine.snapshot.residency.homes:
        for each in machine.occupants.values():
            assert each.claims == 0, each.model.name
            assert each.phase in ("loaded", "unloaded"), (each.model.name, each.phase)
    return ended


def run(folder, seed, when_full="evict", strategy="warm", calls=40):
    """Return what went wrong in a storm."""
    dice = random.Random(seed)
    file = folder / "router.yaml"
    file.write_text(FILE % (when_full, strategy, dice.choice([1, 2, 4])), encoding="utf-8")
    machine = Machine(dice)

    async def go():
        router = load_router(file, providers=machine.endpoints, dice=random.Random(seed))
        async with router:
            return await storm(router, dice, calls, when_full)

    ended = run_virtual(go())
    wrong = [fault for each in machine.endpoints.values() for fault in each.faults]
    wrong += [
        f"{each.most} bytes at {name}"
        for name, each in machine.endpoints.items()
        if each.most > {"one": 8, "two": 7}[name] * GiB
    ]
    wrong += [f"{machine.most} bytes in all"] * (machine.most > 9 * GiB)
    assert len(ended) >= calls
    return wrong


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    when_full=st.sampled_from(["evict", "wait", "next"]),
    strategy=st.sampled_from(["warm", "spillover", "ordered"]),
)
def test_memory_is_never_over_its_limit_and_no_model_is_unloaded_in_use(
    tmp_path_factory, seed, when_full, strategy
):
    assert run(tmp_path_factory.mktemp("storm"), seed, when_full, strategy) == []


MUTANTS = {
    "what is loading takes no memory": lambda patch: patch.setattr(
        residency_state, "_size", lambda each, _: each.memory if each.phase == "loaded" else 0
    ),
    "what is promised away is free for others": lambda patch: patch.setattr(
        residency_state, "_victims", lambda *_: 0
    ),
    "what answers may be unloaded": lambda patch: patch.setattr(
        Occupant, "idle", property(lambda self: self.phase == "loaded")
    ),
    "nothing is too much": lambda patch: patch.setattr(residency_turns, "decide", lambda *_: policy.Admit()),
    "victims stay in memory": lambda patch: patch.setattr(residency, "unload", _nothing),
    "a model is loaded by every call for it": lambda patch: patch.setattr(
        residency.Residency, "loaded", _loads_each
    ),
    "a model that fits alone fits beside others": lambda patch: patch.setattr(
        policy.Room, "short", property(lambda self: self.need - self.limit)
    ),
    "a claim is never given back": lambda patch: patch.setattr(residency_turns.Turns, "left", _kept),
    "the machine has no limit": lambda patch: patch.setattr(residency_turns, "rooms", _own_room),
}


async def _nothing(_):
    return None


def _kept(self, _):
    self.settle()


async def _loads_each(self, occupant, _):
    occupant.phase = "loading"
    await self._load(occupant)


def _own_room(occupant, homes, limits, free, now):
    return tuple(each for each in ROOMS(occupant, homes, limits, free, now) if each.name != "this machine")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_storm_finds(name, tmp_path, monkeypatch):
    MUTANTS[name](monkeypatch)

    def finds(seed):
        try:
            return bool(run(tmp_path, seed))
        except (AssertionError, RuntimeError):
            return True

    assert any(finds(seed) for seed in range(40))
