"""Tables to measure with, the same on every machine: as YAML, and as calls to look up in them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TASKS = ("chat", "code", "analysis", "creative")
PRIORITIES = ("speed", "quality", "cost")
COMPLEXITIES = ("simple", "medium", "complex")
REGIONS = ("eu", "us", "asia")
TENANTS, MODELS, THRESHOLDS, TIERS = 200, 5, 100, 5

_HEAD = """version: 1
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
models:
"""
_DIMENSIONS = f"""dimensions:
  tenant: {{values: [{", ".join(f"t{number}" for number in range(TENANTS))}], default: t0}}
  region: {{values: [{", ".join(REGIONS)}], default: eu}}
  tier: {{type: integer, default: 1}}
"""


def _file(rules: list[str], dimensions: str = "") -> str:
    models = "".join(f"  m{number}: {{at: here}}\n" for number in range(MODELS))
    return f"{_HEAD}{models}{dimensions}rules:\n{''.join(rules)}  - {{name: otherwise, use: m0}}\n"


def _rule(name: str, when: Mapping[str, str], use: str) -> str:
    conditions = ", ".join(f"{dimension}: {value}" for dimension, value in when.items())
    return f"  - {{name: {name}, when: {{{conditions}}}, use: {use}}}\n"


def fifty() -> str:
    """Return a file of 50 rules over the built-in dimensions, prompt length and tools; nothing is wrong with it."""
    rules = []
    for number in range(49):
        at, last = divmod(number, 4)
        task, kind = TASKS[at % 4], (at // 4) % 4
        when = {"task": task, "tokens": f'"{1000 * kind}..{1000 * kind + 999}"'}
        when |= {"priority": PRIORITIES[last - 1]} if last else {"complexity": "complex"}
        # Neighbours use different models: no rule is to spare.
        rules.append(_rule(f"r{number}", when, f"m{1 + (number + kind) % 4}"))
    return _file(rules)


def many(rules: int = 10_000) -> str:
    """Return a file of rules in 7 dimensions that are all of use: for each tenant its own, from narrow to wide."""
    dice = random.Random(2)
    found = []
    each = rules // TENANTS
    for tenant in range(TENANTS):
        own = [(task, priority, region) for task in TASKS for priority in PRIORITIES for region in REGIONS]
        for number, (task, priority, region) in enumerate(dice.sample(own, min(each // 2, len(own)))):
            base = {"tenant": f"t{tenant}", "task": task, "priority": priority, "region": region}
            bound, tier = 100 * dice.randrange(1, THRESHOLDS), dice.randrange(TIERS)
            narrow = {"complexity": dice.choice(COMPLEXITIES), "tokens": f'"> {bound}"', "tier": str(tier)}
            first = dice.randrange(1, MODELS)
            name = f"t{tenant}-{number}"
            found.append(_rule(f"{name}-narrow", {**base, **narrow}, f"m{first}"))
            found.append(_rule(name, base, f"m{1 + first % (MODELS - 1)}"))
    return _file(found[: rules - 1], _DIMENSIONS)


def tangled(rules: int = 10_000) -> str:
    """Return a file of random rules in 7 dimensions, of which most are dead."""
    dice = random.Random(1)
    found = []
    for number in range(rules - 1):
        when = {"tenant": f"t{dice.randrange(TENANTS)}"}
        for name, words in (("task", TASKS), ("priority", PRIORITIES), ("complexity", COMPLEXITIES)):
            when |= {name: dice.choice(words)} if dice.random() < 1 / 2 else {}
        when |= {"region": dice.choice(REGIONS)} if dice.random() < 1 / 2 else {}
        when |= {"tokens": f'"> {100 * dice.randrange(THRESHOLDS)}"'} if dice.random() < 1 / 2 else {}
        when |= {"tier": str(dice.randrange(TIERS))} if dice.random() < 1 / 3 else {}
        found.append(_rule(f"r{number}", when, f"m{dice.randrange(MODELS)}"))
    return _file(found, _DIMENSIONS)


def boxes(rules: int = 200, dimensions: int = 6) -> str:
    """Return a file of random boxes in whole numbers: the worst that a table can be to analyse."""
    dice = random.Random(3)
    names = [f"d{number}" for number in range(dimensions)]
    declared = "dimensions:\n" + "".join(f"  {name}: {{type: integer}}\n" for name in names)
    found = []
    for number in range(rules):
        when = {}
        for name in names:
            low, high = sorted(dice.randrange(1_000_000) for _ in range(2))
            when[name] = f'"{low}..{high}"'
        found.append(_rule(f"r{number}", when, f"m{dice.randrange(MODELS)}"))
    return _file(found, declared)


def calls(count: int) -> list[dict[str, str | int | bool]]:
    """Return random calls for the tables of 7 dimensions."""
    dice = random.Random(4)
    return [
        {
            "tenant": f"t{dice.randrange(TENANTS)}",
            "task": dice.choice(TASKS),
            "priority": dice.choice(PRIORITIES),
            "complexity": dice.choice(COMPLEXITIES),
            "region": dice.choice(REGIONS),
            "tokens": dice.randrange(100 * THRESHOLDS),
            "tier": dice.randrange(TIERS),
        }
        for _ in range(count)
    ]
