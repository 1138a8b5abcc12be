"""The ledger: reserved, settled once, orphans counted, every sum recomputed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from decimal import Decimal

import pytest
from support.ledgers import memory

from router.core.usage import Price, Usage
from router.policy.budget import Budget, CostPolicy
from router.runtime import ledger
from router.runtime.ledger import Ended, Entry
from router.runtime.owners import SILENCE, Owner, owner

PRICE = Price(Decimal(1), Decimal(2))
OK = Ended("ok", 1000, Usage(100, 50), 200_000)


def entry(number=1, at=0, reserved=300_000, cap=1_000_000, user=None, **more):
    policy = CostPolicy(budgets=(Budget("b", cap, "day", **more),))
    return Entry(
        f"call/{number}",
        "call",
        at,
        "m",
        "e",
        "r",
        "chat",
        user,
        {"team": "red"},
        PRICE,
        reserved,
        policy.accounts(at / 1000, user, {"team": "red"}, frozenset()),
    )


def sums(db):
    return db.execute("SELECT spent, reserved FROM accounts ORDER BY period, who").fetchall()


def test_what_an_attempt_may_cost_is_held_and_then_becomes_what_it_cost():
    db = memory()
    assert ledger.reserve(db, entry(), "me") is None
    assert sums(db) == [(0, 300_000)]
    ledger.settle(db, entry(), OK, "me")
    assert sums(db) == [(200_000, 0)]
    assert list(ledger.verify(db)) == []


def test_settling_twice_counts_once():
    db = memory()
    ledger.reserve(db, entry(), "me")
    for _ in range(3):
        ledger.settle(db, entry(), OK, "me")
    assert sums(db) == [(200_000, 0)]


def test_an_attempt_that_could_not_be_reserved_is_written_when_it_is_settled():
    db = memory()
    ledger.settle(db, entry(), OK, "me")
    assert sums(db) == [(200_000, 0)]
    assert list(ledger.verify(db)) == []


def test_what_does_not_fit_is_refused_and_leaves_nothing_behind():
    db = memory()
    for number in range(3):
        assert ledger.reserve(db, entry(number), "me") is None
    full = ledger.reserve(db, entry(9), "me")
    assert (full.spent, full.reserved) == (0, 900_000)
    assert db.execute("SELECT COUNT(*) FROM attempts").fetchone() == (3,)
    assert list(ledger.verify(db)) == []


def test_a_budget_that_only_warns_holds_nothing_back():
    db = memory()
    for number in range(5):
        assert ledger.reserve(db, entry(number, then="warn"), "me") is None
    assert sums(db) == [(0, 1_500_000)]


def test_an_attempt_that_was_never_made_is_taken_back():
    db = memory()
    ledger.reserve(db, entry(), "me")
    ledger.release(db, entry())
    ledger.release(db, entry())
    assert sums(db) == [(0, 0)]
    assert db.execute("SELECT COUNT(*) FROM attempts").fetchone() == (0,)


def test_marks_are_told_when_a_settled_cost_passes_them():
    db = memory()
    found = [ledger.settle(db, entry(number, cap=500_000), OK, "me") for number in range(3)]
    assert [[(each.mark, each.spent) for each in passed] for passed in found] == [
        [],
        [("near", 400_000)],
        [("spent", 600_000)],
    ]


def test_what_a_dead_writer_left_open_counts_at_what_it_may_have_cost():
    db = memory()
    ledger.reserve(db, entry(), "dead")
    ledger.orphaned(db, "dead")
    assert sums(db) == [(300_000, 0)]
    assert db.execute("SELECT state, outcome, cost FROM attempts").fetchall() == [
        ("unknown", "unknown", 300_000)
    ]
    assert list(ledger.verify(db)) == []


def test_a_writer_taken_for_dead_that_settles_late_puts_its_cost_right():
    db = memory()
    ledger.reserve(db, entry(), "slow")
    ledger.orphaned(db, "slow")
    ledger.settle(db, entry(), OK, "slow")
    assert sums(db) == [(200_000, 0)]
    assert list(ledger.verify(db)) == []


def test_an_unknown_price_stays_unknown():
    db = memory()
    unpriced = Entry("c/1", "c", 0, "m", "e", None, "chat", None, {}, None, None)
    ledger.reserve(db, unpriced, "me")
    ledger.settle(db, unpriced, Ended("ok", 1, Usage(1, 1), None), "me")
    assert db.execute("SELECT cost, reserved, price FROM attempts").fetchall() == [(None, None, None)]


def test_a_budget_that_is_new_counts_what_was_spent_in_its_time_before():
    db = memory()
    noon, yesterday = 43_200_000 + 86_400_000, 43_200_000
    for number, at, user in ((1, yesterday, "ann"), (2, noon, "ann"), (3, noon, "bob"), (4, noon, None)):
        plain = Entry(f"c/{number}", "c", at, "m", "e", None, "chat", user, {"team": "red"}, PRICE, 0)
        ledger.settle(db, plain, OK, "me")
    ledger.reserve(db, entry(9, noon, user="ann", each="user"), "me")
    assert sums(db) == [(200_000, 300_000)]
    ledger.settle(db, entry(8, noon, each="team"), OK, "me")
    assert list(ledger.verify(db)) == []


def test_a_month_begins_at_zero():
    db = memory()
    last = 1_798_761_599_999  # the last millisecond of 2026
    for number, at in enumerate((last, last + 1)):
        policy = CostPolicy(budgets=(Budget("b", 300_000, "month"),))
        one = Entry(
            f"c/{number}", "c", at, "m", "e", None, "chat", None, {}, PRICE, 300_000,
            policy.accounts(at / 1000, None, {}, frozenset()),
        )  # fmt: skip
        assert ledger.reserve(db, one, "me") is None
        assert ledger.settle(db, one, Ended("ok", 1, Usage(100, 100), 300_000), "me")[0].mark == "spent"
    assert [row[0] for row in db.execute("SELECT period FROM accounts")] == ["month:2026-12", "month:2027-01"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE accounts SET spent = spent + 1", "200001 spent"),
        ("UPDATE attempts SET cost = 199999, input = 99", "its cost is written as 199999"),
        ("UPDATE attempts SET price = '2;2;;'", "its tokens cost 300000"),
        ("DELETE FROM accounts", "its sum is missing"),
    ],
)
def test_a_sum_or_a_cost_that_was_changed_is_found(change, told):
    db = memory()
    ledger.settle(db, entry(), OK, "me")
    db.execute(change)
    assert any(told in line for line in ledger.verify(db))


def test_only_the_oldest_are_forgotten_and_sums_stay():
    db = memory()
    for number in range(5):
        ledger.settle(db, entry(number, at=number, cap=10**9), OK, "me")
    ledger.prune(db, 3)
    assert [row[0] for row in db.execute("SELECT at FROM attempts ORDER BY at")] == [2, 3, 4]
    assert sums(db) == [(1_000_000, 0)]


def test_a_ledger_of_a_later_version_is_left_alone():
    db = memory()
    db.execute("PRAGMA user_version = 99")
    with pytest.raises(sqlite3.DatabaseError, match="upgrade the package"):
        ledger.prepare(db)


def test_a_writer_is_gone_when_its_process_is():
    me = owner()
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert not me.gone(me.machine, os.getpid(), me.began, 10**6)
    assert me.gone(me.machine, child.pid, "", 0)
    assert me.gone(me.machine, os.getpid(), "1", 0)  # another process has its number now


def test_a_writer_on_another_machine_is_gone_when_it_is_silent_for_long():
    me = owner()
    assert not me.gone("elsewhere", os.getpid(), "", SILENCE)
    assert me.gone("elsewhere", os.getpid(), "", SILENCE + 1)


def test_enrolling_settles_what_the_dead_left_and_nothing_of_the_living():
    db = memory()
    me = owner()
    for number, other in enumerate((Owner("gone", me.machine, me.pid, "1"), owner())):
        ledger.enrol(db, other)
        ledger.reserve(db, entry(number), other.name)
    ledger.enrol(db, me)
    assert db.execute("SELECT state FROM attempts ORDER BY id").fetchall() == [("unknown",), ("open",)]
    ledger.leave(db, me.name)
    assert len(db.execute("SELECT * FROM owners").fetchall()) == 1
