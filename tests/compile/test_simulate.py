"""Recorded calls put to a configuration: what they would meet, cost and take."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from router.compile.bill import cost_of_answer
from router.compile.compiler import compile_configuration
from router.compile.fate import Refusal
from router.compile.program import Deployment
from router.compile.simulate import in_order, simulate
from router.compile.spread import Spread
from router.config.load import load_source
from router.core.usage import Price, Usage, to_nano
from router.diagnostics.source import Source

HEAD = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
endpoints:
  laptop: {kind: mock, locality: local}
  cloud: {kind: mock, locality: remote}
  other: {kind: mock, locality: remote}
models:
  small: {at: laptop, price: {per_hour: $3.60}}
  mid: {at: other, price: {input: $1, output: $2}, options: {max_tokens: 100}}
  big: {at: cloud, price: {input: $10, output: $20}, options: {max_tokens: 100}}
  free: {at: laptop}
  blind: {at: cloud, capabilities: [], price: {input: $1, output: $1}}
  dear: {at: cloud}
retry: {same: 0, attempts: 3}
"""
RULES = "rules: [{name: all, use: [big, mid]}]\n"
ALONE = "rules: [{use: big}]\n"
NOON = 1_795_000_000


def program(text=RULES):
    return compile_configuration(load_source(Source("x.yaml", HEAD + text), Path("/n")))[0]


def tried(model, endpoint, outcome="ok", ms=100.0, tokens=(1000, 100), cost="0.012", **more):
    usage = None if tokens is None else {"input_tokens": tokens[0], "output_tokens": tokens[1]}
    return {
        "model": model,
        "endpoint": endpoint,
        "outcome": outcome,
        "ms": ms,
        "usage": usage,
        "cost": cost,
        **more,
    }


def failed(model, endpoint, outcome="server_error", ms=50.0):
    return tried(model, endpoint, outcome, ms, None, "0")


BIG, MID, SMALL = ("big", "cloud"), ("mid", "other"), ("small", "laptop")


def call(*attempts, chain=(BIG, MID), outcome="ok", at=0.0, **more):
    last = attempts[-1] if attempts else {}
    answered = outcome == "ok"
    when = datetime.fromtimestamp(NOON + at, UTC).isoformat()
    return {
        "time": when,
        "rule": "all",
        "call": {"task": "chat", "tokens": 1000, **more.pop("said", {})},
        "chain": [list(each) for each in chain],
        "attempts": list(attempts),
        "outcome": outcome,
        "model": last.get("model"),
        "endpoint": last.get("endpoint"),
        "usage": last.get("usage") if answered else None,
        "cost": last.get("cost", "0"),
        "ms": sum(each["ms"] for each in attempts),
        "draw": 0.5,
        **more,
    }


def put(*records, new=RULES, old=None):
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in records]
    return simulate(program(new), program(old) if old is not None else None, lambda: lines)


def only(record, new=RULES):
    """Return where the one call is answered, and what it costs, in billionths of a dollar."""
    found = put(record, new=new).after
    places = [place for place, sums in found.places.items() if sums.calls]
    return (places[0] if places else None), found.cost


GOOD = call(tried("big", "cloud"))


def test_a_call_with_the_same_candidates_goes_as_it_went_at_the_new_prices():
    found = put(call(failed("big", "cloud"), tried("mid", "other")))
    assert (found.changed, found.elsewhere) == (0, 0)
    assert found.after.places[MID].cost == to_nano(Decimal("0.0012"))
    assert found.after.places[BIG].attempts == 1
    assert found.after.times.count == 1


def test_another_model_answers_with_the_recorded_tokens_in_the_time_that_the_log_shows_of_it():
    found = put(*[GOOD] * 9, call(tried("mid", "other", ms=3000), chain=[MID]), new="rules: [{use: mid}]\n")
    assert (found.changed, found.elsewhere) == (9, 9)
    assert found.after.places[MID].cost == 10 * to_nano(Decimal("0.0012"))
    assert found.after.times.at(0.5) == pytest.approx(3, rel=0.02)
    assert found.after.untimed == 0


def test_a_model_that_the_log_never_saw_takes_an_unknown_time_and_by_the_hour_an_unknown_price():
    found = put(GOOD, new="rules: [{use: small}]\n").after
    assert (found.untimed, found.unpriced, found.cost) == (1, 1, 0)


def test_a_machine_by_the_hour_costs_what_its_time_costs():
    seen = call(tried("small", "laptop", ms=2000), chain=[SMALL])
    found = put(GOOD, seen, new="rules: [{use: small}]\n").after
    assert found.cost == pytest.approx(to_nano(Decimal("0.004")), rel=0.02)


