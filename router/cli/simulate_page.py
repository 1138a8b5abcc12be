"""What became of recorded calls as one page of HTML with charts that needs nothing else, not even a script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from router.cli.diff_text import decision, percent
from router.cli.page import alone
from router.cli.simulate_text import cost, headline, notes, place_name, places, rows, seconds, sides
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from router.compile.fate import Sums, Tally
    from router.compile.recorded import Place
    from router.compile.simulate import Simulation

BARS = 30
MOVES = 50
WIDTH, NAME, VALUE, LINE = 900, 240, 150, 18
EDGES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
HIGH = 160
STYLE = """\
:root { color-scheme: light dark; --ink: #16181d; --page: #fff; --line: #c9ccd3; --head: #f2f3f5; --soft: #4b4f58; --side0: #8a929e; --side1: #2f6fb3; --side2: #b5622b; }
body { font: 15px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .3rem 0; color: var(--soft); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: end; }
th { background: var(--head); font-weight: 600; max-width: 24rem; overflow-wrap: anywhere; }
th[scope=row], td.words { text-align: start; font-weight: 400; }
svg { display: block; max-width: 60rem; width: 100%; height: auto; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); }
.side0 { fill: var(--side0); background: var(--side0); } .side1 { fill: var(--side1); background: var(--side1); } .side2 { fill: var(--side2); background: var(--side2); }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; margin: .6rem 0; }
li i { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin-inline-end: .4rem; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceef2; --page: #14161a; --line: #444953; --head: #1f2329; --soft: #b3b8c2; --side0: #7d8590; --side1: #6aa5e3; --side2: #e09a63; }
}
@media print { body { margin: 0; } rect, li i { print-color-adjust: exact; } }
"""


def page(found: Simulation, config: str, against: str | None) -> str:
    """Return the page.

    Args:
        found: What became of the calls.
        config: The configuration's name.
        against: The name of the one that it is compared with, or None.
    """
    shown = sides(found)
    title = f"Simulation of {printable(config)}"
    return alone(
        title,
        STYLE,
        [
            f"<h1>{escape(title)}</h1>",
            f"<p>{escape(headline(found, config, against))}</p>",
            *(f"<p>{escape(note)}</p>" for note in notes(found)),
            "<ul>",
            *_legend(shown, config, against),
            "</ul>",
            *_bars("Calls answered", shown, _calls),
            *_bars("Dollars", shown, _dollars),
            *_times(shown),
            "<h2>Sums</h2>",
            *_table([("", *(name for name, _ in shown)), *rows([tally for _, tally in shown])]),
            "<h2>Models at endpoints</h2>",
            *_table(places(shown)),
            *_moves(found),
        ],
    )


def _legend(shown: Sequence[tuple[str, Tally]], config: str, against: str | None) -> Iterator[str]:
    files = {"after": printable(config), "before": printable(against or "")}
    for number, name in _numbered(shown):
        words = f"{name}: {files[name]}" if name in files else name
        yield f'<li><i class="side{number}"></i><bdi>{escape(words)}</bdi></li>'


def _numbered(shown: Sequence[tuple[str, Tally]]) -> list[tuple[int, str]]:
    """Return the sides with the numbers of their colours: the configuration's own is the same on every page."""
    numbers = [0, 2, 1] if len(shown) == 3 else [0, 1]  # noqa: PLR2004 - recorded, before, after
    return list(zip(numbers[-len(shown) :], (name for name, _ in shown), strict=True))


def _calls(tally: Tally, place: Place, sums: Sums) -> tuple[float, str]:
    return sums.calls, f"{sums.calls:,} ({percent(tally.share(place))})"


def _dollars(_tally: Tally, _place: Place, sums: Sums) -> tuple[float, str]:
    return sums.cost, cost(sums.cost, sums.unpriced)


