"""A report of costs as one page of HTML with charts that needs nothing else, not even a script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from router.cli.costs_text import HEADS, cells, dollars, label, notes, shown_cost
from router.cli.page import alone
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.runtime.usage import UsageReport, UsageRow

BARS = 60
STYLE = """\
:root { color-scheme: light dark; --ink: #16181d; --page: #fff; --line: #c9ccd3; --head: #f2f3f5; --soft: #4b4f58; --bar: #2f6fb3; --tokens: #7a5bb0; }
body { font: 15px/1.4 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .3rem 0; color: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: end; }
th { background: var(--head); font-weight: 600; }
th[scope=row] { text-align: start; font-weight: 400; max-width: 24rem; overflow-wrap: anywhere; }
tfoot td, tfoot th { font-weight: 600; }
.chart { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr max-content; gap: .25rem .8rem; align-items: center; max-width: 60rem; }
.chart span { overflow-wrap: anywhere; }
.chart i { display: block; height: 1.1rem; background: var(--bar); min-width: 1px; border-radius: .15rem; }
.tokens i { background: var(--tokens); }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceef2; --page: #14161a; --line: #444953; --head: #1f2329; --soft: #b3b8c2; --bar: #6aa5e3; --tokens: #b194e6; }
}
@media print { body { margin: 0; } .chart i { print-color-adjust: exact; } }
"""


def page(report: UsageReport, ledger: str, since: str | None) -> str:
    """Return the page of a report.

    Args:
        report: The report.
        ledger: The ledger's name.
        since: From when on, as it was asked, or None.
    """
    title = f"Costs by {', '.join(report.names)}" if report.names else "Costs"
    facts = f"{printable(ledger)}{f', since {printable(since)}' if since else ''}"
    total = report.total
    lines = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(facts)}: {escape(shown_cost(total))} in {total.calls:,} calls, {escape(dollars(total.average))} a call</p>",
        *(f"<p>{escape(note)}</p>" for note in notes(report)),
        *_chart("Dollars", "", [(row, float(row.cost or 0), shown_cost(row)) for row in report.rows]),
        *_chart(
            "Tokens",
            " tokens",
            [
                (
                    row,
                    float(row.input_tokens + row.output_tokens),
                    f"{row.input_tokens + row.output_tokens:,}",
                )
                for row in report.rows
            ],
        ),
        "<h2>Table</h2>",
        '<div class="wide">',
        *_table(report),
        "</div>",
    ]
    return alone(title, STYLE, lines)


def _chart(title: str, kind: str, bars: list[tuple[UsageRow, float, str]]) -> Iterator[str]:
    most = max((size for _, size, _ in bars), default=0.0)
    if not most:
        return
    yield f"<h2>{title}</h2>"
    yield f'<div class="chart{kind}">'
    for row, size, shown in bars[:BARS]:
        yield (
            f"<span><bdi>{escape(label(row))}</bdi></span>"
            f'<i style="width:{size / most * 100:.2f}%"></i><span>{escape(shown)}</span>'
        )
    yield "</div>"
    if len(bars) > BARS:
        yield f"<p>The first {BARS} of {len(bars):,}; the table has all.</p>"


def _table(report: UsageReport) -> Iterator[str]:
    yield "<table>"
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in (", ".join(report.names), *HEADS))
    yield f"<thead><tr>{heads}</tr></thead>"
    yield "<tbody>"
    yield from (_line(label(row), row) for row in report.rows)
    yield "</tbody>"
    yield f"<tfoot>{_line('total', report.total)}</tfoot>"
    yield "</table>"


def _line(name: str, row: UsageRow) -> str:
    values = "".join(f"<td>{escape(cell)}</td>" for cell in cells(row))
    return f'<tr><th scope="row"><bdi>{escape(name)}</bdi></th>{values}</tr>'