def test_a_free_model_costs_nothing_whatever_it_takes():
    assert only(GOOD, "rules: [{use: free}]\n") == (("free", "laptop"), 0)


def test_a_model_without_a_price_is_counted_and_not_taken_for_free():
    found = put(GOOD, new="rules: [{use: dear}]\n").after
    assert (found.unpriced, found.cost) == (1, 0)


# What happens to a deployment that was tried, passed over or failed.


def test_a_deployment_that_failed_fails_again_in_another_chain():
    record = call(failed("big", "cloud"), tried("mid", "other"))
    place, cost = only(record, "rules: [{use: [big, free]}]\n")
    assert (place, cost) == (("free", "laptop"), 0)


def test_a_deployment_that_failed_once_and_then_answered_does_so_again():
    record = call(failed("big", "cloud"), tried("big", "cloud"))
    assert only(record, "retry: {same: 1}\nrules: [{use: [big, free]}]\n".replace("retry: {same: 1}\n", ""))[
        0
    ] == ("free", "laptop")
    more = HEAD.replace("same: 0", "same: 1") + "rules: [{use: [big, free]}]\n"
    new = compile_configuration(load_source(Source("x.yaml", more), Path("/n")))[0]
    found = simulate(new, None, lambda: [json.dumps(record).encode()]).after
    assert found.places[BIG].attempts == 2
    assert found.places[BIG].calls == 1


def test_a_deployment_that_was_passed_over_is_passed_over_again():
    record = call(tried("mid", "other"), chain=[BIG, MID])
    assert only(record)[0] == MID
    assert only(record, "rules: [{use: [big, free]}]\n")[0] == ("free", "laptop")


def test_one_that_stood_after_the_answer_is_there_for_another_order():
    assert only(GOOD, "rules: [{use: [mid, big]}]\n")[0] == MID


@pytest.mark.parametrize(("kind", "place"), [("connect_failed", "mid"), ("server_error", "dear")])
def test_an_endpoint_that_failed_as_a_whole_fails_with_other_models_too(kind, place):
    record = call(failed("big", "cloud", kind), tried("mid", "other"))
    found = put(record, new="rules: [{use: [dear, mid]}]\n").after
    assert [each[0] for each, sums in found.places.items() if sums.calls] == [place]


def test_a_call_that_every_candidate_fails_fails():
    record = call(failed("big", "cloud"), failed("mid", "other"), outcome="server_error")
    assert put(record).after.failed == {"server_error": 1}
    assert put(record, new="rules: [{use: [mid, big]}]\n").after.failed == {"server_error": 1}


def test_a_call_that_nobody_was_tried_for_and_that_another_would_answer_costs_an_unknown_sum():
    record = call(outcome="all_circuits_open")
    found = put(record, new="rules: [{use: [big, blind]}]\n").after
    assert (found.answered, found.unpriced) == (1, 1)
    assert put(record).after.failed == {"all_circuits_open": 1}


def test_a_caller_that_left_leaves_whatever_answers():
    record = call(tried("big", "cloud", "cancelled"), outcome="cancelled")
    found = put(record, new="rules: [{use: [big, free]}]\n")
    assert found.after.failed == {"cancelled": 1}
    assert found.after.cost == to_nano(Decimal("0.012"))


def test_a_stream_that_broke_off_is_over():
    record = call(
        tried("big", "cloud", "stream_interrupted"), outcome="stream_interrupted", said={"stream": True}
    )
    assert put(record, new="rules: [{use: [big, free]}]\n").after.failed == {"stream_interrupted": 1}


def test_a_hedge_that_was_lost_is_paid_for_and_goes_on():
    record = call(tried("big", "cloud", "hedge_lost"), tried("mid", "other"))
    assert only(record)[1] == to_nano(Decimal("0.0132"))
    place, cost = only(record, "rules: [{use: [big, free]}]\n")
    assert (place, cost) == (("free", "laptop"), to_nano(Decimal("0.012")))


def test_more_attempts_than_there_may_be_are_not_made():
    record = call(
        failed("big", "cloud"), failed("big", "cloud"), failed("mid", "other"), tried("mid", "other")
    )
    assert put(record).after.failed == {"server_error": 1}
    more = call(*[failed("big", "cloud")] * 3, tried("mid", "other"))
    found = put(more).after
    assert (found.answered, found.places[BIG].attempts) == (1, 1)


# What is refused.


