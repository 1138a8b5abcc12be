"""The ledger's tables and what is done to them: an attempt is reserved, then settled; sums follow the facts.

Every function takes an open connection of SQLite; those that write run inside a transaction of the caller's.
Money is whole billionths of a dollar; None is unknown and stays so.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from router.core.frozen import dataclass
from router.core.usage import Price, Usage, to_nano
from router.policy.budget import crossed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from router.policy.budget import Account
    from router.runtime.owners import Owner

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS attempts (
  id TEXT PRIMARY KEY, call TEXT NOT NULL, at INTEGER NOT NULL, owner TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'unknown')),
  model TEXT NOT NULL, endpoint TEXT NOT NULL, rule TEXT, task TEXT, user TEXT, dimensions TEXT NOT NULL,
  outcome TEXT, us INTEGER NOT NULL DEFAULT 0,
  input INTEGER, output INTEGER, cached INTEGER, reasoning INTEGER, estimated INTEGER NOT NULL DEFAULT 0,
  price TEXT, reserved INTEGER, cost INTEGER, saved INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attempts_at ON attempts (at);
CREATE INDEX IF NOT EXISTS attempts_open ON attempts (owner) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS charges (
  attempt TEXT NOT NULL, budget TEXT NOT NULL, who TEXT NOT NULL, period TEXT NOT NULL,
  PRIMARY KEY (attempt, budget)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS charges_account ON charges (budget, who, period);
CREATE TABLE IF NOT EXISTS accounts (
  budget TEXT NOT NULL, who TEXT NOT NULL, period TEXT NOT NULL,
  spent INTEGER NOT NULL, reserved INTEGER NOT NULL,
  PRIMARY KEY (budget, who, period)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
  owner TEXT PRIMARY KEY, machine TEXT NOT NULL, pid INTEGER NOT NULL, began TEXT NOT NULL, beat INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = (
    *(
        "id",
        "call",
        "at",
        "owner",
        "state",
        "model",
        "endpoint",
        "rule",
        "task",
        "user",
        "dimensions",
        "outcome",
    ),
    *("us", "input", "output", "cached", "reasoning", "estimated", "price", "reserved", "cost", "saved"),
)
_LATER = ("state", "outcome", "us", "input", "output", "cached", "reasoning", "estimated", "cost", "saved")
# Constants alone are put together; values never are.
_INSERT = f"INSERT INTO attempts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_UPDATE = f"UPDATE attempts SET {', '.join(f'{name} = ?' for name in _LATER)} WHERE id = ?"  # noqa: S608


class NewerLedger(sqlite3.DatabaseError):
    """The file was written by a later version of this package."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt on its way into the ledger.

    Attributes:
        id: Its own id.
        call: The id of the call.
        at: When it began, in milliseconds since 1970.
        model: Its model.
        endpoint: Its endpoint.
        rule: The rule that decided, or None.
        task: The call's task.
        user: Whose call it is, or None.
        dimensions: What the caller says of the call.
        price: What it is paid by, or None when unknown.
        reserved: What it may cost; None when unknown.
        accounts: What it is charged to.
    """

    id: str
    call: str
    at: int
    model: str
    endpoint: str
    rule: str | None
    task: str
    user: str | None
    dimensions: Mapping[str, object] = field(default_factory=dict)
    price: Price | None = None
    reserved: int | None = 0
    accounts: tuple[Account, ...] = ()


class Ended(NamedTuple):
    """How an attempt ended.

    Attributes:
        outcome: `ok`, `cancelled`, `hedge_lost`, `cached`, or the kind of error.
        us: Microseconds it took.
        usage: Its tokens, or None when there were none.
        cost: What it cost; None when unknown.
        saved: What an answer that was kept would have cost anew.
    """

    outcome: str
    us: int
    usage: Usage | None
    cost: int | None
    saved: int = 0


class Passed(NamedTuple):
    """A sum has passed a mark: `near` its limit, or wholly `spent`."""

    account: Account
    mark: str
    spent: int


class Full(NamedTuple):
    """A reservation that does not fit, and what is spent and reserved of that account already."""

    account: Account
    spent: int
    reserved: int


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables where there are none.

    Raises:
        NewerLedger: A later version wrote the file.
    """
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise NewerLedger(f"its format is {found}, this version reads up to {VERSION}: upgrade the package")
    if found < VERSION:
        for statement in SCHEMA.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")


def reserve(db: sqlite3.Connection, entry: Entry, owner: str) -> Full | None:
    """Write an attempt down before it is made, and hold what it may cost; return what it does not fit in, or None."""
    amount = entry.reserved or 0
    db.execute("SAVEPOINT reservation")
    for account in entry.accounts:
        _open_account(db, account)
        cap = account.budget.limit if account.enforced and amount else None
        taken = db.execute(
            "UPDATE accounts SET reserved = reserved + :amount WHERE budget = :budget AND who = :who"
            " AND period = :period AND (:cap IS NULL OR spent + reserved + :amount <= :cap)",
            {"amount": amount, "cap": cap, **_named(account.key)},
        )
        if not taken.rowcount:
            spent, reserved = _sums(db, account)
            db.execute("ROLLBACK TO reservation")
            db.execute("RELEASE reservation")
            return Full(account, spent, reserved)
    db.execute(_INSERT, _row(entry, owner, "open", Ended("", 0, None, None)))
    _charge(db, entry)
    db.execute("RELEASE reservation")
    return None