def _bars(
    title: str,
    shown: Sequence[tuple[str, Tally]],
    measured: Callable[[Tally, Place, Sums], tuple[float, str]],
) -> Iterator[str]:
    """Yield a chart with a bar for each model at an endpoint and each side."""
    order: dict[Place, None] = {}
    for _, tally in reversed(shown):
        order.update(dict.fromkeys(place for place, _ in tally.ordered()))
    names = list(order)[:BARS]
    values = {
        (place, number): measured(tally, place, tally.places[place])
        for (number, _), (_, tally) in zip(_numbered(shown), shown, strict=True)
        for place in names
        if place in tally.places
    }
    most = max((size for size, _ in values.values()), default=0)
    if not most:
        return
    yield f"<h2>{title}</h2>"
    step = LINE * len(shown) + 10
    yield f'<svg viewBox="0 0 {WIDTH} {step * len(names)}" role="img" aria-label="{title}">'
    for row, place in enumerate(names):
        name = place_name(place)
        short = name if len(name) <= 32 else f"{name[:31]}…"  # noqa: PLR2004 - what the column holds
        top = row * step
        yield f'<text x="0" y="{top + step / 2}"><title>{escape(name)}</title>{escape(short)}</text>'
        for line, (number, _) in enumerate(_numbered(shown)):
            size, words = values.get((place, number), (0, ""))
            wide = max(1.0, size / most * (WIDTH - NAME - VALUE)) if size else 0.0
            y = top + line * LINE + 4
            yield f'<rect class="side{number}" x="{NAME}" y="{y}" width="{wide:.1f}" height="{LINE - 4}" rx="2"/>'
            if words:
                yield f'<text class="soft" x="{NAME + wide + 6:.1f}" y="{y + LINE - 7}">{escape(words)}</text>'
    yield "</svg>"
    if len(order) > BARS:
        yield f"<p>The first {BARS} of {len(order):,}; the table has all.</p>"


def _times(shown: Sequence[tuple[str, Tally]]) -> Iterator[str]:
    """Yield a chart of how long calls take: a group of columns for each span of time."""
    parts = [(tally.times.parts(list(EDGES)), tally.times.count) for _, tally in shown]
    shares = [[count / whole if whole else 0.0 for count in counts] for counts, whole in parts]
    most = max((share for each in shares for share in each), default=0.0)
    if not most:
        return
    names = [f"≤ {seconds(edge)}" for edge in EDGES] + [f"> {seconds(EDGES[-1])}"]
    step = WIDTH / len(names)
    wide = (step - 14) / len(shown)
    yield "<h2>How long calls take</h2>"
    yield f'<svg viewBox="0 0 {WIDTH} {HIGH + 44}" role="img" aria-label="How long calls take">'
    for column, name in enumerate(names):
        for line, (number, _) in enumerate(_numbered(shown)):
            share = shares[line][column]
            high = share / most * HIGH
            x = column * step + line * wide
            yield (
                f'<rect class="side{number}" x="{x:.1f}" y="{HIGH + 16 - high:.1f}" width="{max(wide - 2, 1):.1f}"'
                f' height="{high:.1f}"><title>{escape(f"{name}: {percent(share)}")}</title></rect>'
            )
        yield f'<text class="soft" x="{column * step:.1f}" y="{HIGH + 34}">{escape(name)}</text>'
    yield "</svg>"


def _table(table: Sequence[tuple[str, ...]]) -> Iterator[str]:
    heads, *body = table
    yield '<div class="wide">'
    yield "<table>"
    tops = "".join(f'<th scope="col"><bdi>{escape(head)}</bdi></th>' for head in heads)
    yield f"<thead><tr>{tops}</tr></thead>"
    yield "<tbody>"
    for name, *cells in body:
        values = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        yield f'<tr><th scope="row"><bdi>{escape(name)}</bdi></th>{values}</tr>'
    yield "</tbody>"
    yield "</table>"
    yield "</div>"


def _moves(found: Simulation) -> Iterator[str]:
    if not found.moves:
        return
    yield "<h2>Decisions that change</h2>"
    yield '<div class="wide">'
    yield "<table>"
    yield '<thead><tr><th scope="col">calls</th><th scope="col">before</th><th scope="col">after</th></tr></thead>'
    yield "<tbody>"
    for move in found.moves[:MOVES]:
        words = (escape(printable(decision(each))) for each in (move.before, move.after))
        cells = "".join(f'<td class="words"><bdi>{each}</bdi></td>' for each in words)
        yield f"<tr><td>{move.calls:,}</td>{cells}</tr>"
    yield "</tbody>"
    yield "</table>"
    yield "</div>"
    if len(found.moves) > MOVES:
        yield f"<p>The first {MOVES} of {len(found.moves):,} ways.</p>"