def test_a_value_that_is_not_there_a_model_that_is_gone_and_a_gap_are_refusals():
    found = put(
        call(tried("big", "cloud"), said={"task": "novel"}),
        call(tried("big", "cloud"), said={"model": "gone"}),
        call(tried("big", "cloud"), said={"data": "private"}),
        call(tried("big", "cloud"), said={"tools": True}),
        new="rules: [{when: {tools: true}, use: blind}, {when: {data: public}, use: big}]\n",
    )
    reasons = [each.in_words for each in found.after.refused]
    assert reasons == [
        "task=novel is not a value there",
        "model=gone is not a value there",
        "no rule matches",
        "no candidate may serve it",
    ]
    assert [each.after.refused for each in found.moves] == [True] * 4
    assert found.elsewhere == 4


def test_a_named_model_that_would_break_an_invariant_is_refused():
    new = RULES + "invariants: [{name: home, for_all: {data: private}, every_hop: {locality: local}}]\n"
    found = put(call(tried("big", "cloud"), said={"data": "private", "model": "big"}), GOOD, new=new).after
    assert found.refused == {Refusal("invariant", "home"): 1}
    assert found.answered == 1


def test_calls_that_were_refused_in_fact_and_are_still_refused_have_not_changed():
    for kind in ("no_candidate", "invariant_violated"):
        found = put(call(chain=(), outcome=kind, said={"tools": True}), new="rules: [{use: blind}]\n")
        assert (found.changed, found.after.refused.total(), found.recorded.refused.total()) == (0, 1, 1)


def budget(text, rules=RULES):
    return f"{rules}costs: {{budgets: [{text}]}}\n"


def test_a_spent_budget_refuses_until_its_period_is_over():
    new = budget("{name: day, limit: $0.03}", ALONE)
    records = [call(tried("big", "cloud"), chain=[BIG], at=number * 10) for number in range(4)]
    found = put(*records, call(tried("big", "cloud"), chain=[BIG], at=86_400), new=new)
    assert found.after.refused == {Refusal("budget", "day"): 2}
    assert found.after.cost == 3 * to_nano(Decimal("0.012"))
    assert (found.changed, found.elsewhere) == (0, 2)
    assert sum(each.calls for each in found.after.places.values()) == 3


def test_a_spent_budget_lets_a_cheaper_candidate_answer():
    records = [call(tried("big", "cloud"), at=number * 10) for number in range(3)]
    found = put(*records, new=budget("{name: day, limit: $0.03}", "rules: [{use: [big, free]}]\n")).after
    assert [sums.calls for _, sums in found.ordered()] == [2, 1]


def test_a_spent_budget_of_a_user_lets_its_other_model_answer():
    new = budget("{name: mine, limit: $0.015, each: user, then: {use: free}}")
    records = [call(tried("big", "cloud"), at=number * 10, user=user) for number, user in enumerate("aabb")]
    found = put(*records, new=new).after
    assert found.redirected == {"mine": 2}
    assert found.places["free", "laptop"].calls == 2
    assert found.answered == 4


def test_the_model_that_answers_instead_may_be_unable_or_forbidden():
    records = [call(tried("big", "cloud"), at=n * 10, said={"tools": True}) for n in range(2)]
    found = put(*records, new=budget("{name: day, limit: $0.015, then: {use: blind}}")).after
    assert found.refused == {Refusal("no_candidate"): 1}


def test_a_budget_that_only_warns_refuses_nothing():
    assert put(*[GOOD] * 9, new=budget("{name: day, limit: $0.001, then: warn}")).after.answered == 9


def test_calls_that_overlap_hold_what_they_may_cost_from_each_other():
    new = budget("{name: day, limit: $0.02}", ALONE)
    overlapping = [call(tried("big", "cloud", ms=60_000), chain=[BIG], at=number) for number in range(2)]
    assert put(*overlapping, new=new).after.refused.total() == 1
    apart = [
        call(tried("big", "cloud", ms=500, tokens=(10, 1)), chain=[BIG], at=number) for number in range(2)
    ]
    assert put(*apart, new=new).after.refused.total() == 0


def test_what_a_budget_refused_is_sent_where_it_is_larger():
    record = call(failed("big", "cloud", "budget_exceeded") | {"sent": False}, tried("mid", "other"))
    assert only(record, budget("{name: day, limit: $0.01}"))[0] == MID
    assert only(record, budget("{name: day, limit: $10}"))[0] == BIG
    assert only(record)[0] == BIG


def test_what_a_budget_refused_in_the_end_is_told_with_the_name_of_the_one_that_refuses_it_now():
    record = call(
        *(failed(*place, "budget_exceeded") | {"sent": False} for place in (BIG, MID)),
        outcome="budget_exceeded",
    )
    found = put(record, new=budget("{name: day, limit: $0.001}"))
    assert found.after.refused == {Refusal("budget", "day"): 1}
    assert found.elsewhere == 0


