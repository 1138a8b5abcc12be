"""A benchmark as text: a table, the fastest first, and what went wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from router.bench.report import total_cost
from router.cli.costs_text import dollars
from router.cli.tables import table
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.bench.figures import Benchmark, Measured

HEADS = ("MODEL", "ENDPOINT", "TOKENS/S", "FIRST", "TOTAL", "IN", "OUT", "COST", "FAILED")
LONGEST = 200
MANY, SOME = 100, 10


def human(found: Benchmark) -> str:
    """Return the table, the reasons of what is not in it, and what the figures are of."""
    lines = [table(HEADS, [cells(each) for each in found.measured])] if found.measured else []
    return "\n".join([*lines, *notes(found)])


def cells(each: Measured) -> tuple[str, ...]:
    """Return the row of a place."""
    return (
        each.model,
        each.endpoint,
        rate(each.rate),
        seconds(each.first),
        seconds(each.seconds),
        f"{each.input_tokens:,}",
        f"{each.output_tokens:,}",
        dollars(each.cost),
        f"{len(each.failed)}/{len(each.failed) + len(each.answered)}" if each.failed else "",
    )


def notes(found: Benchmark) -> Iterator[str]:
    """Yield what has to be known of the figures, a line each."""
    for each in found.measured:
        counts = Counter(_line(run.error or "") for run in each.failed)
        for why, count in counts.items():
            times = f"{count} calls" if count > 1 else "a call"
            yield f"{place(each)}: {times} failed: {why}"
        if each.served is not None:
            yield f"{place(each)}: its server answers with `{printable(each.served, 60)}`, whatever it is asked for"
    for each in found.unavailable:
        yield f"{place(each)}: not measured: {_line(each.unavailable or '')}"
    if any(each.estimated for each in found.measured):
        names = ", ".join(place(each) for each in found.measured if each.estimated)
        yield f"tokens are estimated where the endpoint does not count them: {names}"
    if not found.finished:
        yield "interrupted: the figures are of what was measured until then"
    yield f"{basis(found)}; {dollars(total_cost(found))} in all"


def basis(found: Benchmark) -> str:
    """Return what the figures are of."""
    prompts = f"{len(found.prompts)} prompt{'s' if len(found.prompts) > 1 else ''}"
    times = f"{found.repeat} times each" if found.repeat > 1 else "once each"
    return f"{prompts}, {times}, {'after a warm-up' if found.warm_up else 'without a warm-up'}"


def place(each: Measured) -> str:
    """Return how messages call a place."""
    return f"{printable(each.model, 60)} at {printable(each.endpoint, 60)}"


def rate(value: float | None) -> str:
    """Return tokens per second for a person."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= MANY else f"{value:.1f}"


def seconds(value: float | None) -> str:
    """Return a time for a person."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 1000:.0f} ms" if value * 1000 >= SOME else f"{value * 1000:.2g} ms"
    return f"{value:.1f} s" if value >= SOME else f"{value:.2f} s"


def _line(text: str) -> str:
    return printable(" ".join(text.split()), LONGEST)
