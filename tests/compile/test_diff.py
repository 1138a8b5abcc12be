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
        "endpoint `two` changed: concurrency, queue_max, settings",
    )
    assert changed("b: {at: one}", "b: {at: one}, d: {at: one}").endpoints == ("model `d` is new",)
    assert changed("context: 100", "context: 200").endpoints == (
        "model `c` is served otherwise: two as c (100 tokens) -> two as c (200 tokens)",
    )
    assert changed("use: a}", "use: a, deadline: 9s, retry: {attempts: 2}}").policies == (
        "rule `secret` changed: retry or failover, deadline",
    )


def test_the_json_has_the_names_that_programs_read():
    shown = changed("use: [b, a]", "use: [b, c]").as_json()
    assert (shown["same"], shown["share"]) == (False, 0.25)
    assert shown["regions"][0]["before"] == {"rule": "coding", "models": ["b", "a"], "refused": False}
    assert set(shown) == {"format_version", "same", "share", "regions", "endpoints", "policies"}


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
