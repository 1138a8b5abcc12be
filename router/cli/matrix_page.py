"""A decision table as one page of HTML that needs nothing else, not even a script."""

from __future__ import annotations

import hashlib
from html import escape
from math import prod
from typing import TYPE_CHECKING

from router.checks.table_facts import in_words
from router.cli.matrix_text import facts, label, plain
from router.cli.page import alone
from router.compile.grid import headings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router.compile.grid import Edge, GridCell, Matrix, Outcome

# Degrees that are easy to tell apart, none of them a warning's red; the style has two shades of each.
HUES = (25, 48, 80, 135, 168, 192, 215, 262, 295, 328)
NO_RULE = "no rule"
STYLE = """\
:root { color-scheme: light dark; --ink: #16181d; --page: #fff; --line: #c9ccd3; --head: #f2f3f5; --soft: #4b4f58; }
body { font: 15px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: .9rem; margin: 1.2rem 0 0; }
p { margin: .3rem 0 1.2rem; color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .4rem .6rem; text-align: start; vertical-align: top; }
th { background: var(--head); font-weight: 600; max-width: 14rem; overflow-wrap: break-word; }
th small { display: block; font-weight: 400; color: var(--soft); }
td { min-width: 9rem; max-width: 22rem; overflow-wrap: break-word; }
td.several { padding: 0; background: var(--head); }
td.several > div { padding: .4rem .6rem; }
td.several > div + div { border-top: 1px dashed var(--line); }
.model { background: hsl(var(--hue) 65% calc(90% - 10% * var(--step))); }
.gap { background: repeating-linear-gradient(45deg, #fff 0 7px, #f3c9c9 7px 9px); font-style: italic; }
.gap b { background: #fff; padding: 0 .25rem; }
.then, .when { display: block; }
.when { font-size: .85em; }
details { font-size: .85em; margin-top: .15rem; }
summary { cursor: pointer; }
dl { margin: .3rem 0 0; display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; }
dd { margin: 0; overflow-wrap: anywhere; }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: .4rem 0 0; }
li { border: 1px solid var(--line); padding: .15rem .6rem; border-radius: .3rem; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceef2; --page: #14161a; --line: #444953; --head: #1f2329; --soft: #b3b8c2; }
  .model { background: hsl(var(--hue) 45% calc(17% + 8% * var(--step))); }
  .gap { background: repeating-linear-gradient(45deg, #14161a 0 7px, #6b2e2e 7px 9px); }
  .gap b { background: #14161a; }
}
@media print { body { margin: 0; } .model, .gap { print-color-adjust: exact; } }
"""


def page(found: Matrix) -> str:
    """Return the page of a table."""
    title = plain(found.name or found.file)
    shades = colours(
        {each.first for row in found.cells for cell in row for each in cell.outcomes if each.first}
    )
    lines = [
        f"<h1>{_name(title)}</h1>",
        f"<p>{_name(facts(found))}</p>",
        '<div class="wide">',
        "<table>",
        "<thead>",
        *_tops(found),
        "</thead>",
        "<tbody>",
        *_rows(found, shades),
        "</tbody>",
        "</table>",
        "</div>",
        *_legend(found, shades),
    ]
    return alone(f"{title}: decision table", STYLE, lines)


def colours(models: set[str]) -> dict[str, str]:
    """Return the style of each model, the same on every page; two of one page that meet move apart."""
    shades = [f"--hue:{hue};--step:{step}" for step in (0, 1) for hue in HUES]
    found: dict[str, str] = {}
    for model in sorted(models):
        start = hashlib.sha256(model.encode("utf-8", "surrogatepass")).digest()[0] % len(HUES)
        order = [*shades[start:], *shades[:start]]
        found[model] = next((each for each in order if each not in found.values()), order[0])
    return found


def _name(text: str) -> str:
    """Return text for the page; one that is written from right to left does not turn its neighbours round."""
    return f"<bdi>{escape(plain(text))}</bdi>"


