"""The page of benchmarks: tables, what was aimed for, and a chart."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Compared = dict[str, tuple[float, float]]
HEAD = """\
# Benchmarks

Written by `make bench`: {day}, {machine}, load {load}; {versions}.

A server on the same machine answers at once. Every client has a process of its own; in each of {rounds} rounds all take a turn, in an order drawn anew.
Figures are medians; a ratio is the median of the ratios within a round, and tells more than any figure: it is what stays the same on another machine.
`floor` is a raw connection that knows where an answer ends and does the JSON, nothing else: no client can be faster. `router` has all its duties: rules, limits,
breakers, failover, deadline, usage and cost.

![One call, by client](benchmarks.svg)
"""
WIDTH, ROW, LEFT = 720, 26, 170


def written(
    table: Mapping[str, Compared],
    own: Mapping[str, float],
    about: Mapping[str, object],
    missing: Mapping[str, str],
) -> tuple[str, str]:
    """Return the page and its chart."""
    parts = [HEAD.format(**about)]
    crowds = (
        _section(f"{lanes} calls at once", table[f"{lanes} at once"], "µs a call", None)
        for lanes in (16, 128)
    )
    parts += [
        _section("One call", table["call"], "µs", table["call cpu"]),
        *crowds,
        _section("One streamed event", table["event"], "µs of the processor", None),
    ]
    parts.append(
        "## 1,000 calls of 50 ms at once\n\n| client | of the ideal |\n|---|---|\n"
        + "".join(
            f"| {name} | {share:.0%} |\n"
            for name, (_, share) in sorted(table["slow"].items(), key=lambda each: -each[1][1])
        )
    )
    parts.append(
        "## The router alone\n\n| what | figure |\n|---|---|\n"
        + "".join(f"| {name} | {_unit(name, value)} |\n" for name, value in own.items())
    )
    parts.append(_aims(table, own))
    if missing:
        parts.append(
            "## What could not run\n\n" + "".join(f"- {name}: {why}\n" for name, why in missing.items())
        )
    return "\n".join(parts), _chart(table["call"])


def _unit(name: str, value: float) -> str:
    if name in {"import", "loaded"}:
        return f"{value:.0f} ms of the processor"
    return f"{value:.0f} MiB" if name == "memory" else f"{value:.2f} µs"


def _section(title: str, found: Compared, unit: str, cpu: Compared | None) -> str:
    more = " | of the processor" if cpu is not None else ""
    lines = [
        f"## {title}\n",
        f"| client | {unit} | times the router's{more} |",
        f"|---|---|---|{'---|' if cpu else ''}",
    ]
    for name, (value, ratio) in sorted(found.items(), key=lambda each: each[1][0]):
        last = f" {cpu[name][0]:,.0f} |" if cpu is not None else ""
        shown = f"{value:,.1f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 - three digits are enough
        lines.append(f"| {name} | {shown} | {ratio:.2f} |{last}")
    return "\n".join([*lines, ""])


def _aims(table: Mapping[str, Compared], own: Mapping[str, float]) -> str:
    call, crowd = table["call"], table["128 at once"]
    rows: list[tuple[str, str, float | None, float, bool]] = [
        ("a routed call over the floor", "at most 2.0 x", _over(call, "floor"), 2.0, True),
        ("over httpx", "at most 0.1 x", _over(call, "httpx"), 0.1, True),
        ("over TensorZero's gateway in this process", "at most 0.2 x", _over(call, "tensorzero"), 0.2, True),
        ("over LiteLLM Router (priced)", "at most 0.0125 x", _over(call, "litellm"), 0.0125, True),
        (
            "LiteLLM Router's calls at 128 at once, in ours",
            "at least 100 x",
            crowd["litellm"][1] if "litellm" in crowd else None,
            100,
            False,
        ),
        (
            "1,000 in flight of 50 ms, of the ideal",
            "at least 75 %",
            table["slow"].get("router", (0, None))[1],
            0.75,
            False,
        ),
        (
            "a streamed event, microseconds of the processor",
            "at most 5",
            table["event"]["router"][0],
            5.0,
            True,
        ),
        ("a kept answer, microseconds", "at most 5", own["kept answer"], 5.0, True),
        (
            "a decision among 10,000 rules, microseconds",
            "at most 1",
            own["decision, 10,000 rules"],
            1.0,
            True,
        ),
        ("importing and loading five lines, milliseconds", "at most 100", own["loaded"], 100.0, True),
        ("memory then, MiB", "at most 40", own["memory"], 40.0, True),
    ]
    lines = ["## What was aimed for\n", "| measure | aim | found | |", "|---|---|---|---|"]
    for what, aim, value, bound, most in rows:
        if value is None:
            lines.append(f"| {what} | {aim} | not measured | |")
        else:
            good = value <= bound if most else value >= bound
            lines.append(f"| {what} | {aim} | {value:.3g} | {'reached' if good else 'missed'} |")
    return "\n".join([*lines, ""])


def _over(found: Compared, other: str) -> float | None:
    return 1 / found[other][1] if other in found else None


def _chart(found: Compared) -> str:
    """Return a chart of bars on a scale of powers of ten."""
    rows = sorted(found.items(), key=lambda each: each[1][0])
    least = 10 ** int(log10(rows[0][1][0]))
    span = log10(rows[-1][1][0] / least) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ROW * len(rows) + 40}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{ROW * len(rows) + 40}" fill="#fff"/>',
        '<text x="8" y="18" fill="#333">Microseconds for one call (the scale is logarithmic)</text>',
    ]
    for number, (name, (value, _)) in enumerate(rows):
        top = 30 + ROW * number
        length = max(2.0, log10(value / least) / span * (WIDTH - LEFT - 90))
        colour = "#1a7f5a" if name.startswith("router") else "#888"
        parts += [
            f'<text x="{LEFT - 8}" y="{top + 15}" text-anchor="end" fill="#222">{name}</text>',
            f'<rect x="{LEFT}" y="{top + 2}" width="{length:.1f}" height="{ROW - 8}" rx="2" fill="{colour}"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{top + 15}" fill="#222">{value:,.0f}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])
