"""What leaves this machine, and what is kept: R606, R608 and R609, and where each stays silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source
from router.table import graph

HEAD = """\
version: 1
dimensions: {data: {values: [public, private], default: public}}
endpoints:
  here: {kind: mock}
  cloud: {kind: openai, url: "https://api.example.com/v1", key: "${env:CLOUD_KEY}"}
models: {small: {at: here}, large: {at: cloud}, both: {at: [here, cloud]}}
"""
RULES = """\
rules:
  - {name: private, when: {data: private}, use: small}
  - {name: otherwise, use: large}
"""


def found(text, *codes):
    every = run_all(load_source(Source("x.yaml", text), Path("/nowhere")))
    return [each for each in every if each.code in codes]


def leaks(rules, head=HEAD):
    return found(head + rules, "R606")


def private_rule(rule):
    return f"rules:\n  - {{name: private, {rule}}}\n  - {{name: otherwise, use: large}}\n"


@pytest.mark.parametrize(
    "rule",
    [
        "when: {data: private}, use: large",
        "when: {data: private}, use: [small, large]",
        "when: {data: private}, use: both",
        "when: {data: {not: public}}, use: large",
        "when: {data: private, task: code}, use: large",
        "when: {data: private}, use: {split: {small: 9, large: 1}}",
        "when: {data: private}, use: [small, others]",
        "when: {task: code}, matrix: [data, use], rows: [[private, large]]",
    ],
)
def test_a_rule_for_private_calls_with_a_remote_hop_leaks(rule):
    (leak,) = leaks(private_rule(rule))
    assert leak.severity == "error"
    assert leak.rules == (("private[1]" if "matrix" in rule else "private"),)
    assert "at `cloud`, which is remote" in leak.label


@pytest.mark.parametrize(
    "word", ["Confidential", "secret", "SENSITIVE", "pii", "internal-only", "internal only"]
)
def test_each_word_that_says_private_counts(word):
    text = HEAD.replace("private", word) + private_rule(f'when: {{data: "{word}"}}, use: large')
    assert len(leaks(text, "")) == 1


@pytest.mark.parametrize("word", ["non-sensitive", "private-cloud", "internal", "public"])
def test_words_that_say_something_else_do_not_count(word):
    text = HEAD.replace("[public, private]", f"[open, {word}]").replace("default: public", "default: open")
    assert leaks(private_rule(f"when: {{data: {word}}}, use: large"), text) == []


def test_a_boolean_dimension_says_private_by_its_name():
    head = HEAD.replace("data: {values: [public, private], default: public}", "pii: {type: boolean}")
    assert len(leaks(private_rule("when: {pii: true}, use: large"), head)) == 1
    assert leaks(private_rule("when: {pii: false}, use: large"), head) == []


def test_values_of_a_built_in_dimension_say_nothing_of_privacy():
    head = HEAD.replace("data:", "task:")
    assert leaks(private_rule("when: {task: private}, use: large"), head) == []


def test_a_number_dimension_says_nothing_of_privacy():
    head = HEAD.replace("data: {values: [public, private], default: public}", "secret: {type: integer}")
    assert leaks(private_rule('when: {secret: "> 3"}, use: large'), head) == []


@pytest.mark.parametrize(
    "rules",
    [
        RULES,
        private_rule("when: {data: public}, use: large"),
        private_rule("when: {data: [public, private]}, use: large"),  # asks for nothing in truth
        (
            "rules:\n  - {when: {data: private}, use: small}\n  - {when: {data: private, task: code}, use: large}\n"
            "  - {use: large}\n"
        ),  # no private call reaches the second rule
    ],
)
def test_a_rule_that_decides_no_private_call_or_stays_here_leaks_nothing(rules):
    assert leaks(rules) == []


def test_an_endpoint_that_is_declared_local_is_no_leak():
    head = HEAD.replace("kind: openai,", "kind: openai, locality: local,")
    assert leaks(private_rule("when: {data: private}, use: large"), head) == []


def test_an_address_that_is_not_known_yet_is_no_leak():
    head = HEAD.replace('"https://api.example.com/v1"', '"${env:CLOUD_URL}"')
    assert leaks(private_rule("when: {data: private}, use: large"), head) == []


def test_a_proxy_that_is_not_known_yet_is_no_leak():
    head = HEAD.replace("https://api.example.com/v1", 'http://127.0.0.1:80/v1", proxy: "${env:WAY}')
    assert leaks(private_rule("when: {data: private}, use: large"), head) == []


@pytest.mark.parametrize(
    ("invariant", "silent"),
    [
        ("for_all: {data: private}, every_hop: {locality: local}", True),
        ("for_all: {}, every_hop: {locality: local}", True),
        ("for_all: {data: private}, every_hop: {endpoint: [here, cloud]}", True),
        ("for_all: {data: private, task: code}, every_hop: {locality: local}", False),
        ("for_all: {data: public}, every_hop: {locality: remote}", False),
        ("for_all: {data: private}, every_hop: {kind: [openai, mock]}", False),
    ],
)
def test_an_invariant_over_these_calls_speaks_in_its_place(invariant, silent):
    text = (
        private_rule("when: {data: private}, use: large") + f"invariants: [{{name: promised, {invariant}}}]\n"
    )
    assert (leaks(text) == []) is silent


def test_two_invariants_that_cover_the_calls_together_speak_in_its_place():
    promise = "every_hop: {locality: local}}"
    text = (
        private_rule("when: {data: private}, use: large")
        + f"invariants:\n  - {{name: a, for_all: {{task: code}}, {promise}\n"
        + f"  - {{name: b, for_all: {{task: {{not: code}}}}, {promise}\n"
    )
    assert leaks(text) == []


def test_the_models_of_the_offline_ladder_are_hops():
    (leak,) = leaks(RULES + "offline: {use: [small, large]}\n")
    assert leak.message == "`offline` lets private calls leave this machine"
    assert leak.rules == ("private",)
    assert leaks(RULES + "offline: {use: [small, others]}\n") != []
    assert leaks(RULES + "offline: {use: small}\n") == []


def test_a_rule_that_never_degrades_does_not_reach_the_offline_ladder():
    rules = RULES.replace("use: small}", "use: small, no_degrade: true}")
    assert leaks(rules + "offline: {use: large}\n") == []


def test_a_model_that_takes_over_when_a_budget_is_spent_is_a_hop():
    costs = "costs: {budgets: [{name: team, limit: $5, then: {use: large}}, {name: all, limit: $9}]}\n"
    (leak,) = leaks(RULES + costs)
    assert leak.message == "budget `team` lets private calls leave this machine"
    assert leaks(RULES + costs.replace("use: large", "use: small")) == []


@pytest.mark.parametrize("mode", ["only", '"${env:MODE}"'])
def test_nothing_leaks_where_no_remote_endpoint_is_asked_or_that_is_not_known(mode):
    rules = private_rule("when: {data: private}, use: large")
    assert leaks(rules + f"offline: {{mode: {mode}}}\n") == []


def test_nothing_is_said_where_a_name_is_wrong():
    rules = private_rule("when: {data: private}, use: large")
    assert leaks(rules, HEAD.replace("at: cloud", "at: zzz")) == []


def test_nothing_is_said_where_a_condition_is_not_understood():
    rules = private_rule("when: {data: private}, use: large").replace(
        "rules:", "rules:\n  - {when: {task: 5}, use: small}"
    )
    assert leaks(rules) == []


def test_nothing_is_said_of_a_table_that_is_too_complex(monkeypatch):
    monkeypatch.setattr(graph, "BUDGET", 0)
    assert leaks(private_rule("when: {data: private}, use: large")) == []


def logging(content, head=""):
    return found(f"{head or HEAD}{RULES}log: {{content: {content}, calls: c.jsonl}}\n", "R608")


def test_a_log_of_whole_prompts_is_a_warning_and_names_private_calls():
    (full,) = logging("full")
    assert (full.severity, full.notes) == ("warning", ("those of calls whose data is private as well",))


def test_a_log_of_cut_prompts_is_told_at_info_level():
    assert [each.severity for each in logging("truncated")] == ["info"]


@pytest.mark.parametrize("content", ["none", "hash", "loud", '"${env:CONTENT}"'])
def test_a_log_without_texts_is_fine(content):
    assert logging(content) == []


def test_a_log_that_says_nothing_of_content_is_fine():
    assert found(HEAD + RULES + "log: {calls: calls.jsonl}\n", "R608") == []


SHARED = """\
rules:
  - {when: {data: private, task: code}, use: small}
  - {use: small, options: {temperature: 0}}
