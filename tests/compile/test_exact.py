"""A file's table decides every call as reading its conditions one by one does: words, numbers, booleans, negation."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from router.compile.diff import diff
from router.compile.lower import lower
from router.config.load import load_source
from router.diagnostics.source import Source
from router.table.graph import GAP, lay_out
from router.table.regions import winners

HEAD = """version: 1
endpoints: {here: {kind: mock}}
models: {a: {at: here}, b: {at: here}}
dimensions:
  data: {values: [public, internal, private], default: public}
  size: {type: integer}
  tested: {type: boolean}
rules:
"""
POINTS = {
    "task": ("chat", "code", "analysis", "creative"),
    "data": ("public", "internal", "private"),
    "tokens": range(7),
    "size": range(-3, 7),
    "tested": (False, True),
}
CALLS = [dict(zip(POINTS, values, strict=True)) for values in product(*POINTS.values())]

number = st.integers(-2, 5)
operand = st.one_of(
    number,
    st.builds(lambda sign, at: f"{sign} {at}", st.sampled_from(["<", "<=", ">", ">="]), number),
    st.builds(lambda low, high: f"{low}..{high}", number, number),
)


def conditions(one):
    several = st.lists(one, min_size=1, max_size=3)
    return st.one_of(
        st.just("any"), one, several, st.builds(lambda each: {"not": each}, st.one_of(one, several))
    )


when = st.fixed_dictionaries(
    {},
    optional={
        "task": conditions(st.sampled_from(POINTS["task"])),
        "data": conditions(st.sampled_from(POINTS["data"])),
        "tokens": conditions(operand),
        "size": conditions(operand),
        "tested": conditions(st.booleans()),
    },
)
files = st.lists(st.tuples(when, st.sampled_from("ab")), min_size=1, max_size=6)


def written(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def program(rules):
    text = HEAD + "".join(f"  - {{when: {written(when)}, use: {use}}}\n" for when, use in rules)
    configuration = load_source(Source("router.yaml", text), Path())
    assert configuration.problems == []
    return lower(configuration.document, configuration.linked, "router.yaml", configuration.folder)


def meets(value, wanted):
    if isinstance(wanted, dict):
        return not meets(value, wanted["not"])
    if isinstance(wanted, list):
        return any(meets(value, each) for each in wanted)
    if wanted == "any":
        return True
    if not isinstance(wanted, str) or isinstance(value, str):
        return value == wanted
    sign, _, bound = wanted.partition(" ")
    if not bound:
        low, high = map(int, wanted.split(".."))
        return low <= value <= high
    return {
        "<": value < int(bound),
        "<=": value <= int(bound),
        ">": value > int(bound),
        ">=": value >= int(bound),
    }[sign]


def first(rules, call):
    return next(
        (
            number
            for number, (when, _) in enumerate(rules)
            if all(meets(call[name], wanted) for name, wanted in when.items())
        ),
        GAP,
    )


@given(files)
@settings(max_examples=80)
def test_the_table_is_what_the_conditions_say(rules):
    compiled = program(rules)
    found = [first(rules, call) for call in CALLS]
    assert [compiled.table.match(call) for call in CALLS] == found
    space = lay_out(compiled.dimensions, [route.accepted for route in compiled.routes])
    assert winners(space.graph()) == set(found)


@given(files, files)
@settings(max_examples=30)
def test_the_difference_is_that_of_the_calls(old, new):
    def models(rules, call):
        number = first(rules, call)
        return () if number == GAP else (rules[number][1],)

    found = diff(program(old), program(new))
    for call in CALLS:
        hits = [
            (region.before.models, region.after.models)
            for region in found.regions
            if all(meets(call[name], wanted) for name, wanted in region.when.items())
        ]
        expected = (models(old, call), models(new, call))
        assert hits == ([] if expected[0] == expected[1] else [expected])
