"""Which rules decide some calls, held against a walk over every call."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from random import Random

import pytest

from router.checks.deciders import deciders
from router.config.load import load_source
from router.core.dimension import holds
from router.diagnostics.source import Source

HEAD = """\
version: 1
dimensions: {data: {values: [public, private, both], default: public}, level: {type: integer}, pii: {type: boolean}}
endpoints: {here: {kind: mock}}
models: {small: {at: here}}
"""
VALUES = {"data": ("public", "private", "both"), "level": (-2, -1, 0, 3, 4, 10), "pii": (False, True)}


def condition(dice):
    some = {
        "data": frozenset(dice.sample(VALUES["data"], dice.randint(1, 3))),
        "level": ((dice.choice((-1, 0)), dice.choice((0, 3, 9))),),
        "pii": frozenset({dice.random() < 0.5}),
    }
    return {name: accepted for name, accepted in some.items() if dice.random() < 0.5}


def written(accepted):
    texts = {
        name: f'"{each[0][0]}..{each[0][1]}"'
        if isinstance(each, tuple)
        else f"[{', '.join(str(one).lower() for one in sorted(each))}]"
        for name, each in accepted.items()
    }
    return "{" + ", ".join(f"{name}: {text}" for name, text in texts.items()) + "}"


def matches(accepted, call):
    return all(holds(each, call[name]) for name, each in accepted.items())


def by_hand(rules, about, outside):
    found = set()
    for values in product(*VALUES.values()):
        call = dict(zip(VALUES, values, strict=True))
        if matches(about, call) and not any(matches(each, call) for each in outside):
            found.update(next(([number] for number, rule in enumerate(rules) if matches(rule, call)), []))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_the_rules_that_decide_some_calls_are_those_that_a_walk_over_all_calls_finds(seed):
    dice = Random(seed)
    rules = [condition(dice) for _ in range(dice.randint(1, 6))]
    about, outside = condition(dice), [condition(dice) for _ in range(dice.randint(0, 2))]
    lines = "".join(f"  - {{when: {written(rule)}, use: small}}\n" for rule in rules)
    configuration = load_source(Source("x.yaml", f"{HEAD}rules:\n{lines}"), Path("/nowhere"))
    assert deciders(configuration, about, outside) == by_hand(rules, about, outside)
