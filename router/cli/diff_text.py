"""A difference between two configurations as a person reads it, and as a table for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.table_facts import in_words
from router.compile.extremes import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.compile.diff import Difference, RegionChange
    from router.compile.outcomes import Decision
    from router.compile.replay import Replay

SHOWN = 40
SHOWN_MOVES = 10


def human(found: Difference) -> Iterator[str]:
    """Yield a difference as lines of text."""
    if found.same:
        yield "no change in routing"
    else:
        yield f"routing changes for {percent(found.share)} of the table"
    for change in found.regions[:SHOWN]:
        yield f"  when {in_words(change.when)}  ({percent(change.share)})"
        if change.options:
            yield f"    {decision(change.before)}, with other options"
        else:
            yield f"    before  {decision(change.before)}"
            yield f"    after   {decision(change.after)}"
        worst = told(change.before.worst, change.after.worst)
        if worst:
            yield f"    at worst {worst}"
    if len(found.regions) > SHOWN:
        yield f"  and {len(found.regions) - SHOWN} more regions"
    yield from _rest(found)


def markdown(found: Difference) -> Iterator[str]:
    """Yield a difference as Markdown."""
    if found.same:
        yield "**No change in routing.**"
    else:
        yield f"**Routing changes for {percent(found.share)} of the table.**"
        yield ""
        yield "| calls | share | before | after |"
        yield "|---|---|---|---|"
        for change in found.regions[:SHOWN]:
            cells = (
                in_words(change.when),
                percent(change.share),
                decision(change.before),
                _after(change),
            )
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        if len(found.regions) > SHOWN:
            yield f"| and {len(found.regions) - SHOWN} more regions | | | |"
    rest = list(_rest(found))
    if rest:
        yield ""
        yield from (f"- {line}" for line in rest)


def _after(change: RegionChange) -> str:
    after = "the same, with other options" if change.options else decision(change.after)
    worst = told(change.before.worst, change.after.worst)
    return f"{after}, at worst {worst}" if worst else after


def _rest(found: Difference) -> Iterator[str]:
    yield from found.endpoints
    yield from found.policies[:SHOWN]
    if len(found.policies) > SHOWN:
        yield f"and {len(found.policies) - SHOWN} more rules changed"
    yield from found.settings
    yield from (each.in_words for each in found.prices)
    worst = told(found.before, found.after)
    if worst:
        yield f"worst call of the whole table: {worst}"


def replayed(found: Replay, name: str) -> Iterator[str]:
    """Yield how a log of calls would be decided."""
    yield f"{name}: {found.changed} of {found.calls} calls are decided otherwise ({percent(found.share)})"
    for move in found.moves[:SHOWN_MOVES]:
        yield f"  {move.calls}: {decision(move.before)} -> {decision(move.after)}"
    if len(found.moves) > SHOWN_MOVES:
        others = found.moves[SHOWN_MOVES:]
        ways = f"{len(others)} other ways" if len(others) > 1 else "another way"
        yield f"  {sum(move.calls for move in others)}: in {ways}"
    if found.bad:
        lines = "1 line is no call and is" if found.bad == 1 else f"{found.bad} lines are no calls and are"
        first = "; ".join(f"line {number}: {reason}" for number, reason in found.examples)
        yield f"  {lines} left out ({first}{' ...' if found.bad > len(found.examples) else ''})"


def decision(found: Decision) -> str:
    """Return a decision in words: its models in order, and by which rule; or why there is none."""
    if found.refused:
        return f"refused: {found.why or 'not a value there'}"
    if found.rule is None and not found.models:
        return "no rule matches"
    by = f"rule {found.rule}" if found.rule is not None else "named by the call"
    return f"{', then '.join(found.models)}  ({by})"


def percent(share: float) -> str:
    """Return a share that is never rounded to nothing or to everything."""
    found = share * 100
    if 0 < found < 0.1:  # noqa: PLR2004
        return "< 0.1 %"
    return "> 99.9 %" if 99.9 < found < 100 else f"{found:.1f} %".replace(".0 %", " %")  # noqa: PLR2004