def test_another_model_instead_than_in_fact_is_found():
    record = call(failed("big", "cloud", "budget_exceeded") | {"sent": False}, tried("mid", "other"))
    assert only(record, budget("{name: day, limit: $0.001, then: {use: free}}"))[0] == ("free", "laptop")


# What is kept, and the ladder.


KEPT = {"cached": True, "saved": "0.012", "attempts": [], "cost": "0"}


def test_an_answer_that_was_kept_is_kept_where_the_file_keeps_such_answers():
    record = call(tried("big", "cloud"), said={"temperature": 0}, **KEPT)
    kept = put(record, new=RULES + "cache: {store: memory}\n").after
    assert (kept.cached, kept.cost, kept.saved) == (1, 0, to_nano(Decimal("0.012")))
    assert put(record).after.cached == 0
    assert put(record).after.cost == to_nano(Decimal("0.012"))


@pytest.mark.parametrize(
    ("said", "kept"),
    [({}, 0), ({"cache": "always"}, 1), ({"cache": "off", "temperature": 0}, 0), ({"seed": 1}, 1)],
)
def test_an_answer_is_kept_by_what_the_call_says(said, kept):
    record = call(tried("big", "cloud"), said=said, **KEPT)
    assert put(record, new=RULES + "cache: {store: memory}\n").after.cached == kept


def test_a_kept_answer_of_a_machine_by_the_hour_saves_what_it_had_cost():
    record = call(tried("small", "laptop"), chain=[SMALL], said={"seed": 1}, **KEPT)
    found = put(record, new="rules: [{use: small}]\ncache: {store: memory}\n").after
    assert found.saved == to_nano(Decimal("0.012"))


LADDER = "offline: {use: [free], replies: [{say: later}]}\n"


def test_the_offline_ladder_answers_where_all_fail():
    record = call(failed("big", "cloud"), failed("mid", "other"), outcome="server_error")
    found = put(record, new=RULES + LADDER).after
    assert (found.answered, found.degraded) == (0, 0)  # the same candidates go as they went
    found = put(record, new="rules: [{use: [mid, big]}]\n" + LADDER).after
    assert (found.answered, found.degraded, found.places["free", "laptop"].calls) == (1, 1, 1)


@pytest.mark.parametrize(
    ("degraded", "offline", "answered"),
    [
        ("canned reply", "offline: {replies: [{say: later}]}\n", 1),
        ("canned reply", "", 0),
        ("stale cache", "cache: {store: memory}\noffline: {stale_cache: 1h}\n", 1),
        ("stale cache", "offline: {replies: [{say: later}]}\n", 0),
    ],
)
def test_a_step_of_the_ladder_that_answered_does_where_it_is_there(degraded, offline, answered):
    record = call(failed("big", "cloud"), failed("mid", "other"), degraded=degraded)
    for rules in (RULES, "rules: [{use: [mid, big]}]\n"):
        assert put(record, new=rules + offline).after.answered == answered


def test_a_call_that_wants_no_lower_step_gets_none():
    record = call(
        failed("big", "cloud"), failed("mid", "other"), outcome="server_error", said={"no_degrade": True}
    )
    assert put(record, new="rules: [{use: [mid, big]}]\n" + LADDER).after.failed == {"server_error": 1}


def test_remote_endpoints_that_may_not_be_contacted_are_not():
    found = put(GOOD, new=RULES + "offline: {mode: only, use: [free]}\n").after
    assert (found.degraded, found.places["free", "laptop"].calls) == (1, 1)


# Shares, times, bounds, lines.


def test_a_split_of_the_same_models_draws_what_it_drew_and_another_draws_anew():
    split = "rules: [{use: {split: {%s}, by: user}}]\n"
    records = [
        call(tried("big", "cloud"), chain=[BIG], user=f"u{number}", points={"big,mid": 0.4}, draw=0.9)
        for number in range(20)
    ]
    assert put(*records, new=split % "big: 50, mid: 50").changed == 0
    assert put(*records, new=split % "big: 30, mid: 70").changed == 20
    assert 0 < put(*records, new=split % "mid: 50, big: 50").changed < 20


def test_a_log_without_draws_is_split_by_the_shares():
    records = [{"call": {"task": "chat"}}] * 1000
    found = put(*records, new="rules: [{use: {split: {big: 90, mid: 10}, by: call}}]\n")
    assert found.after.places[MID].calls == pytest.approx(100, abs=2)
    assert (found.changed, found.share, found.recorded) == (None, None, None)


