"""Which rules decide some calls: first match counts, and rules that no such call reaches are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.table_facts import table_facts
from router.table.graph import GAP, TooComplex, lay_out
from router.table.regions import winners

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.config.load import Configuration
    from router.core.dimension import Accepted


class _Memo(dict[object, frozenset[int]]):
    """What was asked of one configuration, by calls and calls that do not count."""


def deciders(
    configuration: Configuration,
    about: Mapping[str, Accepted],
    outside: Sequence[Mapping[str, Accepted]] = (),
) -> frozenset[int]:
    """Return the numbers of the rules that decide a call.

    Args:
        configuration: The file.
        about: Which calls, by dimension; a dimension that is absent is left open.
        outside: Calls that do not count.

    Returns:
        Each rule that decides one of the calls that count; none where that cannot be told.
    """
    found = configuration.worked_out.get(_Memo)
    memo = configuration.worked_out[_Memo] = found if isinstance(found, _Memo) else _Memo()
    key = tuple(tuple(sorted(each.items())) for each in (about, *outside))
    if key not in memo:
        memo[key] = _work_out(configuration, about, outside)
    return memo[key]


def _work_out(
    configuration: Configuration, about: Mapping[str, Accepted], outside: Sequence[Mapping[str, Accepted]]
) -> frozenset[int]:
    facts = table_facts(configuration)
    if facts is None:
        return frozenset()
    # Rules that none of these calls match change nothing, and most of a long table are such.
    near = [number for number, rule in enumerate(facts.rules) if _meets(rule.accepted, about)]
    rules = [facts.rules[number].accepted for number in near]
    space = lay_out(facts.dimensions, rules, [about], outside)
    try:
        leaves = winners(space.graph())
    except TooComplex:
        return frozenset()
    firsts = (space.firsts(leaf) for leaf in leaves)
    return frozenset(
        near[rule] for rule, wanted, unwanted in firsts if GAP not in (rule, wanted) and unwanted == GAP
    )


def _meets(one: Mapping[str, Accepted], other: Mapping[str, Accepted]) -> bool:
    return all(_overlap(one[name], accepted) for name, accepted in other.items() if name in one)


def _overlap(one: Accepted, other: Accepted) -> bool:
    if isinstance(one, frozenset) or isinstance(other, frozenset):
        return not frozenset(one).isdisjoint(other)
    return any(max(a, c) <= min(b, d) for a, b in one for c, d in other)
