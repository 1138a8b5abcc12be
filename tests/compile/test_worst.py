"""How long a call may take and what it may cost, held against the engine in a world where everything times out."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.compile.compiler import compile_configuration
from router.compile.worst import dearest
from router.config.load import load_source
from router.core.errors import CallFailed
from router.diagnostics.source import Source
from router.policy.kinds import TREATMENTS, Treatment
from router.runtime.engine import Engine
from router.runtime.said import explained
from router.testing import ScriptedProvider, run_virtual

FILE = """\
version: 1
endpoints:
  one: {kind: mock, timeout: 10s}
  two: {kind: mock, timeout: {first: 4s, total: 20s}}
  cloud: {kind: openai, url: "https://api.example.com/v1"}
models:
  a: {at: one, price: {input: $1, output: $2}, options: {max_tokens: 1000}}
  b: {at: two, price: {input: $10, output: $20}, capabilities: [tools], options: {max_tokens: 100}}
  c: {at: [one, two], price: free}
  unpriced: {at: cloud}
rules:
  - {name: chain, when: {task: chat}, use: [a, b, c]}
  - {name: short, when: {task: code}, use: [a, b, c], deadline: 25s}
  - {name: few, when: {task: analysis}, use: [a, b], retry: {attempts: 1}}
  - {name: dear, when: {priority: speed}, use: [a, unpriced]}
  - {name: otherwise, use: c}
