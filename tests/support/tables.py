"""Random tables over a space small enough to ask every call."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from router.core.dimension import Dimension, holds
from router.table.graph import GAP

DIMENSIONS = {
    "task": Dimension("task", "words", ("chat", "code", "analysis"), "chat"),
    "data": Dimension("data", "words", ("public", "private"), "public"),
    "tokens": Dimension("tokens", "integer", default=0, measured=True),
    "size": Dimension("size", "integer", default=0),
    "tools": Dimension("tools", "boolean", default=False, measured=True),
}
POINTS = {
    "task": ("chat", "code", "analysis"),
    "data": ("public", "private"),
    "tokens": tuple(range(9)),
    "size": tuple(range(-3, 6)),
    "tools": (False, True),
}
CALLS = [dict(zip(POINTS, values, strict=True)) for values in product(*POINTS.values())]


def spans(low, high):
    end = st.integers(low, high)
    pair = st.tuples(end, end).map(lambda each: (min(each), max(each)))
    return st.lists(pair, max_size=2).map(lambda each: tuple(sorted(each)))


rule = st.fixed_dictionaries(
    {},
    optional={
        "task": st.frozensets(st.sampled_from(POINTS["task"])),
        "data": st.frozensets(st.sampled_from(POINTS["data"])),
        "tokens": spans(0, 7),
        "size": spans(-2, 4),
        "tools": st.frozensets(st.booleans()),
    },
)
tables = st.lists(rule, min_size=1, max_size=7)


def accepts(rule, call):
    return all(holds(wanted, call[name]) for name, wanted in rule.items())


def first(rules, call):
    return next((number for number, each in enumerate(rules) if accepts(each, call)), GAP)
