"""What calls would meet differently in another configuration."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from router.compile.compiler import compile_configuration
from router.compile.diff import diff
from router.compile.explain import explain
from router.config.load import load_source
from router.diagnostics.source import Source
from router.runtime.said import explained_values

BASE = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
endpoints: {one: {kind: mock}, two: {kind: mock, script: [ok]}}
models: {a: {at: one, options: {max_tokens: 5}}, b: {at: one}, c: {at: two, context: 100}}
temperatures: {code: 0.2, default: 0.7}
rules:
  - {name: secret, when: {data: private}, use: a}
  - {name: coding, when: {task: [code, analysis]}, use: [b, a]}
  - {name: otherwise, use: c}
deadline: 60s
"""


def program(text: str):
    return compile_configuration(load_source(Source("x.yaml", text), Path("/n")))[0]


def changed(before: str, after: str):
    return diff(program(BASE), program(BASE.replace(before, after)))


def test_formatting_order_of_keys_and_names_of_rules_change_nothing():
    other = """\
rules:
- name: renamed
  use: [a]
  when:
    data: private
- {use: [b, a], when: {task: {not: [chat, creative]}}}
- use: c
deadline: 1m
temperatures: {default: 0.70, code: 0.2}
models:
  c: {context: 100, at: [two]}
  b: {at: one}
  a: {at: one, options: {max_tokens: 5}}
endpoints:
  two: {script: [ok], kind: mock}
  one:
    kind: mock
dimensions: {data: {default: public, values: [public, private]}}
version: 1
"""
    found = diff(program(BASE), program(other))
    assert (found.same, found.share, found.endpoints, found.policies) == (True, 0, (), ())


def test_another_model_is_a_region_with_its_share():
    found = changed("use: [b, a]", "use: [b, c]")
    (region,) = found.regions
    assert dict(region.when) == {"task": ["code", "analysis"], "data": "public"}
    assert (region.before.models, region.after.models) == (("b", "a"), ("b", "c"))
    assert (region.before.rule, region.share) == ("coding", 0.25)
    assert found.share == 0.25


def test_a_temperature_by_task_changes_the_calls_of_that_task_alone():
    found = changed("code: 0.2", "code: 0.3")
    assert [dict(region.when)["task"] for region in found.regions] == ["code", "code"]
    assert all(region.options for region in found.regions)


def test_a_model_option_changes_the_calls_that_may_reach_it():
    found = changed("max_tokens: 5", "max_tokens: 6")
    assert {region.before.rule for region in found.regions} == {"secret", "coding"}


def test_a_rule_that_is_gone_leaves_a_gap():
    found = changed("  - {name: otherwise, use: c}\n", "")
    (region,) = found.regions
    assert (region.after.rule, region.after.models, region.after.refused) == (None, (), False)


def test_a_value_that_one_side_does_not_know_is_refused_there():
    found = changed("[public, private]", "[public, private, secret]")
    assert {region.before.refused for region in found.regions} == {True}
    assert {dict(region.when)["data"] for region in found.regions} == {"secret"}


def test_splits_are_told_by_their_shares():
    found = changed("use: c", "use: {split: {c: 90, a: 10}}")
    assert found.regions[0].after.models == ("c 90% / a 10%",)


def test_endpoints_models_and_policies_are_told_by_name():
    found = changed(
        "two: {kind: mock, script: [ok]}", "two: {kind: mock, concurrency: 5}, three: {kind: mock}"
    )
    assert found.endpoints == (
        "endpoint `three` is new",
        "endpoint `two` changed: concurrency 2 -> 5, queue.max 16 -> 20, script",
    )
    assert changed("b: {at: one}", "b: {at: one}, d: {at: one}").endpoints == ("model `d` is new",)
    assert changed("context: 100", "context: 200").endpoints == (
        "model `c` is served otherwise: two as c (100 tokens) -> two as c (200 tokens)",
    )
    assert changed("use: a}", "use: a, deadline: 9s, retry: {attempts: 2}}").policies == (
        "rule `secret` changed: retry or failover, deadline (at worst 1m -> 9s)",
    )
    assert changed("b: {at: one}", "b: {at: one, capabilities: [json, tools]}").endpoints == (
        "model `b` has other capabilities: unknown -> json, tools",
    )