"""


def program(text=FILE):
    return compile_configuration(load_source(Source("x.yaml", text), Path("/n")))[0]


def starts(found):
    return [each.turn.starts if each.turn else "skipped" for each in found.candidates]


def test_each_candidate_starts_when_the_ones_before_it_have_timed_out():
    found = explained(program(), {"task": "chat"})
    assert (starts(found), found.slowest) == ([0, 10, 30, 40], 60)


def test_a_candidate_behind_the_deadline_never_gets_its_turn():
    found = explained(program(), {"task": "code"})
    assert (starts(found), found.slowest) == ([0, 10, None, None], 25)
    assert found.candidates[2].turn.never == "the deadline passes before"


def test_a_candidate_behind_the_last_attempt_never_gets_its_turn():
    found = explained(program(), {"task": "analysis"})
    assert (starts(found), found.slowest) == ([0, None], 10)
    assert found.candidates[1].turn.never == "1 attempt is all there may be"


def test_a_timeout_that_does_not_move_on_is_the_end():
    text = FILE + "failover: {never_on: [first_token_timeout]}\n"
    found = explained(program(text), {"task": "chat"})
    assert (starts(found), found.slowest) == ([0, None, None, None], 10)
    assert found.candidates[1].turn.never == "a timeout does not move on to it"


def test_waits_are_at_their_longest_were_a_timeout_tried_again(monkeypatch):
    monkeypatch.setitem(TREATMENTS, "first_token_timeout", Treatment(retry=True, failover="yes"))
    found = explained(program(), {"task": "chat"})
    assert (starts(found), found.slowest) == ([0, 20.5, None, None], 61)


def test_a_live_answer_is_given_up_at_the_first_limit_but_may_go_on_to_the_last():
    found = explained(program(), {"task": "chat", "stream": True})
    assert (starts(found), found.slowest) == ([0, 10, 14, 24], 44)


def test_a_skipped_candidate_takes_no_time_and_no_turn():
    text = FILE.replace("[a, b, c]", "[b, a]")
    found = explained(program(text), {"task": "chat", "images": True})
    assert (starts(found), found.slowest) == (["skipped", 0], 10)
    assert [each["model"] for each in found.as_json()["worst_time"]["turns"]] == ["a"]


def test_an_attempt_costs_its_prompt_and_its_longest_answer():
    found = explained(program(), {"task": "chat", "tokens": 2000})
    assert [(each.cost.input, each.cost.worst) for each in found.candidates[:3]] == [
        (Decimal("0.002"), Decimal("0.004")),
        (Decimal("0.02"), Decimal("0.022")),
        (Decimal(0), Decimal(0)),
    ]


def test_the_answer_of_a_call_that_says_its_length_costs_that():
    found = explained(program(), {"task": "chat", "tokens": 2000, "max_tokens": 1})
    assert found.candidates[0].cost.worst == Decimal("0.002002")


def test_without_a_longest_answer_the_cost_is_unknown_and_not_nothing():
    text = FILE.replace(", options: {max_tokens: 1000}", "")
    found = explained(program(text), {"task": "chat", "tokens": 2000})
    assert (found.candidates[0].cost.input, found.candidates[0].cost.worst) == (Decimal("0.002"), None)
    assert found.dearest is None


def test_without_a_price_the_cost_is_unknown_and_so_is_that_of_the_chain():
    found = explained(program(), {"task": "creative", "priority": "speed"})
    assert found.candidates[1].cost.worst is None
    assert found.dearest is None
    assert found.as_json()["cost"] == {
        "worst": None,
        "candidates": [
            {"model": "a", "endpoint": "one", "input": "0", "worst": "0.002"},
            {"model": "unpriced", "endpoint": "cloud", "input": None, "worst": None},
        ],
    }


def test_the_dearest_call_tries_the_dearest_candidate_as_often_as_it_may():
    found = explained(program(), {"task": "chat", "tokens": 2000})
    # four attempts, each candidate at most twice: a, a, b, b
    assert found.dearest == 2 * Decimal("0.004") + 2 * Decimal("0.022")


def walks(costs, attempts, same):
    """Every way through a chain: how often each candidate is tried, one after the other."""
    for length in range(1, len(costs) + 1):
        for tries in product(range(1, same + 2), repeat=length):
            if sum(tries) <= attempts:
                yield sum((count * cost for count, cost in zip(tries, costs, strict=False)), start=Decimal(0))


@given(st.lists(st.integers(0, 9).map(Decimal), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 3))
def test_the_dearest_walk_is_the_dearest_of_all(costs, attempts, same):
    assert dearest(costs, attempts, same) == max(walks(costs, attempts, same))


def test_an_unknown_cost_behind_the_last_attempt_does_not_count():
    assert dearest([Decimal(1), None], 1, 1) == 1
    assert dearest([Decimal(1), None], 2, 1) is None


def served(limits, attempts, deadline):
    names = [f"e{number}" for number in range(len(limits))]
    lines = [
        "version: 1",
        "endpoints:",
        *(f"  {name}: {{kind: mock, timeout: {limit}}}" for name, limit in zip(names, limits, strict=True)),
        "models:",
        *(f"  m{name}: {{at: {name}}}" for name in names),
        f"rules: [{{use: [{', '.join('m' + name for name in names)}]}}]",
        f"deadline: {deadline}s",
        f"retry: {{attempts: {attempts}}}",
    ]
    return program("\n".join(lines))


def tried(side, providers, live):
    """Make a call in a world that never answers; return when it ended and when each attempt began."""
    engine = Engine(side, providers, dice=random.Random(0))

    async def wait():
        call = engine.call("Hi", None, {}, live=live)
        with pytest.raises(CallFailed):
            await engine.run(call)
        return engine.now() - call.started, [each.ms / 1000 for each in call.attempts]

    elapsed, lengths = run_virtual(wait())
    return elapsed, [sum(lengths[:number]) for number in range(len(lengths))]


def silent(side):
    return {name: ScriptedProvider("timeout", name=name) for name in side.endpoints}


bounds = {"attempts": st.integers(1, 4), "deadline": st.integers(1, 40)}


@given(limits=st.lists(st.sampled_from(["3s", "10s"]), min_size=1, max_size=4), **bounds)
@settings(max_examples=30, deadline=None)
def test_the_engine_takes_just_as_long_where_nothing_ever_answers(limits, attempts, deadline):
    side = served(limits, attempts, deadline)
    elapsed, began = tried(side, silent(side), live=False)
    found = explained(side, {})
    assert found.slowest == pytest.approx(elapsed)
    assert [each for each in starts(found) if each is not None] == pytest.approx(began)


@given(limits=st.lists(st.sampled_from(["3s", "{first: 2s, total: 9s}"]), min_size=1, max_size=4), **bounds)
@settings(max_examples=30, deadline=None)
def test_the_engine_moves_on_just_then_where_no_live_answer_begins(limits, attempts, deadline):
    side = served(limits, attempts, deadline)
    elapsed, began = tried(side, silent(side), live=True)
    found = explained(side, {"stream": True})
    assert [each for each in starts(found) if each is not None] == pytest.approx(began)
    assert found.slowest >= elapsed - 1e-6


def test_the_engine_takes_just_as_long_where_answers_trickle():
    side = served(["{first: 2s, total: 9s}", "{first: 2s, total: 5s}"], 4, 60)
    slow = [ScriptedProvider({"say": "word " * 40}, pace=1.0, name=name) for name in side.endpoints]
    elapsed, began = tried(side, dict(zip(side.endpoints, slow, strict=True)), live=False)
    found = explained(side, {})
    assert (found.slowest, starts(found)) == (pytest.approx(elapsed), pytest.approx(began))
