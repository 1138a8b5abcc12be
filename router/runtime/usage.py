"""What was used and spent: the ledger's facts, summed up by whatever is asked."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from router.core.calendar import period_of
from router.core.errors import InvalidCall, RouterError
from router.core.frozen import dataclass
from router.core.usage import from_nano

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from router.core.calendar import Moment
    from router.runtime.engine import Engine

COLUMNS = ("model", "endpoint", "rule", "task", "user", "outcome")
TIMES = ("hour", "day", "month")
_SUMS = (
    "COUNT(DISTINCT call), SUM(outcome <> 'cached'), COALESCE(SUM(CASE WHEN outcome <> 'cached' THEN input END), 0),"
    " COALESCE(SUM(CASE WHEN outcome <> 'cached' THEN output END), 0), SUM(cost),"
    " COUNT(DISTINCT CASE WHEN cost IS NULL THEN call END), COALESCE(SUM(saved), 0), SUM(estimated)"
)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over some attempts.

    Attributes:
        by: What they have in common: the value of each thing that was asked; `""` where there is none.
        calls: Calls, those answered from the cache too.
        attempts: Attempts that were sent, failed and cancelled ones too.
        input_tokens: Tokens of prompts.
        output_tokens: Tokens of answers.
        cost: Dollars, as far as prices are known; None when none of them is.
        unpriced_calls: Calls of which a part has no known cost: `cost` lacks it.
        saved: Dollars that kept answers would have cost anew.
        estimated: Attempts whose tokens were estimated.
    """

    by: tuple[str, ...]
    calls: int
    attempts: int
    input_tokens: int
    output_tokens: int
    cost: Decimal | None
    unpriced_calls: int
    saved: Decimal
    estimated: int

    @property
    def average(self) -> Decimal | None:
        """Dollars a call, or None when the cost of some is unknown."""
        return (
            self.cost / self.calls
            if self.cost is not None and self.calls and not self.unpriced_calls
            else None
        )


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What was used and spent.

    Attributes:
        names: What the rows are told apart by: `model`, `day`, a dimension ...
        rows: A row for each combination there is, in the order of their values.
        total: The sums over all of them. A call that several rows share counts once.
    """

    names: tuple[str, ...]
    rows: tuple[UsageRow, ...]
    total: UsageRow

    @property
    def calls(self) -> int:
        """Calls, those answered from the cache too."""
        return self.total.calls

    @property
    def attempts(self) -> int:
        """Attempts that were sent."""
        return self.total.attempts

    @property
    def input_tokens(self) -> int:
        """Tokens of prompts."""
        return self.total.input_tokens

    @property
    def output_tokens(self) -> int:
        """Tokens of answers."""
        return self.total.output_tokens

    @property
    def cost(self) -> Decimal | None:
        """Dollars, as far as prices are known; None when none of them is."""
        return self.total.cost

    @property
    def unpriced_calls(self) -> int:
        """Calls of which a part has no known cost."""
        return self.total.unpriced_calls

    @property
    def saved(self) -> Decimal:
        """Dollars that kept answers would have cost anew."""
        return self.total.saved


def usage(
    db: sqlite3.Connection,
    by: Sequence[str],
    dimensions: Sequence[str],
    since: float | None = None,
    zone: str = "UTC",
) -> UsageReport:
    """Return what a ledger holds; attempts that are still under way are left out.

    Args:
        db: The ledger.
        by: What to tell rows apart by: model, endpoint, rule, task, user, outcome, hour, day, month, a dimension.
        dimensions: The dimensions there are.
        since: From when on, in seconds since 1970; None for everything.
        zone: Whose hours, days and months count.

    Raises:
        InvalidCall: Something cannot be told apart by.
    """
    legal = (*COLUMNS, *TIMES, *(name for name in dimensions if name not in COLUMNS))
    for name in by:
        if name not in legal:
            raise InvalidCall(f"usage cannot be told apart by `{name}`; legal: {', '.join(legal)}")
    for name in TIMES:
        db.create_function(name, 1, _named(name, zone), deterministic=True)
    keys = [_expression(name) for name in by]
    where = "FROM attempts WHERE state <> 'open' AND at >= ?"
    least = 0 if since is None else round(since * 1000)
    total = db.execute(f"SELECT {_SUMS} {where}", (least,)).fetchone()
    rows = []
    if keys:
        columns, places = ", ".join(keys), ", ".join(str(number) for number in range(1, len(keys) + 1))
        rows = db.execute(
            f"SELECT {columns}, {_SUMS} {where} GROUP BY {places} ORDER BY {places}",
            (*(f'$."{name}"' for name in by if name not in (*COLUMNS, *TIMES)), least),
        ).fetchall()
    count = len(keys)
    return UsageReport(
        tuple(by), tuple(_row(tuple(map(str, row[:count])), row[count:]) for row in rows), _row((), total)
    )


def reported(engine: Engine, since: Moment | float | None, by: Sequence[str]) -> UsageReport:
    """Return what the ledger of an engine holds.

    Raises:
        InvalidCall: Something cannot be told apart by, or `since` has no time zone.
        RouterError: The ledger cannot be read.
    """
    if since is None or isinstance(since, int | float):
        start = since
    elif since.tzinfo is None:
        raise InvalidCall("`since` has no time zone: write `datetime(..., tzinfo=UTC)`")
    else:
        start = since.timestamp()
    program, costs = engine.program, engine.spending
    zone = program.costs.zone if program.costs is not None else "UTC"
    try:
        return costs.scribe.read(lambda db: usage(db, by, program.spoken, start, zone))
    except sqlite3.Error as error:
        raise RouterError(f"the ledger cannot be read: {error}") from error


def _expression(name: str) -> str:
    if name in TIMES:
        return f"{name}(at)"
    if name in COLUMNS:
        return f"COALESCE({name}, '')"
    return "COALESCE(json_extract(dimensions, ?), '')"


def _named(per: str, zone: str) -> Callable[[int], str]:
    known: dict[int, str] = {}

    def name(at: int) -> str:
        quarter = at // 900_000  # offsets of zones are whole quarters of an hour
        found = known.get(quarter)
        if found is None:
            found = known[quarter] = period_of(at / 1000, per, zone).key  # type: ignore[arg-type]  # one of TIMES
        return found

    return name


def _row(by: tuple[str, ...], sums: tuple[int | None, ...]) -> UsageRow:
    calls, attempts, given, made, cost, unpriced, saved, estimated = sums
    return UsageRow(
        by,
        calls or 0,
        attempts or 0,
        given or 0,
        made or 0,
        from_nano(0) if not attempts else None if cost is None else from_nano(cost),
        unpriced or 0,
        from_nano(saved or 0),
        estimated or 0,
    )