def test_a_rule_that_is_renamed_and_changed_is_found_by_the_calls_it_decides():
    found = changed("{name: otherwise, use: c}", "{name: rest, use: c, urgency: high}")
    assert (found.same, found.policies) == (True, ("rule `otherwise`, now `rest`, changed: urgency",))


def test_a_rule_that_no_call_reaches_changes_nothing():
    dead = "  - {name: otherwise, use: c}\n  - {name: dead, use: c}\n"
    old, new = (
        BASE.replace("  - {name: otherwise, use: c}\n", each)
        for each in (dead, dead[:-2] + ", deadline: 3s}\n")
    )
    assert diff(program(old), program(new)).policies == ()


PRICED = BASE.replace(
    "c: {at: two, context: 100}", "c: {at: two, context: 100, price: {input: $1, output: $2}}"
)


def test_prices_are_told_with_what_they_were():
    found = diff(program(BASE), program(PRICED))
    (price,) = found.prices
    assert price.in_words == "price of `c` at `two`: free -> $1 in, $2 out"
    cached = PRICED.replace("output: $2", "output: $2, cached_input: $0.5")
    assert diff(program(PRICED), program(cached)).as_json()["prices"] == [
        {
            "model": "c",
            "endpoint": "two",
            "before": {"input": "1", "output": "2", "cached_input": None},
            "after": {"input": "1", "output": "2", "cached_input": "0.5"},
        }
    ]
    remote = BASE.replace("two: {kind: mock, script: [ok]}", 'two: {kind: openai, url: "https://x.example"}')
    assert [each.in_words for each in diff(program(BASE), program(remote)).prices] == [
        "price of `c` at `two`: free -> unknown"
    ]
    assert diff(program(remote), program(remote)).prices == ()


def test_a_model_that_is_served_in_more_places_has_no_other_price_for_it():
    assert diff(program(BASE), program(BASE.replace("b: {at: one}", "b: {at: [one, two]}"))).prices == ()


def worst(text):
    """Return the worst of a whole table."""
    found = diff(program(text), program(text))
    assert found.before == found.after
    return found.after.seconds, None if found.after.usd is None else str(found.after.usd)


def test_the_worst_of_a_table_is_its_slowest_and_its_dearest_rule():
    assert worst(BASE) == (60, "0")
    longest = PRICED.replace("use: c}", "use: c, options: {max_tokens: 50}}")
    # c holds 100 tokens, and may be tried twice
    assert worst(longest) == (60, "0.0004")


def test_an_unknown_price_or_length_makes_the_dearest_call_unknown():
    assert worst(PRICED) == (60, None)
    unbound = PRICED.replace("context: 100, ", "").replace("use: c}", "use: c, options: {max_tokens: 50}}")
    assert worst(unbound) == (60, None)
    bound = unbound.replace("{name: otherwise, use", '{name: otherwise, when: {tokens: "< 10"}, use')
    assert worst(bound) == (60, "0.000218")


def test_a_split_is_as_slow_as_its_slowest_side():
    split = BASE.replace("use: c}", "use: {split: {a: 90, c: 10}}}").replace("60s", "200s")
    slow = split.replace("two: {kind: mock,", "two: {kind: mock, timeout: 150s,")
    assert worst(slow)[0] == 150
    many = "{split: {a: 1, b: 1, c: 1}}"
    assert worst(BASE.replace("use: c}", f"use: [{', '.join([many] * 4)}]}}")) == (None, None)


def test_what_calls_need_may_leave_the_slow_candidate_alone():
    slow = BASE.replace("two: {kind: mock,", "two: {kind: mock, timeout: 50s,").replace("60s", "200s")
    blind = slow.replace("c: {at: two", "c: {capabilities: [], at: two").replace("use: c", "use: [c, b]")
    assert worst(blind)[0] == 120
    seeing = blind.replace("{name: otherwise,", "{name: otherwise, when: {tools: true},")
    found = diff(program(blind), program(seeing))
    (gap,) = [each for each in found.regions if each.after.rule is None]
    assert (gap.before.worst.seconds, gap.after.worst) == (110, None)