def test_other_options_are_a_change_only_between_two_configurations():
    new = "rules: [{name: all, use: [big, mid], options: {temperature: 0.3}}]\n"
    assert put(GOOD, new=new).changed == 0
    found = put(GOOD, new=new, old=RULES)
    assert (found.changed, found.elsewhere) == (1, 0)
    assert found.before.cost == found.after.cost


def test_a_change_of_the_endpoint_alone_is_told_with_endpoints():
    found = put(call(tried("big", "other"), chain=[("big", "other")]), new="rules: [{use: big}]\n")
    assert [each.after.models for each in found.moves] == [("big at cloud",)]


def test_the_worst_of_calls_is_their_plan_with_every_attempt_timing_out():
    found = put(GOOD).after
    assert found.worst_seconds == 120
    # 1000 tokens in and 100 out: once at each.
    assert found.worst_cost == to_nano(Decimal("0.012") + Decimal("0.0012"))
    assert found.unbounded == 0
    assert put(call(tried("big", "cloud"), said={"deadline": 7})).after.worst_seconds == 7
    assert put(GOOD, new="rules: [{use: blind}]\n").after.unbounded == 1
    assert put(GOOD, new="rules: [{use: blind}]\n").after.as_json()["worst_cost"] is None


def test_lines_that_are_no_calls_are_counted_and_the_first_told():
    bad = [
        (b"nonsense\n", "not JSON"),
        (b"[1]\n", "not an object"),
        (b"{}\n", "it has no mapping `call` or `dimensions`"),
        (GOOD | {"time": "2026-11-22T10:00:00"}, "a `time` without its zone"),
        (GOOD | {"time": 1e300}, "a `time` out of all reason"),
        (GOOD | {"ms": float("nan")}, "a number that is none"),
        (GOOD | {"ms": -1}, "a time below 0"),
        (GOOD | {"draw": 2}, "a draw that is not from 0 to 1"),
        (GOOD | {"cost": "x"}, "a value of another type"),
        (GOOD | {"usage": {"input_tokens": -1, "output_tokens": 1}}, "a number of tokens that is none"),
        (GOOD | {"usage": {}}, "no `input_tokens`"),
        (GOOD | {"chain": [1]}, "a value of another type"),
        (GOOD | {"attempts": [{"model": "a"}]}, "no `endpoint`"),
        (GOOD | {"call": {"deadline": 0}}, "`deadline` must be seconds, more than 0"),
        (GOOD | {"call": {"model": [1]}}, "`model` must be a text"),
    ]
    for line, reason in bad:
        found = put(GOOD, b"\n", line, GOOD)
        assert (found.calls, found.bad, found.examples[0][0]) == (2, 1, 3)
        assert reason in found.examples[0][1]
    assert len(put(*[b"x"] * 20).examples) == 5


def test_names_that_the_configuration_does_not_know_are_told():
    found = put(call(tried("big", "cloud"), said={"team": "red"}))
    assert (found.unknown, found.changed) == (("team",), 0)


def test_a_time_may_be_seconds():
    found = put(GOOD | {"time": 1000.5}, GOOD | {"time": 2000})
    assert (found.began, found.until) == (1000.5, 2000.0)


def test_calls_are_put_in_the_order_in_which_they_began():
    class Call:
        def __init__(self, began):
            self.began = began

    assert [each.began for each in in_order(Call(began) for began in (3, 1, 2))] == [1, 2, 3]


@pytest.mark.parametrize(
    "rates", [("0.15", "0.075", "0.6"), ("3", None, "15"), ("0.0000005", "0", "0.1234567")]
)
def test_the_fast_sum_is_the_one_of_the_engine_to_the_last_digit(rates):
    given, kept, written = (None if each is None else Decimal(each) for each in rates)
    price = Price(given, written, kept)
    deployment = Deployment("m", None, "m", None, price, None)
    for fresh, cached, out in product((0, 1, 5, 333, 99_999), (0, 2, 334), (0, 1, 5, 4_000)):
        usage = Usage(fresh, out, cached)
        assert cost_of_answer(deployment, usage, None) == to_nano(price.cost(usage))


def test_a_spread_tells_shares_within_a_percent():
    spread = Spread()
    assert spread.at(0.5) is None
    for number in range(1, 1001):
        spread.add(number / 100)
    assert spread.at(0.5) == pytest.approx(5, rel=0.011)
    assert spread.at(0.95) == pytest.approx(9.5, rel=0.011)
    assert spread.parts([5.0]) == pytest.approx([500, 500], abs=12)
    spread.add(0.0)
    assert spread.at(0.0) == pytest.approx(1e-6, rel=0.01)