"""


def sharing(separate, rules=SHARED, head=HEAD):
    return found(f"{head}{rules}cache: {{{separate}}}\n", "R609")


def test_a_cache_that_leaves_out_a_dimension_of_the_rules_mixes_answers():
    (mixed,) = sharing("separate: [task]")
    assert mixed.message == "the cache gives answers of one `data` to another"
    assert mixed.notes == ("`small` answers when data is public and when data is private",)


def test_a_misspelt_dimension_is_the_one_that_was_meant():
    (mixed,) = sharing("separate: [dta]")
    assert mixed.help == "did you mean `data`?"


@pytest.mark.parametrize("kind", ["{type: boolean}", "{type: integer}"])
def test_dimensions_of_every_kind_are_kept_apart(kind):
    condition = "true" if "boolean" in kind else '"> 10"'
    head = HEAD.replace("{values: [public, private], default: public}", kind)
    rules = SHARED.replace("data: private", f"data: {condition}")
    assert len(sharing("separate: []", rules, head)) == 1


@pytest.mark.parametrize(
    ("separate", "rules"),
    [
        ("ttl: 1h", SHARED),  # every dimension of the file's own by default
        ("separate: [data]", SHARED),
        ('separate: ["${env:BY}"]', SHARED),
        ("separate: []", "rules: [{use: small}]\n"),  # no rule asks for it
        ("separate: []", RULES),  # its values never meet at one model
        (
            "separate: []",
            "rules:\n  - {when: {data: private}, use: small, cache: off}\n  - {use: small}\n",
        ),  # what is private is not kept
    ],
)
def test_a_cache_that_mixes_nothing_is_fine(separate, rules):
    assert sharing(separate, rules) == []


def test_nothing_is_said_of_a_cache_where_a_rule_is_wrong():
    assert sharing("separate: []", SHARED.replace("use: small}", "use: zzz}")) == []


def test_a_file_without_a_cache_mixes_nothing():
    assert found(HEAD + SHARED, "R609") == []