def test_a_region_tells_the_worst_of_its_own_calls():
    long = PRICED.replace("use: c}", "use: c, options: {max_tokens: 50}}")
    found = diff(program(long), program(long.replace("[code, analysis]", '[code, analysis], tokens: "> 20"')))
    (region,) = found.regions
    assert region.after.as_json() == {
        "rule": "otherwise",
        "models": ["c"],
        "refused": False,
        "worst_time": 60.0,
        "worst_cost": "0.00024",
    }


def test_the_json_has_the_names_that_programs_read():
    shown = changed("use: [b, a]", "use: [b, c]").as_json()
    assert (shown["same"], shown["share"]) == (False, 0.25)
    before = shown["regions"][0]["before"]
    assert (before["rule"], before["models"], before["refused"]) == ("coding", ["b", "a"], False)
    assert {"format_version", "same", "share", "regions", "endpoints", "policies", "prices"} <= set(shown)
    assert shown["worst_time"] == {"before": 60.0, "after": 60.0}
    assert shown["worst_cost"] == {"before": "0", "after": "0"}


conditions = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["code", "[code, chat]", "{not: chat}"]),
        "data": st.sampled_from(["private", "public"]),
        "tokens": st.sampled_from(['"> 3"', '"<= 3"', '"2..5"']),
    },
)
rules = st.lists(
    st.tuples(
        conditions, st.sampled_from(["a", "[b, a]", "c"]), st.sampled_from(["", ", options: {seed: 1}"])
    ),
    min_size=1,
    max_size=5,
)


def text(rows) -> str:
    lines = [
        f"  - {{when: {{{', '.join(f'{name}: {value}' for name, value in when.items())}}}, use: {use}{more}}}"
        for when, use, more in rows
    ]
    head = BASE[: BASE.index("rules:")]
    return head + "rules:\n" + "\n".join(lines) + "\n"


@given(rules, rules)
@settings(max_examples=60, deadline=None)
def test_a_call_is_in_a_region_just_when_it_is_explained_otherwise(old, new):
    before, after = program(text(old)), program(text(new))
    found = diff(before, after)
    for task in ("chat", "code", "analysis"):
        for data in ("public", "private"):
            for tokens in range(7):
                call = {"task": task, "data": data, "tokens": tokens}
                hits = [region for region in found.regions if inside(region.when, call)]
                assert bool(hits) == (answer(before, call) != answer(after, call))
                assert len(hits) <= 1


def answer(side, call):
    explained = explain(side, explained_values(side, call), {})
    return [
        (each.model, sorted((name, option.value) for name, option in each.options.items()))
        for each in explained.candidates
    ]


def inside(when, call) -> bool:
    return all(
        any(accepts(one, call[name]) for one in (value if isinstance(value, list) else [value]))
        for name, value in when.items()
    )


def accepts(written, value) -> bool:
    if not isinstance(written, str) or isinstance(value, str):
        return written == value
    if ".." in written:
        low, high = map(int, written.split(".."))
        return low <= value <= high
    sign, bound = written.split()
    return value <= int(bound) if sign == "<=" else value >= int(bound)


@given(rules, rules)
@settings(max_examples=40, deadline=None)
def test_a_policy_is_told_of_just_the_rules_that_decide_a_call_on_both_sides(old, new):
    before, after = program(text(old)), program(text(new).replace("rules:", "deadline: 9s\nrules:"))
    told = {line.partition(" changed")[0].rstrip(",") for line in diff(before, after).policies}
    met = set()
    for task in ("chat", "code", "analysis"):
        for data in ("public", "private"):
            for tokens in range(7):
                call = {"task": task, "data": data, "tokens": tokens}
                was, now = (explain(side, explained_values(side, call), {}).rule for side in (before, after))
                alike = was == now or answer(before, call) == answer(after, call)
                if was is not None and now is not None and alike:
                    met.add(f"rule `{was}`" + ("" if was == now else f", now `{now}`"))
    assert told == met
