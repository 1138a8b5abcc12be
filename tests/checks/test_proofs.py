"""An invariant that is said to hold holds for every call at every hop; a counterexample is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.checks.proofs import proofs
from router.checks.registry import run_all
from router.compile.compiler import compile_configuration
from router.compile.explain import explain
from router.config.load import load_source
from router.diagnostics.source import Source
from router.runtime.said import explained_values

HEAD = """\
version: 1
dimensions: {data: {values: [public, private], default: public}}
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
  cloud: {kind: openai, url: "https://api.example.com/v1"}
models: {small: {at: here}, large: {at: cloud}, both: {at: [here, cloud]}}
"""
LOCAL = "invariants: [{name: stays, for_all: {data: private}, every_hop: {locality: local}}]\n"


def load(rules: str, invariants: str = LOCAL, head: str = HEAD):
    return load_source(Source("x.yaml", head + rules + invariants), Path("/n"))


def test_a_table_that_keeps_its_promise_is_proven():
    configuration = load("rules: [{when: {data: private}, use: small}, {use: [both, large]}]\n")
    (proof,) = proofs(configuration)
    assert (proof.holds, proof.counterexample) == (True, None)
    assert [each.code for each in run_all(configuration) if each.code == "R414"] == []


@pytest.mark.parametrize(
    ("rules", "model", "endpoint"),
    [
        ("{when: {data: private}, use: large}, {use: small}", "large", "cloud"),
        ("{when: {data: private}, use: [small, large]}, {use: small}", "large", "cloud"),
        ("{when: {data: private}, use: both}, {use: small}", "both", "cloud"),
        ("{when: {data: private}, use: {split: {small: 99, large: 1}}}, {use: small}", "large", "cloud"),
        ("{when: {data: private, task: code}, use: small}, {use: [small, others]}", "large", "cloud"),
    ],
)
def test_every_hop_counts_and_the_one_that_breaks_is_named(rules, model, endpoint):
    (proof,) = proofs(load(f"rules: [{rules}]\n"))
    assert proof.holds is False
    assert (proof.hop.model, proof.hop.endpoint, proof.hop.broken) == (model, endpoint, "locality is remote")
    assert proof.counterexample["data"] == "private"


OFFLINE = "offline: {use: [small, large]}\n"
BUDGET = "costs: {budgets: [{name: team, limit: $5, then: {use: large}}]}\n"
TIGHT = "rules: [{when: {data: private}, use: small}, {use: small}]\n"


@pytest.mark.parametrize(
    ("more", "via"),
    [
        (OFFLINE, "`offline.use`"),
        (BUDGET, "budget `team`"),
        ("offline: {use: [small, others]}\n", "`offline.use`"),
    ],
)
def test_the_models_of_the_offline_ladder_and_of_budgets_are_hops_too(more, via):
    (proof,) = proofs(load(TIGHT + more))
    assert proof.holds is False
    assert (proof.hop.rule.name, proof.hop.model, proof.hop.via) == ("rules[1]", "large", via)
    assert proof.hop.as_json()["via"] == via


def test_a_rule_that_refuses_the_ladder_does_not_break_a_promise_by_it():
    (proof,) = proofs(load(TIGHT.replace("use: small}", "use: small, no_degrade: true}", 1) + OFFLINE))
    assert proof.holds is True


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        (
            (
                'url: "http://127.0.0.1:8080/v1"',
                'url: "http://127.0.0.1:8080/v1", proxy: "http://proxy.example:3128"',
            ),
            False,
        ),
        (('url: "http://127.0.0.1:8080/v1"', 'url: "http://10.0.0.5:8080/v1"'), False),
        (('url: "http://127.0.0.1:8080/v1"', 'url: "http://10.0.0.5:8080/v1", locality: local'), True),
        (('url: "http://127.0.0.1:8080/v1"', 'url: "${env:SOMEWHERE}"'), False),
        (('url: "http://127.0.0.1:8080/v1"', 'url: "unix:/run/x.sock"'), True),
    ],
)
def test_only_what_surely_stays_here_is_local(change, holds):
    (proof,) = proofs(
        load("rules: [{when: {data: private}, use: small}, {use: large}]\n", head=HEAD.replace(*change))
    )
    assert proof.holds is holds


@pytest.mark.parametrize(
    ("hop", "holds"),
    [
        ("{endpoint: here}", True),
        ("{endpoint: [here, cloud]}", True),
        ("{model: small}", True),
        ("{model: large}", False),
        ("{kind: gguf}", False),
        ("{kind: openai, locality: local}", True),
    ],
)
def test_a_hop_may_be_held_to_any_of_its_properties(hop, holds):
    invariants = f"invariants: [{{name: x, for_all: {{data: private}}, every_hop: {hop}}}]\n"
    (proof,) = proofs(load("rules: [{when: {data: private}, use: small}, {use: large}]\n", invariants))
    assert proof.holds is holds


@pytest.mark.parametrize(
    ("invariant", "code"),
    [
        ("{name: x, for_all: {dta: private}, every_hop: {locality: local}}", "R303"),
        ("{name: x, for_all: {data: privat}, every_hop: {locality: local}}", "R304"),
        ("{name: x, for_all: {data: private}, every_hop: {locality: locl}}", "R304"),
        ("{name: x, for_all: {data: private}, every_hop: {endpoint: nowhere}}", "R304"),
        ("{name: x, for_all: {data: private}, every_hop: {colour: red}}", "R212"),
        ("{name: x, for_all: {data: private}, every_hop: {}}", "R205"),
        ("{name: x, every_hop: {locality: local}}", "R202"),
    ],
)
def test_a_misspelt_promise_is_found(invariant, code):
    found = run_all(
        load("rules: [{when: {data: private}, use: small}, {use: large}]\n", f"invariants: [{invariant}]\n")
    )
    assert [each.code for each in found if each.severity == "error"] == [code]


conditions = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["code", "{not: chat}"]),
        "data": st.sampled_from(["private", "public"]),
        "tokens": st.sampled_from(['"> 3"', '"<= 3"']),
    },
)
rules = st.lists(
    st.tuples(conditions, st.sampled_from(["small", "large", "[small, both]"])), min_size=1, max_size=5
)


@given(rules, conditions)
@settings(max_examples=80)
def test_a_proof_agrees_with_asking_every_call(rows, about):
    lines = [
        f"  - {{when: {{{', '.join(f'{name}: {value}' for name, value in when.items())}}}, use: {use}}}"
        for when, use in rows
    ]
    calls = ", ".join(f"{name}: {value}" for name, value in about.items())
    invariants = f"invariants: [{{name: x, for_all: {{{calls}}}, every_hop: {{locality: local}}}}]\nlint: {{R401: off, R408: off, R414: off}}\n"
    configuration = load("rules:\n" + "\n".join(lines) + "\n", invariants)
    (proof,) = proofs(configuration)
    program, _ = compile_configuration(configuration)
    (promise,) = program.invariants
    breaking = [
        call
        for task in ("chat", "code", "analysis")
        for data in ("public", "private")
        for tokens in (2, 5)
        if broken(program, promise, call := {"task": task, "data": data, "tokens": tokens})
    ]
    assert proof.holds is (not breaking)
    if proof.counterexample is not None:
        given_values = {
            name: value for name, value in proof.counterexample.items() if name in ("task", "data", "tokens")
        }
        assert broken(program, promise, given_values)


def broken(program, promise, call) -> bool:
    from router.core.dimension import holds  # noqa: PLC0415 - the test's own reading of a promise

    values = explained_values(program, call)
    if not all(holds(accepted, values[name]) for name, accepted in promise.accepted.items()):
        return False
    remote = {name for name, each in program.endpoints.items() if each.locality == "remote"}
    return any(each.endpoint in remote for each in explain(program, values, {}).candidates)
