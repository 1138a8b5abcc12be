"""A report of costs as text: for a person, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING

from router.core.form import FORMAT_VERSION, json_text, tame
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.runtime.usage import UsageReport, UsageRow

HEADS = ("calls", "attempts", "input", "output", "cost", "a call", "saved")
BAR = 24
SMALL = Decimal("0.001")
EIGHTHS = " ▏▎▍▌▋▊▉"
NONE = "(none)"


def dollars(amount: Decimal | None) -> str:
    """Return dollars for a person, small sums with two digits that say something."""
    if amount is None:
        return "unknown"
    if amount == 0 or abs(amount) >= 1:
        return f"${amount:,.2f}"
    places = 4 if abs(amount) >= SMALL else 1 - amount.adjusted()
    return f"${amount:.{places}f}"


def label(row: UsageRow) -> str:
    """Return what a row is about."""
    return " · ".join(printable(each, 60) or NONE for each in row.by) or "all"


def shown_cost(row: UsageRow) -> str:
    """Return the cost of a row; `+ ?` where a part of it is unknown."""
    if row.cost is None or not row.unpriced_calls:
        return dollars(row.cost)
    return f"{dollars(row.cost)} + ?"


def cells(row: UsageRow) -> tuple[str, ...]:
    """Return a row as it is shown, without its label."""
    return (
        *(f"{number:,}" for number in (row.calls, row.attempts, row.input_tokens, row.output_tokens)),
        *(shown_cost(row), dollars(row.average), dollars(row.saved)),
    )


def notes(report: UsageReport) -> list[str]:
    """Return what has to be known of the sums."""
    found = []
    total = report.total
    if total.unpriced_calls:
        found.append(f"{total.unpriced_calls:,} calls have no known price: their cost is not in the sums")
    if total.estimated:
        found.append(f"the tokens of {total.estimated:,} attempts are estimated")
    return found


def human(report: UsageReport) -> str:
    """Return a table with bars."""
    body = [(label(row), *cells(row)) for row in report.rows]
    table = [(", ".join(report.names), *HEADS), *body, ("total", *cells(report.total))]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADS) + 1)]
    most = max((row.cost or 0 for row in report.rows), default=0)
    bars = ["", *(_bar(row.cost, most) for row in report.rows), ""]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + (f"  {bar}" if bar else "")
        for line, bar in zip(table, bars, strict=True)
    ]
    return "\n".join([*lines, *notes(report)])


def _bar(amount: Decimal | None, most: Decimal | int) -> str:
    if not amount or not most:
        return ""
    eighths = max(1, round(amount / most * BAR * 8))
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def markdown(report: UsageReport) -> str:
    """Return a table for a page."""
    heads = (", ".join(report.names) or "total", *HEADS)
    lines = [f"| {' | '.join(heads)} |", f"|---{'|--:' * len(HEADS)}|"]
    for name, row in (*((label(row), row) for row in report.rows), ("**total**", report.total)):
        escaped = name.replace("|", "\\|")
        lines.append(f"| {' | '.join((escaped, *cells(row)))} |")
    return "\n".join([*lines, *(f"\n{note}." for note in notes(report))])


def comma_separated(report: UsageReport) -> str:
    """Return the rows as CSV: exact dollars, empty where unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [*report.names, *(name for name in as_mapping(report.total) if name != "by")]
    writer.writerow(names)
    for row in report.rows or (report.total,):
        values = as_mapping(row)
        values.pop("by")
        writer.writerow([*map(_inert, row.by), *("" if each is None else each for each in values.values())])
    return text.getvalue().rstrip("\n")


def _inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, and no terminal for orders."""
    text = tame(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_mapping(row: UsageRow) -> dict[str, object]:
    """Return a row as `--format json` prints it; dollars are exact texts, null where unknown."""
    return {
        "by": list(row.by),
        "calls": row.calls,
        "attempts": row.attempts,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "usd": _exact(row.cost),
        "unpriced_calls": row.unpriced_calls,
        "saved_usd": _exact(row.saved),
        "estimated_attempts": row.estimated,
    }


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"


def as_json(report: UsageReport) -> str:
    """Return the object that `--format json` prints."""
    rows = [as_mapping(row) | {"by": dict(zip(report.names, row.by, strict=True))} for row in report.rows]
    total = as_mapping(report.total) | {"by": {}}
    return json_text(
        {"format_version": FORMAT_VERSION, "by": list(report.names), "rows": rows, "total": total}, 2
    )


PRINTED: dict[str, Callable[[UsageReport], str]] = {
    "human": human,
    "markdown": markdown,
    "csv": comma_separated,
    "json": as_json,
}
