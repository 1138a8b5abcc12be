"""The whole router in a storm: nothing that must hold is ever broken, whatever the world does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.simulation import accounts, load

from router.testing.simulate import INVARIANTS, simulate

SEEDS = 300
PARTS = 10


@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds_in_every_storm(part):
    size = SEEDS // PARTS
    for seed in range(part * size, (part + 1) * size):
        report = simulate(load, seed)
        assert not report.violations, f"{report}\nreplay it: python tests/support/simulation.py {seed}"


def test_a_storm_is_the_same_each_time():
    one, two = (simulate(load, 7).history for _ in range(2))
    assert one is not None
    assert two is not None
    assert [(hit.arrived, hit.left, hit.told, hit.endpoint) for hit in one.hits] == [
        (hit.arrived, hit.left, hit.told, hit.endpoint) for hit in two.hits
    ]


def test_storms_have_every_kind_of_weather_and_of_call():
    histories = [simulate(load, seed).history for seed in range(80)]
    hits = [hit for history in histories if history for hit in history.hits]
    seen = [each for history in histories if history for each in history.seen]
    assert {hit.regime for hit in hits} >= {
        *("ok", "refused", "reset", "500", "503", "429", "quota", "auth", "missing", "malformed", "context"),
        *("filter", "invalid", "loading", "conflict", "hang", "mute", "slow", "cut", "stall", "truncated"),
        *("empty", "garbled"),
    }
    assert {each.ask.live for each in seen} == {True, False}
    assert any(each.gone for each in seen)
    assert any(each.ask.pause for each in seen)
    outcomes = {
        each.outcome
        for history in histories
        if history
        for told in history.notes.calls.values()
        for each in told
    }
    assert outcomes >= {"ok", "cancelled", "deadline_exceeded", "shed", "all_circuits_open", "rate_limited"}


def test_worlds_keep_answers_count_money_and_lose_the_network_or_nothing_of_it():
    histories = [simulate(load, seed).history for seed in range(60)]
    settings = [history.setting for history in histories if history]
    answers = [
        seen.completion for history in histories if history for seen in history.seen if seen.completion
    ]
    notices = {(each.what, each.state) for history in histories if history for each in history.notes.notices}
    assert sum(not (each.keeping or each.money or each.ladder) for each in settings) > len(settings) / 4
    assert sum(each.cached for each in answers) > 100
    assert {(each.degraded or "").split(" ")[0] for each in answers} >= {
        "",
        "offline",
        "stale",
        "canned",
        "budget",
    }
    assert notices >= {("budget", "near"), ("budget", "spent"), ("network", "offline"), ("network", "online")}


def test_nothing_is_held_of_any_budget_in_the_end():
    routers = []

    def remembered(parts):
        routers.append(load(parts))
        return routers[-1]

    found = []
    for seed in range(60):
        simulate(remembered, seed)
        found += accounts(routers[-1])
    assert len(found) > 100
    assert all(held == 0 for _, held in found)


def test_a_report_names_the_seed_and_what_is_broken():
    class Deaf:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *what):
            pass

        async def complete(self, *_, **__):
            raise ZeroDivisionError

        def stream(self, *_, **__):
            raise ZeroDivisionError

        def usage(self, **_):
            return SimpleNamespace(rows=())

    report = simulate(lambda _: Deaf(), 3, calls=4)
    assert str(report).startswith("seed 3: ")
    assert "a call ends with an answer or an error of ours: call 0 raised ZeroDivisionError()" in str(report)


def test_a_lost_wake_up_is_a_violation():
    import asyncio  # noqa: PLC0415

    class Stuck:
        async def __aenter__(self):
            await asyncio.Event().wait()

        async def __aexit__(self, *what):
            pass

    report = simulate(lambda _: Stuck(), 3, calls=4)
    assert [each.invariant for each in report.violations] == ["no wake-up is lost"]
    assert report.history is None


def test_there_are_enough_invariants_and_each_has_a_name_of_its_own():
    names = [each.__name__ for each in INVARIANTS]
    assert len(names) == len(set(names)) >= 70
    assert all(each.__doc__ for each in INVARIANTS)