def settle(db: sqlite3.Connection, entry: Entry, ended: Ended, owner: str) -> list[Passed]:
    """Write down how an attempt ended, once; return the marks that its cost has passed."""
    row = db.execute("SELECT state, reserved, cost FROM attempts WHERE id = ?", (entry.id,)).fetchone()
    if row is not None and row[0] == "settled":
        return []
    held, counted = 0, 0
    if row is None:
        for account in entry.accounts:
            _open_account(db, account)
        db.execute(_INSERT, _row(entry, owner, "settled", ended))
        _charge(db, entry)
    else:
        held, counted = ((row[1] or 0), 0) if row[0] == "open" else (0, row[2] or 0)
        db.execute(_UPDATE, (*_later("settled", ended), entry.id))
    passed = []
    change = (ended.cost or 0) - counted
    for account in entry.accounts:
        _book(db, account.key, change, -held)
        after = _sums(db, account)[0]
        mark = crossed(account.budget.limit, after - change, after)
        if mark is not None:
            passed.append(Passed(account, mark, after))
    return passed


def release(db: sqlite3.Connection, entry: Entry) -> None:
    """Take back an attempt that was written down and never made."""
    row = db.execute("SELECT reserved FROM attempts WHERE id = ? AND state = 'open'", (entry.id,)).fetchone()
    if row is None:
        return
    for account in entry.accounts:
        _book(db, account.key, 0, -(row[0] or 0))
    db.execute("DELETE FROM charges WHERE attempt = ?", (entry.id,))
    db.execute("DELETE FROM attempts WHERE id = ?", (entry.id,))


def enrol(db: sqlite3.Connection, owner: Owner) -> None:
    """Take note of who writes here, and settle what writers that are gone have left open."""
    db.execute(
        "INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, CAST(strftime('%s', 'now') AS INTEGER))",
        (owner.name, owner.machine, owner.pid, owner.began),
    )
    rows = db.execute(
        "SELECT owner, machine, pid, began, CAST(strftime('%s', 'now') AS INTEGER) - beat FROM owners WHERE owner <> ?",
        (owner.name,),
    ).fetchall()
    for name, machine, pid, began, silent in rows:
        if owner.gone(machine, pid, began, silent):
            orphaned(db, name)


def orphaned(db: sqlite3.Connection, owner: str) -> None:
    """Count what a writer left open at what it may have cost: how it ended is unknown."""
    left = "SELECT id, reserved FROM attempts WHERE owner = ? AND state = 'open'"
    for attempt, reserved in db.execute(left, (owner,)).fetchall():
        keys = db.execute("SELECT budget, who, period FROM charges WHERE attempt = ?", (attempt,)).fetchall()
        for key in keys:
            _book(db, key, reserved or 0, -(reserved or 0))
        db.execute(
            "UPDATE attempts SET state = 'unknown', outcome = 'unknown', cost = reserved, estimated = 1"
            " WHERE id = ?",
            (attempt,),
        )
    db.execute("DELETE FROM owners WHERE owner = ?", (owner,))


def beat(db: sqlite3.Connection, owner: str) -> None:
    """Say that a writer with attempts under way is alive."""
    db.execute(
        "UPDATE owners SET beat = CAST(strftime('%s', 'now') AS INTEGER) WHERE owner = ?"
        " AND EXISTS (SELECT 1 FROM attempts WHERE owner = ? AND state = 'open')",
        (owner, owner),
    )


def leave(db: sqlite3.Connection, owner: str) -> None:
    """Strike out a writer that has nothing left open."""
    db.execute(
        "DELETE FROM owners WHERE owner = ?"
        " AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.owner = owners.owner AND state = 'open')",
        (owner,),
    )


def prune(db: sqlite3.Connection, keep: int) -> None:
    """Forget the oldest attempts beyond so many; the sums of budgets stay."""
    more = db.execute("SELECT COUNT(*) FROM attempts").fetchone()[0] - keep
    if more > 0:
        oldest = "SELECT id FROM attempts WHERE state = 'settled' ORDER BY at LIMIT ?"
        db.execute(f"DELETE FROM charges WHERE attempt IN ({oldest})", (more,))  # noqa: S608 - a constant
        db.execute(f"DELETE FROM attempts WHERE id IN ({oldest})", (more,))  # noqa: S608 - a constant


def verify(db: sqlite3.Connection) -> Iterator[str]:
    """Recompute every cost and every sum; yield what does not agree."""
    db.execute("BEGIN")
    try:
        yield from (text for (text,) in db.execute("PRAGMA integrity_check") if text != "ok")
        yield from _wrong_costs(db)
        yield from _wrong_sums(db)
    finally:
        db.execute("ROLLBACK")


