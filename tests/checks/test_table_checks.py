"""What is said of the rules as a whole is true of every call, and nothing true is left unsaid."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables import CALLS, POINTS, accepts, first

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source
from router.table.graph import GAP

HEAD = """\
version: 1
dimensions:
  task: {values: [chat, code, analysis]}
  data: {values: [public, private], default: public}
  size: {type: integer}
endpoints: {here: {kind: mock}}
models: {a: {at: here}, b: {at: here}, c: {at: here}}
"""


def load(rules: str, head: str = HEAD):
    return load_source(Source("x.yaml", head + rules), Path("/n"))


def found(rules: str, head: str = HEAD):
    return [each for each in run_all(load(rules, head)) if each.code.startswith("R4")]


words = {
    name: st.lists(st.sampled_from(POINTS[name]), min_size=1, max_size=2, unique=True)
    for name in ("task", "data")
}
ends = st.tuples(st.integers(0, 7), st.integers(0, 7)).map(sorted)
ranges = st.one_of(
    ends.map(lambda pair: f'"{pair[0]}..{pair[1]}"'),
    st.integers(0, 7).flatmap(
        lambda end: st.sampled_from([f'"> {end}"', f'"<= {end}"', f'"< {end}"', f'">= {end}"'])
    ),
)
rule = st.tuples(
    st.fixed_dictionaries(
        {},
        optional={
            "task": words["task"].map(lambda each: f"[{', '.join(each)}]"),
            "data": words["data"].map(lambda each: f"{{not: [{', '.join(each)}]}}"),
            "tokens": ranges,
            "tools": st.sampled_from(["true", "false"]),
        },
    ),
    st.sampled_from("abc"),
)


def written(rules) -> str:
    lines = [
        f"  - {{when: {{{', '.join(f'{name}: {value}' for name, value in when.items())}}}, use: {model}}}"
        for when, model in rules
    ]
    return "rules:\n" + "\n".join(lines) + "\n"


@given(st.lists(rule, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_every_finding_about_the_rules_is_true_and_none_is_missing(rules):
    text = written(rules)
    configuration = load(text)
    table = [each.accepted for each in configuration.linked.rules]
    models = [each.use[0].name for each in configuration.linked.rules]
    decided = [first(table, call) for call in CALLS]
    told = {}
    for each in run_all(configuration):
        told.setdefault(each.code, []).append([int(name[6:-1]) - 1 for name in each.rules])
    _dead_rules_are_told(told, table, decided)
    assert ("R404" in told) == (GAP in decided)
    for redundant, *_ in told.get("R402", []):
        rest = [{"task": frozenset()} if number == redundant else each for number, each in enumerate(table)]
        again = [first(rest, call) for call in CALLS]
        assert all(
            before == after or (after != GAP and models[before] == models[after])
            for before, after in zip(decided, again, strict=True)
        )


def _dead_rules_are_told(told, table, decided):
    dead = {number for number in range(len(table)) if number not in decided}
    impossible = {number for number in dead if not any(accepts(table[number], call) for call in CALLS)}
    hidden = {number for names in told.get("R408", []) for number in names[1:]}
    copies = {names[0] for names in told.get("R409", [])}
    covered = {names[0] for names in told.get("R401", [])}
    assert {names[0] for names in told.get("R406", [])} == impossible
    assert covered | hidden | copies <= dead
    silent = {len(table) - 1} if not table[-1] or all(accepts(table[-1], call) for call in CALLS) else set()
    assert dead <= covered | hidden | copies | impossible | silent
    for number, *causes in told.get("R401", []):
        calls = [call for call in CALLS if accepts(table[number], call)]
        assert all(any(accepts(table[cause], call) for cause in causes) for call in calls)


def test_rules_that_only_together_cover_another_are_all_named():
    (finding,) = found("""\
rules:
  - {name: low, when: {tokens: "<= 10"}, use: a}
  - {name: aside, when: {data: private}, use: c}
  - {name: high, when: {tokens: "> 10"}, use: b}
  - {name: dead, when: {task: code}, use: c}
""")
    assert (finding.code, finding.rules) == ("R401", ("dead", "low", "high"))
    assert [each.label for each in finding.related] == ["matches part of it"] * 2


def test_a_gap_is_shown_as_regions_and_a_rule_to_paste():
    (finding,) = found("""\
rules:
  - {when: {task: [code, chat], tokens: "<= 4000"}, use: a}
  - {when: {task: analysis}, use: b}
""")
    assert finding.code == "R404"
    assert (
        finding.notes == ("no rule when task is chat or code, tokens > 4000",) or "4001" in finding.notes[0]
    )
    paste = finding.help.partition("or: ")[2]
    assert (
        found(f"""\
rules:
  - {{when: {{task: [code, chat], tokens: "<= 4000"}}, use: a}}
  - {{when: {{task: analysis}}, use: b}}
  {paste.replace("use: a", "use: c")}
""")
        == []
    )


def test_unique_hits_are_held_to_their_promise():
    head = HEAD.replace("version: 1", "version: 1\nhit: unique")
    good = """\
rules:
  - {when: {task: code}, use: a}
  - {when: {task: {not: code}}, use: b}
"""
    assert found(good, head) == []
    findings = found(good.replace("{not: code}", "[chat, code]"), head)
    assert [(each.code, each.severity) for each in findings] == [("R404", "error"), ("R410", "error")]
    assert findings[1].notes == ("both match when task is code",)


def test_a_range_that_ends_where_the_next_begins_is_fine_and_one_number_between_is_not():
    fine = 'rules: [{when: {tokens: "<= 10"}, use: a}, {when: {tokens: "> 10"}, use: b}]\n'
    assert found(fine) == []
    off = 'rules: [{when: {tokens: "< 10"}, use: a}, {when: {tokens: "> 10"}, use: b}, {use: c}]\n'
    assert [each.code for each in found(off)] == ["R405"]
    meant = 'rules: [{when: {tokens: "< 10"}, use: a}, {when: {tokens: "> 10"}, use: b}, {when: {tokens: 10}, use: c}]\n'
    assert found(meant) == []


def test_a_table_whose_conditions_are_not_understood_is_not_judged():
    assert found("rules: [{when: {nothing_like_it: 5}, use: a}, {when: {task: code}, use: b}]\n") == []


def test_two_hundred_boxes_that_cut_across_each_other_end_within_the_budget():
    lines = [
        f'  - {{when: {{tokens: "{n * 7 % 997}..{n * 7 % 997 + 500}", size: "{n * 13 % 991}..{n * 13 % 991 + 500}",'
        f' depth: "{n * 17 % 983}..{n * 17 % 983 + 500}", width: "{n * 19 % 977}..{n * 19 % 977 + 500}"}}, use: {"abc"[n % 3]}}}'
        for n in range(200)
    ]
    head = HEAD.replace(
        "  size: {type: integer}",
        "  size: {type: integer}\n  depth: {type: integer}\n  width: {type: integer}",
    )
    assert [each.code for each in found("rules:\n" + "\n".join(lines) + "\n", head)] == ["R413"]