def _tops(found: Matrix) -> Iterator[str]:
    depth = max(1, len(found.columns))
    corner = "".join(f'<th scope="col" rowspan="{depth}">{_name(edge.dimension)}</th>' for edge in found.rows)
    if not found.columns:
        yield f'<tr>{corner}<th scope="col">model</th></tr>'
    times = 1
    for level, edge in enumerate(found.columns):
        span = _below(found.columns, level)
        heads = "".join(
            f'<th scope="{"colgroup" if span > 1 else "col"}" colspan="{span}">'
            f"<small>{_name(edge.dimension)}</small>{_name(label(value))}</th>"
            for value in edge.values
        )
        yield f"<tr>{'' if level else corner}{heads * times}</tr>"
        times *= len(edge.values)


def _below(edges: Sequence[Edge], level: int) -> int:
    """Return how many headings stand under each one of a level."""
    return prod(len(edge.values) for edge in edges[level + 1 :])


def _rows(found: Matrix, shades: Mapping[str, str]) -> Iterator[str]:
    spans = [_below(found.rows, level) for level in range(len(found.rows))]
    for number, (row, cells) in enumerate(zip(headings(found.rows), found.cells, strict=True)):
        heads = [
            f'<th scope="{"rowgroup" if span > 1 else "row"}" rowspan="{span}">{_name(label(value))}</th>'
            for span, value in zip(spans, row.values(), strict=True)
            if number % span == 0
        ]
        yield f"<tr>{''.join(heads)}"
        yield from (_cell(cell, shades) for cell in cells)
        yield "</tr>"


def _cell(cell: GridCell, shades: Mapping[str, str]) -> str:
    where = plain(in_words(cell.call))
    if len(cell.outcomes) == 1:
        return f"<td{_marks(cell.outcomes[0], shades, where)}>{_outcome(cell.outcomes[0])}</td>"
    parts = [f"<div{_marks(each, shades, where)}>{_outcome(each)}</div>" for each in cell.outcomes]
    return f'<td class="several">{"".join(parts)}</td>'


def _marks(outcome: Outcome, shades: Mapping[str, str], where: str) -> str:
    """Return the attributes of an outcome's element: its colour, and everything about it on hover."""
    told = [where, *(f"{name}: {value}" for name, value in _facts(outcome))]
    title = f' title="{"&#10;".join(escape(plain(each)) for each in told)}"'
    if outcome.first is None:
        return f' class="gap"{title}'
    return f' class="model" style="{shades[outcome.first]}"{title}'


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.rule is None:
        yield "rule", "none matches"
        return
    yield "rule", outcome.rule
    yield "chain", ", then ".join(outcome.models)
    yield "temperature", "left to the endpoint" if outcome.temperature is None else str(outcome.temperature)
    yield "written at", str(outcome.at)


def _outcome(outcome: Outcome) -> str:
    conditions = "".join(f'<span class="when">when {_name(in_words(when))}</span>' for when in outcome.when)
    if outcome.rule is None:
        return f"<b>{NO_RULE}</b>{conditions}"
    first, *others = outcome.models
    chain = "".join(f'<span class="then">then {_name(each)}</span>' for each in others)
    rows = "".join(f"<dt>{name}</dt><dd>{_name(value)}</dd>" for name, value in _facts(outcome))
    heat = "" if outcome.temperature is None else f" · {escape(str(outcome.temperature))}"
    summary = f"<summary>{_name(outcome.rule)}{heat}</summary>"
    return f"<b>{_name(first)}</b>{chain}{conditions}<details>{summary}<dl>{rows}</dl></details>"


def _legend(found: Matrix, shades: Mapping[str, str]) -> Iterator[str]:
    yield "<h2>The model tried first</h2>"
    yield "<ul>"
    yield from (f'<li class="model" style="{shade}">{_name(model)}</li>' for model, shade in shades.items())
    if found.gaps:
        yield f'<li class="gap"><b>{NO_RULE}</b></li>'
    yield "</ul>"
