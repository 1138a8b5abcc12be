"""Prices and budgets: R701 to R705, and where each stays silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

HEAD = """\
version: 1
endpoints:
  here: {kind: mock}
  cloud: {kind: openai, url: "https://api.example.com/v1", key: "${env:CLOUD_KEY}"}
"""
RULES = "rules: [{use: [small, large]}]\n"
BUDGET = "costs: {budgets: [{name: team, limit: $5}]}\n"


def found(models, rest, *codes):
    text = f"{HEAD}models: {{{models}}}\n{rest}"
    every = run_all(load_source(Source("x.yaml", text), Path("/nowhere")))
    return [each for each in every if each.code in codes]


def unpriced(models, costs):
    return [(each.code, each.message) for each in found(models, RULES + costs, "R701", "R702")]


UNPRICED = "small: {at: cloud}, large: {at: [here, cloud]}"


@pytest.mark.parametrize("costs", ["costs: {ledger: costs.sqlite}\n", "costs: {budgets: []}\n"])
def test_each_model_of_unknown_price_is_missing_from_the_ledger(costs):
    assert unpriced(UNPRICED, costs) == [
        ("R701", "what `small` costs is not counted: its price is unknown"),
        ("R701", "what `large` costs is not counted: its price is unknown"),
    ]


def test_a_budget_cannot_count_a_model_of_unknown_price():
    assert unpriced(UNPRICED, BUDGET) == [
        ("R702", "no budget can count what `small` costs: its price is unknown"),
        ("R702", "no budget can count what `large` costs: its price is unknown"),
    ]


@pytest.mark.parametrize(
    ("models", "costs"),
    [
        (UNPRICED, ""),  # nobody counts
        (UNPRICED, "costs: {ledger: costs.sqlite, prices: prices.yaml}\n"),  # that one may know
        ("small: {at: here}, large: {at: here}", BUDGET),
        ("small: {at: cloud, price: free}, large: {at: here}", BUDGET),
        ("small: {at: cloud, price: {input: $1, output: $2}}, large: {at: here}", BUDGET),
        ("small: {at: {cloud: {price: {input: $1, output: $2}}}}, large: {at: here}", BUDGET),
        ("small: {at: cloud, price: {per_hour: $3}}, large: {at: here}", BUDGET),
        ("small: {at: zzz}, large: {at: cloud}", BUDGET),
        ("small: {at: zzz}, large: {at: cloud}", "costs: {}\n"),
    ],
)
def test_what_is_priced_local_or_not_counted_is_fine(models, costs):
    assert unpriced(models, costs) == []


def test_an_endpoint_whose_address_is_not_known_yet_may_be_local():
    endpoints = HEAD.replace('"https://api.example.com/v1"', '"${env:URL}"')
    text = f"{endpoints}models: {{small: {{at: cloud}}}}\nrules: [{{use: small}}]\n{BUDGET}"
    every = run_all(load_source(Source("x.yaml", text), Path("/nowhere")))
    assert not {"R701", "R702"} & {each.code for each in every}


def suspects(price):
    return found(f"small: {{at: here, price: {price}}}", "rules: [{use: small}]\n", "R703")


@pytest.mark.parametrize(
    ("price", "notes"),
    [
        (
            "{input: $0.000003, output: $0.000015}",
            ("if it is for a token, that is `{input: $3, output: $15}`",),
        ),
        (
            "{input: $0.00015, output: $0.0006}",
            ("if it is for a thousand tokens, that is `{input: $0.15, output: $0.60}`",),
        ),
        (
            "{input: $3000, output: $15000}",
            ("if it is for a billion tokens, that is `{input: $3, output: $15}`",),
        ),
        (
            "{input: $3, output: $0.000015}",
            (
                "if it is for a token, that is `{output: $15}`",
                "if it is for a thousand tokens, that is `{output: $0.015}`",
            ),
        ),
        ("{input: $0.000000001, output: $0.000000001}", ()),
    ],
)
def test_a_price_of_another_unit_is_told_with_what_it_would_be(price, notes):
    (suspect,) = suspects(price)
    assert suspect.notes == notes


def test_the_price_that_is_marked_is_the_odd_one():
    (suspect,) = suspects("{input: $3, output: $0.000015}")
    assert suspect.label == "$0.000015 for a million tokens"


def test_a_price_at_one_endpoint_is_looked_at_too():
    models = "small: {at: {cloud: {price: {input: $5000, output: $5000}}}}"
    (suspect,) = found(models, "rules: [{use: small}]\n", "R703")
    assert suspect.message == "the price of `small` seems too large for a million tokens"


def test_an_output_far_cheaper_than_the_input_is_told():
    (suspect,) = suspects("{input: $15, output: $1}")
    assert suspect.label == "$1, and $15 for input"


@pytest.mark.parametrize(
    "price",
    [
        "free",
        "{input: $3, output: $15}",
        "{input: $0.001, output: $1000}",
        "{input: $0, output: $0}",
        "{input: $0.02, output: $0}",  # embeddings
        "{input: $10, output: $1}",
        "{per_hour: $3000}",
        '{input: $15, output: "${env:PRICE}"}',
        "{input: $15, output: dear}",
    ],
)
def test_a_price_that_may_be_right_is_fine(price):
    assert suspects(price) == []


CHEAP, DEAR = "price: {input: $1, output: $4}", "price: {input: $2, output: $8}"


def dearer(small, large, rules=RULES):
    return [
        each.message
        for each in found(f"small: {{{small}}}, large: {{{large}}}, other: {{at: here}}", rules, "R704")
    ]


def test_a_failover_to_a_dearer_model_is_told():
    assert dearer(f"at: cloud, {CHEAP}", f"at: cloud, {DEAR}") == [
        "`small` fails over to `large`, which is dearer"
    ]


def test_a_machine_by_the_hour_is_not_compared_with_tokens():
    hourly = "price: {per_hour: $3.60}"
    assert dearer(f"at: cloud, {hourly}", f"at: cloud, {DEAR}") == []
    assert dearer(f"at: cloud, {DEAR}", f"at: cloud, {hourly}") == []


def test_two_models_are_told_once_for_all_rules():
    rules = "rules: [{when: {task: code}, use: [small, large]}, {use: [small, large]}]\n"
    (told,) = found(f"small: {{at: cloud, {CHEAP}}}, large: {{at: cloud, {DEAR}}}", rules, "R704")
    assert told.rules == ("rules[1]", "rules[2]")
    assert told.notes[-1] == "it is so in rules `rules[1]`, `rules[2]`"


def test_a_dearer_place_of_the_same_model_is_told():
    places = f"at: {{cloud: {{{CHEAP}}}, away: {{{DEAR}}}}}"
    endpoints = HEAD + '  away: {kind: openai, url: "https://away.example.com/v1"}\n'
    text = f"{endpoints}models: {{small: {{{places}}}}}\nrules: [{{use: small}}]\n"
    every = run_all(load_source(Source("x.yaml", text), Path("/nowhere")))
    assert [each.message for each in every if each.code == "R704"] == [
        "`small` fails over to `small` at `away`, which is dearer"
    ]


def test_a_rule_is_told_of_its_dearest_candidate_alone():
    models = f"a: {{at: cloud, {CHEAP}}}, b: {{at: cloud, {DEAR}}}, c: {{at: cloud, price: {{input: $9, output: $9}}}}"
    (told,) = found(models, "rules: [{use: [a, b, c]}]\n", "R704")
    assert told.message == "`a` fails over to `c`, which is dearer"


@pytest.mark.parametrize(
    ("small", "large", "rules"),
    [
        (f"at: cloud, {DEAR}", f"at: cloud, {CHEAP}", RULES),
        (f"at: cloud, {DEAR}", f"at: cloud, {DEAR}", RULES),
        ("at: cloud, price: {input: $1, output: $9}", f"at: cloud, {DEAR}", RULES),  # neither is dearer
        (f"at: here, {CHEAP}", f"at: cloud, {DEAR}", RULES),  # from this machine to a remote one
        ("at: cloud", f"at: cloud, {DEAR}", RULES),
        ('at: cloud, price: {input: $1, output: "${env:P}"}', f"at: cloud, {DEAR}", RULES),
        (f"at: cloud, {CHEAP}", f"at: cloud, {DEAR}", "rules: [{use: {split: {small: 1, large: 1}}}]\n"),
        (
            f"at: cloud, {CHEAP}",
            f"at: cloud, {DEAR}",
            "rules: [{use: [{split: {small: 1, large: 1}}, other]}]\n",
        ),
        (f"at: zzz, {CHEAP}", f"at: cloud, {DEAR}", "rules: [{use: [small, large, small]}]\n"),
    ],
)
def test_a_failover_that_is_not_surely_dearer_is_fine(small, large, rules):
    assert dearer(small, large, rules) == []


BIG = "at: cloud, context: 200000, price: {input: $3, output: $15}"


def over(small, rest="rules: [{use: small}]\n", limit="$0.50"):
    budgets = (
        f"costs: {{budgets: [{{name: month, limit: $100, per: month}}, {{name: team, limit: {limit}}}]}}\n"
    )
    models = (
        f"small: {{{small}}}, large: {{at: cloud, context: 100000, {CHEAP}, options: {{max_tokens: 1000}}}}"
    )
    return found(models, rest + budgets, "R705")


def test_a_call_over_the_smallest_budget_is_told_with_its_sum():
    (told,) = over(f"{BIG}, options: {{max_tokens: 20000}}")
    assert told.message == "one call may cost more than the whole budget `team`"
    assert told.notes == (
        "rule `rules[1]`: 180,000 tokens of prompt at $3 and 20,000 of answer at $15 per million make $0.84",
    )


def test_every_model_that_may_cost_too_much_is_named():
    rules = "rules: [{use: [small, large]}]\n"
    (told,) = over(f"{BIG}, options: {{max_tokens: 20000}}", rules, "$0.05")
    assert [each.label for each in told.related] == ["`small` may cost $0.84", "`large` may cost $0.103"]


def test_the_options_of_the_rule_count_before_those_of_the_model():
    rules = "rules: [{use: small, options: {max_tokens: 40000}}]\n"
    (told,) = over(f"{BIG}, options: {{max_tokens: 1}}", rules)
    assert "40,000 of answer" in told.notes[0]


def test_answers_as_long_as_the_family_or_the_bounds_of_a_model_let_them_be_count():
    (told,) = over(f"{BIG}, family: mistral")
    assert "195,904 tokens of prompt" in told.notes[0]
    assert "4,096 of answer (family mistral) at $15" in told.notes[0]
    (told,) = over(f'{BIG}, family: mistral, clamp: {{max_tokens: ">= 50000"}}')
    assert "50,000 of answer (family mistral) at $15" in told.notes[0]
    (told,) = over(f"{BIG}, family: mistral, options: {{max_tokens: 20000}}")
    assert "20,000 of answer at $15" in told.notes[0]
    priced = "at: cloud, context: 200000, price: {input: $0, output: $15}, options: {max_tokens: 100000}"
    assert [each.label for each in over(priced)] == ["one call of `small` may cost $1.50"]
    assert over(f'{priced}, clamp: {{max_tokens: "<= 1000"}}') == []
    assert over(f'{BIG}, family: "${{env:FAMILY}}"') == []


def test_the_prompts_that_a_rule_lets_through_bound_the_sum():
    rules = 'rules: [{when: {tokens: "50000..100000"}, use: small}, {use: small, options: {max_tokens: 1}}]\n'
    assert [each.label for each in over(f"{BIG}, options: {{max_tokens: 20000}}", rules, "$0.5999")] == [
        "one call of `small` may cost $0.600012"
    ]
    bounded = 'rules: [{when: {tokens: "<= 50000"}, use: small}]\n'
    assert over(f"{BIG}, options: {{max_tokens: 20000}}", bounded) == []


def test_a_machine_by_the_hour_costs_the_longest_attempt():
    (told,) = over("at: cloud, price: {per_hour: $60}", limit="$0.99")
    assert told.notes == ("rule `rules[1]`: an attempt of 60 s at $60 an hour makes $1",)
    assert over("at: cloud, price: {per_hour: $60}", limit="$1") == []


def test_the_files_own_list_of_prices_counts(tmp_path):
    entries = [
        {"model": "small", "input": "3", "output": "15"},
        {"model": "large", "input": "9", "output": "90"},
    ]
    (tmp_path / "mine.json").write_text(json.dumps({"prices": entries}), encoding="utf-8")

    def codes(costs):
        models = "small: {at: cloud, context: 200000, options: {max_tokens: 20000}}, large: {at: cloud}"
        text = f"{HEAD}models: {{{models}}}\nrules: [{{use: [small, large]}}]\n{costs}"
        every = run_all(load_source(Source("x.yaml", text), tmp_path))
        return sorted({each.code for each in every} & {"R312", "R701", "R702", "R704", "R705"})

    budgets = "budgets: [{name: team, limit: $0.50}]"
    assert codes(f"costs: {{prices: mine.json, {budgets}}}\n") == ["R704", "R705"]
    assert codes(f"costs: {{{budgets}}}\n") == ["R702"]
    assert codes(f"costs: {{prices: nowhere.json, {budgets}}}\n") == ["R312"]
    (tmp_path / "mine.json").write_text(json.dumps({"prices": entries[:1]}), encoding="utf-8")
    assert codes("costs: {prices: mine.json}\n") == ["R701"]


@pytest.mark.parametrize(
    ("small", "limit"),
    [
        (f"{BIG}, options: {{max_tokens: 20000}}", "$0.84"),  # exactly the whole of it
        (f"{BIG}, options: {{max_tokens: 20000}}", "$0"),  # nothing may be spent at all
        (f"{BIG}, options: {{max_tokens: 20000}}", '"${env:LIMIT}"'),
        (BIG, "$0.50"),  # how long the answer is, is not known
        (f"{BIG}, options: {{max_tokens: 200000}}", "$0.50"),
        (f'{BIG}, options: {{max_tokens: "${{env:MOST}}"}}', "$0.50"),
        (f"at: cloud, {DEAR}, options: {{max_tokens: 20000}}", "$0.01"),
        ("at: cloud, context: 200000, options: {max_tokens: 20000}", "$0.01"),
        (f"at: zzz, context: 200000, {DEAR}, options: {{max_tokens: 20000}}", "$0.01"),
    ],
)
def test_a_call_within_the_budget_or_of_unknown_size_is_fine(small, limit):
    assert over(small, limit=limit) == []


def test_a_rule_whose_prompts_never_fit_costs_nothing():
    rules = 'rules: [{when: {tokens: "> 300000"}, use: small}, {use: large}]\n'
    assert over(f"{BIG}, options: {{max_tokens: 20000}}", rules) == []


@pytest.mark.parametrize("costs", ["", "costs: {budgets: [{name: none, limit: $0}]}\n"])
def test_without_a_budget_no_call_is_over_it(costs):
    models = f"small: {{{BIG}, options: {{max_tokens: 20000}}}}"
    assert found(models, f"rules: [{{use: small}}]\n{costs}", "R705") == []