def _wrong_costs(db: sqlite3.Connection) -> Iterator[str]:
    rows = db.execute(
        "SELECT id, us, input, output, cached, price, cost FROM attempts"
        " WHERE state = 'settled' AND price IS NOT NULL AND outcome <> 'cached'"
    )
    for attempt, us, given, made, cached, price, cost in rows:
        paid = _price(price)
        usage = Usage() if given is None else Usage(given, made, cached)
        wanted = to_nano(paid.cost(usage, us / 10**6))
        if wanted != cost:
            yield f"attempt {attempt}: its cost is written as {cost}, its tokens cost {wanted}"


def _wrong_sums(db: sqlite3.Connection) -> Iterator[str]:
    facts = db.execute(
        "SELECT budget, who, period, SUM(CASE WHEN state = 'open' THEN 0 ELSE COALESCE(cost, 0) END),"
        " SUM(CASE WHEN state = 'open' THEN COALESCE(reserved, 0) ELSE 0 END)"
        " FROM charges JOIN attempts ON id = attempt GROUP BY budget, who, period"
    )
    counted = {tuple(row[:3]): tuple(row[3:]) for row in facts}
    for *key, spent, reserved in db.execute("SELECT budget, who, period, spent, reserved FROM accounts"):
        wanted = counted.pop(tuple(key), (0, 0))
        if wanted != (spent, reserved):
            account = " ".join(filter(None, key))
            yield (
                f"budget {account}: {spent} spent and {reserved} reserved are written, "
                f"its attempts sum up to {wanted[0]} and {wanted[1]}"
            )
    yield from (f"budget {' '.join(filter(None, map(str, key)))}: its sum is missing" for key in counted)


def _open_account(db: sqlite3.Connection, account: Account) -> None:
    """Make an account where there is none; what was spent in its time before counts."""
    made = db.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?, ?, 0, 0)", account.key)
    if not made.rowcount:
        return
    each, period = account.budget.each, account.period
    path = f'$."{each}"'
    db.execute(
        "INSERT OR IGNORE INTO charges SELECT id, :budget, :who, :period FROM attempts WHERE at >= :start AND at < :end"
        " AND (:each IS NULL OR COALESCE(CASE :each WHEN 'user' THEN user"
        " ELSE json_extract(dimensions, :path) END, '') = :who)",
        {
            **_named(account.key),
            "each": each,
            "path": path,
            "start": round(period.start * 1000),
            "end": min(period.end * 1000, 2.0**62),
        },
    )
    db.execute(
        "UPDATE accounts SET (spent, reserved) = (SELECT"
        " COALESCE(SUM(CASE WHEN state = 'open' THEN 0 ELSE cost END), 0),"
        " COALESCE(SUM(CASE WHEN state = 'open' THEN attempts.reserved ELSE 0 END), 0)"
        " FROM charges JOIN attempts ON id = attempt WHERE budget = :budget AND who = :who AND period = :period)"
        " WHERE budget = :budget AND who = :who AND period = :period",
        _named(account.key),
    )


def _charge(db: sqlite3.Connection, entry: Entry) -> None:
    for account in entry.accounts:
        db.execute("INSERT INTO charges VALUES (?, ?, ?, ?)", (entry.id, *account.key))


def _book(db: sqlite3.Connection, key: Iterable[str], spent: int, reserved: int) -> None:
    if spent or reserved:
        db.execute(
            "UPDATE accounts SET spent = spent + ?, reserved = reserved + ?"
            " WHERE budget = ? AND who = ? AND period = ?",
            (spent, reserved, *key),
        )


def _sums(db: sqlite3.Connection, account: Account) -> tuple[int, int]:
    query = "SELECT spent, reserved FROM accounts WHERE budget = ? AND who = ? AND period = ?"
    spent, reserved = db.execute(query, account.key).fetchone()
    return spent, reserved


def _named(key: tuple[str, str, str]) -> dict[str, object]:
    return dict(zip(("budget", "who", "period"), key, strict=True))


def _row(entry: Entry, owner: str, state: str, ended: Ended) -> tuple[object, ...]:
    state, outcome, us, *tokens, cost, saved = _later(state, ended)  # type: ignore[assignment]
    return (
        *(entry.id, entry.call, entry.at, owner, state, entry.model, entry.endpoint, entry.rule, entry.task),
        *(entry.user, json.dumps(dict(entry.dimensions), ensure_ascii=False), outcome, us, *tokens),
        *(None if entry.price is None else _written(entry.price), entry.reserved, cost, saved),
    )


def _later(state: str, ended: Ended) -> tuple[object, ...]:
    usage = ended.usage
    tokens = (
        (None, None, None, None, 0)
        if usage is None
        else (
            *(usage.input_tokens, usage.output_tokens, usage.cached_input_tokens),
            *(usage.reasoning_tokens, int(usage.estimated)),
        )
    )
    return (state, ended.outcome, ended.us, *tokens, ended.cost, ended.saved)


def _written(price: Price) -> str:
    parts = (price.input, price.output, price.cached_input, price.per_hour)
    return ";".join("" if part is None else f"{part:f}" for part in parts)


def _price(text: str) -> Price:
    given, made, *more = text.split(";")
    return Price(Decimal(given), Decimal(made), *(Decimal(each) if each else None for each in more))
