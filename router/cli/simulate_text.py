"""What became of recorded calls, for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from router.cli.costs_text import dollars
from router.cli.diff_text import decision, percent
from router.core.units import show_duration
from router.core.usage import from_nano
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.compile.fate import Tally
    from router.compile.recorded import Place
    from router.compile.simulate import Simulation

SHOWN_MOVES = 10
NOTHING = "-"


def sides(found: Simulation) -> list[tuple[str, Tally]]:
    """Return what is compared, each under its name: what happened, the configuration before, the configuration."""
    named = [("recorded", found.recorded), ("before", found.before), ("after", found.after)]
    return [(name, tally) for name, tally in named if tally is not None]


def human(found: Simulation, config: str, against: str | None) -> str:
    """Return the text.

    Args:
        found: What became of the calls.
        config: The configuration's name.
        against: The name of the one that it is compared with, or None.
    """
    shown = sides(found)
    return "\n".join(
        [
            headline(found, config, against),
            *changes(found),
            "",
            *_aligned([("", *(name for name, _ in shown)), *rows([tally for _, tally in shown])]),
            "",
            *_aligned(places(shown[-2:])),
            *(("", *told) if (told := list(notes(found))) else ()),
        ]
    )


def headline(found: Simulation, config: str, against: str | None) -> str:
    """Return what matters most: how many calls are decided otherwise."""
    calls = f"{found.calls:,} call{'s' if found.calls != 1 else ''}"
    when = ""
    if found.began is not None and found.until is not None:
        first, last = (
            f"{datetime.fromtimestamp(each, UTC):%Y-%m-%d %H:%M}" for each in (found.began, found.until)
        )
        when = f" of {first} to {last} UTC" if first != last else f" of {first} UTC"
    if found.changed is None:
        return f"{calls}{when} through {printable(config)}"
    than = f"by {printable(against)}" if against is not None else "when they were made"
    if not found.changed:
        return f"{calls}{when}: {printable(config)} decides all of them as {than}"
    share = percent(found.share or 0.0)
    return f"{calls}{when}: {printable(config)} decides {found.changed:,} otherwise than {than} ({share})"


def changes(found: Simulation) -> Iterator[str]:
    """Yield the decisions that change, most calls first."""
    for move in found.moves[:SHOWN_MOVES]:
        before, after = decision(move.before), decision(move.after)
        same = move.before.models == move.after.models and not (move.before.refused or move.after.refused)
        yield f"  {move.calls:,}: {before} -> {after}{', with other options' if same else ''}"
    if len(found.moves) > SHOWN_MOVES:
        others = found.moves[SHOWN_MOVES:]
        yield f"  {sum(each.calls for each in others):,}: in {len(others)} other way{'s' if len(others) > 1 else ''}"
    if found.changed is not None and found.elsewhere:
        yield f"  {found.elsewhere:,} calls end at another model or endpoint, or otherwise"


def rows(tallies: Sequence[Tally]) -> list[tuple[str, ...]]:
    """Return a row for each sum that somebody has: its name, and a text for each side."""
    found = [
        ("answered", *(_counted(each, each.answered) for each in tallies)),
        ("from the cache", *(_counted(each, each.cached) for each in tallies)),
        ("degraded", *(_counted(each, each.degraded) for each in tallies)),
        ("failed", *(_counted(each, each.failed.total()) for each in tallies)),
        ("refused", *(_counted(each, each.refused.total()) for each in tallies)),
    ]
    reasons = dict.fromkeys(reason for each in tallies for reason in each.refused)
    found += [
        (f"  {printable(reason.in_words)}", *(_counted(each, each.refused[reason]) for each in tallies))
        for reason in reasons
    ]
    budgets = dict.fromkeys(name for each in tallies for name in each.redirected)
    found += [
        (
            f"budget `{printable(name)}`: another model",
            *(_counted(each, each.redirected[name]) for each in tallies),
        )
        for name in budgets
    ]
    kept = [row for row in found if row[0] == "answered" or any(cell != NOTHING for cell in row[1:])]
    return [*kept, *_measured(tallies)]


def _measured(tallies: Sequence[Tally]) -> list[tuple[str, ...]]:
    found = [
        ("cost", *(cost(each.cost, each.unpriced) for each in tallies)),
        ("a call", *(dollars(from_nano(each.cost) / max(1, each.calls)) for each in tallies)),
        (
            "saved by the cache",
            *(dollars(from_nano(each.saved)) if each.saved else NOTHING for each in tallies),
        ),
        ("time, half of the calls", *(seconds(each.times.at(0.5)) for each in tallies)),
        ("time, 95 % of the calls", *(seconds(each.times.at(0.95)) for each in tallies)),
        ("slowest call at worst", *(seconds(each.worst_seconds or None) for each in tallies)),
        ("cost at worst", *(_worst(each) for each in tallies)),
    ]
    return [row for row in found if any(cell != NOTHING for cell in row[1:])]


def places(shown: Sequence[tuple[str, Tally]]) -> list[tuple[str, ...]]:
    """Return a table of models at endpoints: calls, their share and dollars, for each side."""
    order: dict[Place, None] = {}
    for _, tally in reversed(shown):
        order.update(dict.fromkeys(place for place, _ in tally.ordered()))
    heads = (
        "model at endpoint",
        *(f"{name}: {head}" for name, _ in shown for head in ("calls", "cost", "half, 95 %")),
    )
    return [heads, *((place_name(place), *_cells(place, shown)) for place in order)]


def place_name(place: Place) -> str:
    """Return how a deployment is told."""
    return f"{printable(place[0])} at {printable(place[1])}"


def _cells(place: Place, shown: Sequence[tuple[str, Tally]]) -> Iterator[str]:
    for _, tally in shown:
        sums = tally.places.get(place)
        if sums is None:
            yield from (NOTHING, NOTHING, NOTHING)
            continue
        yield f"{sums.calls:,} ({percent(tally.share(place))})"
        yield cost(sums.cost, sums.unpriced)
        times = sums.times
        yield f"{seconds(times.at(0.5))}, {seconds(times.at(0.95))}" if times.count else NOTHING


def notes(found: Simulation) -> Iterator[str]:
    """Yield what has to be known of the sums."""
    after = found.after
    if found.changed is None:
        yield "the log does not tell how its calls were decided: `--against OLD` compares with a configuration"
    if after.unpriced:
        yield f"{after.unpriced:,} calls have no known price or no known tokens: their cost is not in the sums"
    if after.untimed:
        yield f"{after.untimed:,} calls go where the log shows no answer: how long they take is unknown"
    if after.unbounded:
        yield f"{after.unbounded:,} calls have no bound to their cost: no price, or no max_tokens"
    if found.unknown:
        yield f"not dimensions or options there, left out: {', '.join(printable(each, 40) for each in found.unknown[:10])}"
    if found.bad:
        lines = "1 line is no call and is" if found.bad == 1 else f"{found.bad:,} lines are no calls and are"
        first = "; ".join(f"line {number}: {reason}" for number, reason in found.examples)
        yield f"{lines} left out ({first}{' ...' if found.bad > len(found.examples) else ''})"


def _counted(tally: Tally, count: int) -> str:
    return f"{count:,} ({percent(count / tally.calls)})" if count else NOTHING


def cost(nano: int, unknown: int) -> str:
    """Return dollars; `+ ?` where a part of them is unknown."""
    return f"{dollars(from_nano(nano))}{' + ?' if unknown else ''}"


def _worst(tally: Tally) -> str:
    if not tally.worst_seconds:
        return NOTHING
    return dollars(from_nano(tally.worst_cost)) if not tally.unbounded else "unbounded"


def seconds(time: float | None) -> str:
    """Return a time for a person."""
    return NOTHING if time is None else show_duration(float(f"{time:.2g}") if time < 10 else round(time))  # noqa: PLR2004


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
