"""A benchmark as one page of HTML with charts (SVG) that needs nothing else, not even a script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from router.cli.bench_text import HEADS, basis, cells, notes, place, rate, seconds
from router.cli.page import alone
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.bench.figures import Benchmark, Measured

SHOWN = 60
# Units of the drawing: the chart's width, where bars begin and end, and the height of a row.
WIDTH, LEFT, RIGHT, ROW = 760, 250, 660, 28
RADIUS, LINES, NAME = 4, 4, 34
STYLE = """\
:root { color-scheme: light dark; --ink: #16181d; --page: #fff; --line: #c9ccd3; --head: #f2f3f5; --soft: #4b4f58; --bar: #2f6fb3; --dot: #7a5bb0; }
body { font: 15px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .3rem 0; color: var(--soft); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: end; }
th { background: var(--head); font-weight: 600; }
td { white-space: nowrap; }
th[scope=row] { text-align: start; font-weight: 400; min-width: 8rem; max-width: 24rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; min-width: 32rem; max-width: 60rem; height: auto; font: 13px system-ui, sans-serif; }
text { fill: var(--ink); dominant-baseline: central; }
.name { text-anchor: end; }
.tick { fill: var(--soft); font-size: 11px; text-anchor: middle; }
.grid { stroke: var(--line); }
.bar { fill: var(--bar); }
.dot { fill: var(--dot); fill-opacity: .55; }
.middle { stroke: var(--ink); stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceef2; --page: #14161a; --line: #444953; --head: #1f2329; --soft: #b3b8c2; --bar: #6aa5e3; --dot: #b194e6; }
}
@media print { body { margin: 0; } svg { print-color-adjust: exact; } }
"""


def page(found: Benchmark, file: str) -> str:
    """Return the page of a benchmark.

    Args:
        found: The benchmark.
        file: The configuration's name.
    """
    title = f"Speed of the models of {printable(file, 100)}"
    lines = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(basis(found))}</p>",
        *_bars(found.measured),
        *_dots("Time to the first content", [(each, _firsts(each), each.first) for each in found.measured]),
        *_dots("Time of a whole answer", [(each, _wholes(each), each.seconds) for each in found.measured]),
        *_table(found),
        *(f"<p>{escape(note)}</p>" for note in notes(found)),
    ]
    return alone(title, STYLE, lines)


def _firsts(each: Measured) -> list[float]:
    return [run.first for run in each.answered if run.first is not None]


def _wholes(each: Measured) -> list[float]:
    return [run.seconds for run in each.answered]


def _bars(places: Sequence[Measured]) -> Iterator[str]:
    """Draw tokens per second, a bar for each place."""
    rows = [(each, each.rate) for each in places if each.rate][:SHOWN]
    if not rows:
        return
    most = max(value for _, value in rows)
    yield "<h2>Tokens per second</h2>"
    yield from _opened("Tokens per second", len(rows))
    for number, (each, value) in enumerate(rows):
        width = value / most * (RIGHT - LEFT)
        yield _name(each, number)
        yield f'<rect class="bar" x="{LEFT}" y="{number * ROW + 5}" width="{width:.1f}" height="{ROW - 10}" rx="2"/>'
        yield f'<text x="{LEFT + width + 6:.1f}" y="{_middle(number)}">{escape(rate(value))}</text>'
    yield "</svg></div>"


def _dots(title: str, rows: list[tuple[Measured, list[float], float | None]]) -> Iterator[str]:
    """Draw a dot for each answer of a place, and a line at their median."""
    shown = [(each, values, middle) for each, values, middle in rows if values and middle is not None][:SHOWN]
    most = max((max(values) for _, values, _ in shown), default=0.0)
    if not most:
        return
    yield f"<h2>{title}</h2>"
    yield "<p>A dot for each answer, a line at the median.</p>"
    yield from _opened(title, len(shown), axis=True)
    foot = len(shown) * ROW
    for step in range(LINES + 1):
        at = LEFT + (RIGHT - LEFT) * step / LINES
        yield f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{foot}"/>'
        shown_at = seconds(most * step / LINES) if step else "0"
        yield f'<text class="tick" x="{at:.1f}" y="{foot + 12}">{escape(shown_at)}</text>'
    for number, (each, values, middle) in enumerate(shown):
        yield _name(each, number)
        for value in values:
            yield f'<circle class="dot" cx="{_across(value, most):.1f}" cy="{_middle(number)}" r="{RADIUS}"/>'
        at = _across(middle or 0.0, most)
        top = number * ROW + 5
        yield f'<line class="middle" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + ROW - 10}"/>'
        yield f'<text x="{RIGHT + 12}" y="{_middle(number)}">{escape(seconds(middle))}</text>'
    yield "</svg></div>"


def _opened(title: str, rows: int, *, axis: bool = False) -> Iterator[str]:
    height = rows * ROW + (24 if axis else 0)
    yield f'<div class="wide"><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'


def _across(value: float, most: float) -> float:
    return LEFT + value / most * (RIGHT - LEFT)


def _middle(number: int) -> int:
    return number * ROW + ROW // 2


def _name(each: Measured, number: int) -> str:
    """Return the label of a row; its whole name on hover."""
    whole = place(each)
    short = whole
    if len(whole) > NAME:
        tail = f"… at {printable(each.endpoint, NAME // 2)}"
        short = f"{printable(each.model, 60)[: NAME - len(tail)]}{tail}"
    return f'<text class="name" x="{LEFT - 8}" y="{_middle(number)}">{escape(short)}<title>{escape(whole)}</title></text>'


def _table(found: Benchmark) -> Iterator[str]:
    if not found.measured:
        return
    yield "<h2>Table</h2>"
    yield '<div class="wide"><table>'
    heads = "".join(f'<th scope="col">{escape(head.capitalize())}</th>' for head in HEADS)
    yield f"<thead><tr>{heads}</tr></thead>"
    yield "<tbody>"
    for each in found.measured:
        name, *rest = (printable(cell, 100) for cell in cells(each))
        values = "".join(f"<td><bdi>{escape(cell or '-')}</bdi></td>" for cell in rest)
        yield f'<tr><th scope="row"><bdi>{escape(name)}</bdi></th>{values}</tr>'
    yield "</tbody></table></div>"
