"""Calls are charged, refused, redirected and told of as the file declares; answers are never lost to the ledger."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from support.ledgers import Watcher, complaints, loaded, rows, write

from router import (
    BudgetExceeded,
    ConfigError,
    InvalidCall,
    InvariantViolated,
    RouterError,
    load_router,
)
from router.core.clock import LoopClock
from router.core.events import Done
from router.core.usage import Usage
from router.testing.scripted import ScriptedProvider
from router.testing.virtual import run_virtual

PROMPT = "one two three"
TEAM = "{{ledger: costs.sqlite, budgets: [{{name: team, limit: {limit}, per: {per}, then: {then}}}]}}"


def team(limit="$0.00005", per="day", then="refuse"):
    return TEAM.format(limit=limit, per=per, then=then)


class Metered(ScriptedProvider):
    """Counts the tokens it gives, as the other side's own books."""

    def __init__(self, *script, **options):
        super().__init__(*script, **options)
        self.books = Counter()

    async def _events(self, outcome, request):
        async for event in super()._events(outcome, request):
            if isinstance(event, Done):
                usage = Usage(self.calls % 97 + 1, self.calls % 53 + 1, self.calls % 7)
                self.books += Counter(input=usage.input_tokens, output=usage.output_tokens, answers=1)
                yield Done(event.finish_reason, usage)
            else:
                yield event


def run(path, script=(), calls=1, **options):
    async def go():
        watcher = Watcher()
        router, cloud = loaded(path, *script, observers=[watcher])
        async with router:
            found = []
            for _ in range(calls):
                try:
                    found.append(await router.complete(PROMPT, **options))
                except RouterError as error:
                    found.append(error)
            report = router.usage()
        await asyncio.sleep(0)
        return found, watcher, cloud, report

    return asyncio.run(go())


def test_an_answer_costs_the_same_to_the_caller_and_in_the_ledger(tmp_path):
    (answer,), _, _, report = run(write(tmp_path))
    assert rows(tmp_path / "costs.sqlite", "SELECT state, cost FROM attempts") == [
        ("settled", answer.cost * 10**9)
    ]
    assert (report.calls, report.cost, report.unpriced_calls) == (1, answer.cost, 0)
    assert complaints(tmp_path / "costs.sqlite") == []


def test_a_ledger_is_for_its_owner_alone(tmp_path):
    run(write(tmp_path))
    assert (tmp_path / "costs.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_spent_budget_refuses_with_what_is_left_and_when_it_begins_anew(tmp_path):
    found, _, cloud, _ = run(write(tmp_path, team()), calls=4)
    error = found[-1]
    assert isinstance(error, BudgetExceeded)
    assert (error.kind, error.retryable, error.budget) == ("budget_exceeded", False, "team")
    assert 0 < error.retry_after <= 86400
    assert "budget `team` has $" in str(error)
    assert cloud.calls == sum(not isinstance(each, BudgetExceeded) for each in found)
    spent, reserved = rows(tmp_path / "costs.sqlite", "SELECT spent, reserved FROM accounts")[0]
    assert spent <= 50_000
    assert reserved == 0


def test_a_total_has_no_moment_at_which_it_begins_anew(tmp_path):
    found, _, _, _ = run(write(tmp_path, team("$0", "total")))
    assert found[0].retry_after is None


def test_a_free_candidate_answers_where_a_paid_one_is_refused(tmp_path):
    found, _, cloud, _ = run(write(tmp_path, team("$0"), use="[large, small]"))
    assert (found[0].model, cloud.calls) == ("small", 0)
    assert [each.outcome for each in found[0].attempts] == ["budget_exceeded", "ok"]


def test_the_model_of_a_spent_budget_answers_instead_and_the_answer_says_so(tmp_path):
    found, _, cloud, _ = run(write(tmp_path, team("$0", then="{use: small}")))
    assert (found[0].model, cloud.calls) == ("small", 0)
    assert found[0].degraded == "budget `team` is spent: `small` answers"


def test_a_model_instead_that_costs_too_is_charged_and_not_refused(tmp_path):
    found, _, _, _ = run(write(tmp_path, team("$0", then="{use: large}")))
    assert found[0].cost > 0
    assert rows(tmp_path / "costs.sqlite", "SELECT spent FROM accounts") == [(found[0].cost * 10**9,)]


def test_a_warning_refuses_nothing_and_is_told_once_for_each_mark(tmp_path):
    found, watcher, _, _ = run(write(tmp_path, team("$0.00005", then="warn")), calls=8)
    assert all(not isinstance(each, RouterError) for each in found)
    told = [(each.subject, each.state) for each in watcher.notices if each.what == "budget"]
    assert told == [("budget `team`", "near"), ("budget `team`", "spent")]


def test_users_have_sums_of_their_own_and_calls_without_one_share_one(tmp_path):
    costs = "{budgets: [{name: each, limit: $0.00003, per: day, each: user}]}"

    async def go():
        router, _ = loaded(write(tmp_path, costs))
        outcomes = []
        async with router:
            for user in ("ann", "ann", "bob", None, None):
                try:
                    await router.complete(PROMPT, **({"user": user} if user else {}))
                    outcomes.append("ok")
                except BudgetExceeded:
                    outcomes.append("refused")
        return outcomes

    assert run_virtual(go()) == ["ok", "refused", "ok", "ok", "refused"]


def test_budgets_without_a_ledger_hold_within_the_process(tmp_path):
    found, _, _, report = run(write(tmp_path, "{budgets: [{name: b, limit: $0.00003}]}"), calls=2)
    assert [type(each).__name__ for each in found] == ["Completion", "BudgetExceeded"]
    assert report.cost == found[0].cost


def test_usage_is_counted_where_nothing_is_declared_too(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text().replace("costs: {ledger: costs.sqlite}\n", ""))
    _, _, _, report = run(path, calls=3)
    assert (report.calls, report.attempts, [row.by for row in report.rows]) == (3, 3, [("large",)])


def test_calls_at_once_hold_no_more_than_the_budget_has(tmp_path):
    path = write(tmp_path, team("$0.0002"))

    async def go():
        router, cloud = loaded(path)
        async with router:
            found = await asyncio.gather(
                *(router.complete(PROMPT) for _ in range(30)), return_exceptions=True
            )
        return found, cloud

    found, cloud = asyncio.run(go())
    assert {type(each).__name__ for each in found} == {"Completion", "BudgetExceeded"}
    assert rows(tmp_path / "costs.sqlite", "SELECT spent <= 200000, reserved FROM accounts") == [(1, 0)]
    assert rows(tmp_path / "costs.sqlite", "SELECT COUNT(*) FROM attempts") == [(cloud.calls,)]


MIXED = """\
version: 1
endpoints: {cloud: {kind: mock, locality: remote, concurrency: 100}, there: {kind: mock, locality: remote, concurrency: 100}}
models:
  large: {at: cloud, price: {input: $1, output: $2}, options: {max_tokens: 10}}
  other: {at: there, price: {input: $3, output: $5, cached_input: $1}, options: {max_tokens: 10}}
rules: [{use: [large, other]}]
retry: {backoff: {first: 1ms}}
breaker: off
hedge: {after: 2ms, max: 30%}
costs: {ledger: costs.sqlite, budgets: [{name: all, limit: $100, each: user}]}
"""


class Uneven(Metered):
    """Takes its time now and then, so that others are asked beside it."""

    dice = random.Random(7)

    @asynccontextmanager
    async def open(self, request):
        if self.dice.random() < 0.1:
            await asyncio.sleep(self.dice.uniform(0.001, 0.01))
        async with super().open(request) as events:
            yield events


def test_sums_equal_the_other_sides_own_books_over_ten_thousand_mixed_calls(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(MIXED, encoding="utf-8")
    dice = random.Random(5)
    script = [
        dice.choice(["ok", "ok", "ok", "ok", 500, "refused", "content_filtered"]) for _ in range(30_000)
    ]
    sides = {"cloud": Uneven(*script), "there": Uneven(*script[::-1])}

    async def one(router, number):
        if number % 3:
            return await router.complete(PROMPT, user=f"u{number % 5}")
        async with router.stream(PROMPT, user=f"u{number % 5}") as reply:
            async for _ in reply:
                if number % 30 == 0:
                    return None  # left in the middle
        return reply.completion

    async def fifty(router, start):
        tasks = [asyncio.create_task(one(router, start + each)) for each in range(50)]
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(dice.choice([0, 0.001]))
            dice.choice(tasks).cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def go():
        async with load_router(path, providers=sides) as router:
            found = [each for start in range(0, 10_000, 50) for each in await fifty(router, start)]
            return found, router.usage(by=("user", "outcome"))

    found, report = asyncio.run(go())
    ledger = tmp_path / "costs.sqlite"
    books = sum((side.books for side in sides.values()), Counter())
    counted = (
        "SELECT SUM(input), SUM(output), COUNT(*) FROM attempts WHERE estimated = 0 AND input IS NOT NULL"
    )
    assert rows(ledger, counted) == [(books["input"], books["output"], books["answers"])]
    # What was left before it was sent was never asked for.
    sent = report.attempts - rows(ledger, "SELECT COUNT(*) FROM attempts WHERE outcome = 'cancelled'")[0][0]
    calls = sum(side.calls for side in sides.values())
    assert sent <= calls <= report.attempts
    ended = {row[0] for row in rows(ledger, "SELECT DISTINCT outcome FROM attempts")}
    assert {"ok", "cancelled", "hedge_lost", "server_error", "connect_failed", "content_filtered"} <= ended
    assert rows(ledger, "SELECT COUNT(*) FROM attempts WHERE state <> 'settled'") == [(0,)]
    told = sum(sum(record.cost for record in each.attempts) for each in found if hasattr(each, "attempts"))
    silent = "SELECT COALESCE(SUM(cost), 0) FROM attempts WHERE call IN (SELECT call FROM attempts WHERE outcome = 'cancelled')"
    assert report.cost - Decimal(rows(ledger, silent)[0][0]) / 10**9 <= told <= report.cost
    assert complaints(ledger) == []


def test_a_call_that_is_cancelled_counts_what_it_had_used(tmp_path):
    path = write(tmp_path)

    async def go():
        router, _ = loaded(path, cloud=ScriptedProvider({"say": "a b c d"}, pace=30.0))
        async with router, router.stream(PROMPT) as reply:
            async for _ in reply:
                break

    asyncio.run(go())
    ((state, outcome, cost, estimated),) = rows(
        tmp_path / "costs.sqlite", "SELECT state, outcome, cost > 0, estimated FROM attempts"
    )
    assert (state, outcome, cost, estimated) == ("settled", "cancelled", 1, 1)


def test_a_call_that_is_left_before_it_is_sent_leaves_nothing_held(tmp_path):
    path = write(tmp_path, team("$1"))

    async def go():
        router, cloud = loaded(path)
        async with router:
            tasks = [asyncio.create_task(router.complete(PROMPT)) for _ in range(20)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await router.complete(PROMPT)
        return cloud.calls

    calls = asyncio.run(go())
    assert rows(tmp_path / "costs.sqlite", "SELECT COUNT(*) FROM attempts") == [(calls,)]
    assert rows(tmp_path / "costs.sqlite", "SELECT reserved FROM accounts") == [(0,)]
    assert complaints(tmp_path / "costs.sqlite") == []


def test_a_price_that_changes_in_the_middle_counts_from_then_on(tmp_path):
    path = write(tmp_path)

    async def go():
        router, _ = loaded(path)
        async with router:
            before = await router.complete(PROMPT)
            path.write_text(path.read_text().replace("input: $1, output: $2", "input: $10, output: $20"))
            await router.reload()
            after = await router.complete(PROMPT)
            return before, after, router.usage()

    before, after, report = asyncio.run(go())
    assert after.cost == 10 * before.cost
    assert report.cost == before.cost + after.cost
    assert complaints(tmp_path / "costs.sqlite") == []


class Calendar(LoopClock):
    """A clock whose day is the test's."""

    def __init__(self, day):
        self.day = day

    def wall(self):
        return self.day.timestamp()


def test_a_month_that_begins_gives_the_budget_back(tmp_path):
    path = write(tmp_path, team("$0.00003", per="month"))

    async def go():
        calendar = Calendar(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
        router, _ = loaded(path, clock=calendar)
        async with router:
            await router.complete(PROMPT)
            with pytest.raises(BudgetExceeded) as refused:
                await router.complete(PROMPT)
            calendar.day += timedelta(seconds=refused.value.retry_after)
            await router.complete(PROMPT)
            return refused.value.retry_after, router.usage(by=("month",))

    wait, report = asyncio.run(go())
    assert wait == 1.0
    assert [row.by for row in report.rows] == [("2026-11",), ("2026-12",)]


def test_a_ledger_that_cannot_be_written_refuses_under_a_budget(tmp_path):
    path = write(tmp_path, team("$1").replace("costs.sqlite", "nowhere/costs.sqlite"))
    found, watcher, cloud, _ = run_failing(path)
    assert isinstance(found[0], BudgetExceeded)
    assert "cannot be written to the ledger" in str(found[0])
    assert cloud.calls == 0
    assert ("ledger", "failing") in [(each.what, each.state) for each in watcher.notices]


def test_a_ledger_that_cannot_be_written_is_passed_over_where_nothing_is_bounded(tmp_path):
    found, _, cloud, _ = run_failing(write(tmp_path, "{ledger: nowhere/costs.sqlite}"))
    assert (found[0].text, cloud.calls) == ("two words", 1)


def test_a_budget_may_be_passed_over_when_the_file_says_so(tmp_path):
    costs = team("$1").replace("costs.sqlite", "nowhere/costs.sqlite, on_ledger_error: allow")
    found, _, _, _ = run_failing(write(tmp_path, costs))
    assert found[0].text == "two words"


def run_failing(path):
    async def go():
        watcher = Watcher()
        router, cloud = loaded(path, observers=[watcher])
        try:
            found = [await router.complete(PROMPT)]
        except RouterError as error:
            found = [error]
        with pytest.raises(RouterError, match="the ledger cannot be read"):
            router.usage()
        await asyncio.sleep(0.01)
        await router.close()
        return found, watcher, cloud, None

    return asyncio.run(go())


def test_what_a_failing_ledger_could_not_take_is_written_once_it_can(tmp_path):
    path = write(tmp_path, "{ledger: later/costs.sqlite}")

    async def go():
        router, _ = loaded(path)
        answer = await router.complete(PROMPT)
        (tmp_path / "later").mkdir()
        await router.complete(PROMPT)
        await router.close()
        return answer

    answer = asyncio.run(go())
    costs = rows(tmp_path / "later" / "costs.sqlite", "SELECT state, cost FROM attempts")
    assert costs == [("settled", answer.cost * 10**9)] * 2


def test_a_ledger_that_is_none_keeps_the_answer(tmp_path):
    path = write(tmp_path)
    run(path)
    ledger = tmp_path / "costs.sqlite"
    ledger.write_bytes(
        b"this is no database at all, and a good deal longer than a header of one hundred bytes" * 3
    )
    found, watcher, _, _ = run_failing(path)
    assert found[0].text == "two words"
    assert [each.what for each in watcher.notices] == ["ledger"]


# Files that cannot be written, as another user than the one for whom nothing is forbidden; and a disk that is full.
POOR = """
import asyncio, os, resource, sys
from pathlib import Path
from support.ledgers import Watcher, loaded
from router import BudgetExceeded
path, how = Path(sys.argv[1]), sys.argv[2]
async def main():
    watcher = Watcher()
    router, cloud = loaded(path, observers=[watcher])
    first = await router.complete("one two three")
    await router.close()
    if how == "read only":
        for each in path.parent.iterdir():
            each.chmod(0o444)
        path.parent.chmod(0o555)
        if os.getuid() == 0:
            os.setuid(65534)
    else:
        size = (path.parent / "costs.sqlite").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    said = []
    for _ in range(60):
        try:
            said.append((await router.complete("one two three")).text)
        except BudgetExceeded as error:
            said.append("refused" if "cannot be written" in str(error) else str(error))
    await asyncio.sleep(0.05)
    notices = [each.state for each in watcher.notices if each.what == "ledger"]
    print(said[-1], "failing" in notices, cloud.calls == 1 + said.count("two words"))
asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["read only", "full"])
@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ("{ledger: costs.sqlite}", "two words True True"),
        ("{ledger: costs.sqlite, budgets: [{name: all, limit: $9}]}", "refused True True"),
        (
            "{ledger: costs.sqlite, on_ledger_error: allow, budgets: [{name: all, limit: $9}]}",
            "two words True True",
        ),
    ],
)
def test_a_ledger_that_cannot_be_written_any_more_loses_no_answer(costs, expected, how):
    # Not in a folder of this user alone: another one has to come by.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        path = write(Path(folder), costs)
        tests = Path(__file__).parents[1]
        done = subprocess.run(
            [sys.executable, "-c", POOR, str(path), how],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)])},
        )
        assert (done.stdout.strip(), done.returncode) == (expected, 0), done.stderr


def test_an_unknown_price_is_unknown_in_the_report(tmp_path):
    path = write(tmp_path, "{ledger: costs.sqlite}")
    path.write_text(path.read_text().replace(", price: {input: $1, output: $2}", ""))
    found, _, _, report = run(path, calls=2)
    assert found[0].cost is None
    assert (report.cost, report.unpriced_calls, report.total.average) == (None, 2, None)


def test_a_machine_by_the_hour_is_charged_for_failures_too(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text().replace("{input: $1, output: $2}", "{per_hour: $3.60}"))

    async def go():
        router, _ = loaded(path, cloud=ScriptedProvider(500, delay=0.05))
        with pytest.raises(RouterError) as failed:
            await router.complete(PROMPT)
        await router.close()
        return failed.value

    error = asyncio.run(go())
    assert all(
        each.cost == pytest.approx(Decimal(each.ms) / 10**6, rel=Decimal("0.01")) for each in error.attempts
    )
    assert complaints(tmp_path / "costs.sqlite") == []


def test_a_hedge_that_lost_is_a_row_of_its_own(tmp_path):
    path = write(tmp_path, use="[large, other]")
    text = path.read_text()
    text = text.replace(
        "rules:",
        "  other: {at: there, price: {input: $1, output: $2}}\nhedge: {after: 10ms, max: 100%}\nrules:",
    )
    path.write_text(text.replace("endpoints: {", "endpoints: {there: {kind: mock, locality: remote}, "))

    async def go():
        slow, quick = ScriptedProvider(delay=5.0), ScriptedProvider({"say": "quick"})
        router = load_router(path, providers={"cloud": slow, "there": quick})
        async with router:
            return await router.complete(PROMPT)

    answer = asyncio.run(go())
    assert answer.text == "quick"
    found = rows(tmp_path / "costs.sqlite", "SELECT outcome, state FROM attempts ORDER BY outcome")
    assert found == [("hedge_lost", "settled"), ("ok", "settled")]


def test_an_invariant_is_proven_of_the_model_that_answers_instead_too(tmp_path):
    path = write(tmp_path, team("$1", then="{use: large}"), use="small")
    path.write_text(
        path.read_text() + "invariants: [{name: stays, for_all: {team: red}, every_hop: {locality: local}}]\n"
    )
    with pytest.raises(ConfigError, match="R414"):
        load_router(path)


def test_an_invariant_holds_for_a_call_that_names_its_model(tmp_path):
    path = write(tmp_path, team("$1", then="{use: small}"), use="small")
    path.write_text(
        path.read_text() + "invariants: [{name: stays, for_all: {team: red}, every_hop: {locality: local}}]\n"
    )
    found, _, _, _ = run(path, model="large")
    assert isinstance(found[0], InvariantViolated)


def test_usage_is_told_apart_by_what_is_asked_and_by_nothing_else(tmp_path):
    async def go():
        router, _ = loaded(write(tmp_path))
        async with router:
            await router.complete(PROMPT, team="blue", user="ann")
            await router.complete(PROMPT)
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            found = (
                router.usage(by=("team", "user")),
                router.usage(since=tomorrow),
                router.usage(since=0, by=()),
            )
            with pytest.raises(InvalidCall, match="told apart by `colour`; legal: model,"):
                router.usage(by=("colour",))
            with pytest.raises(InvalidCall, match="no time zone"):
                router.usage(since=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake
            return found

    apart, none, whole = asyncio.run(go())
    assert [row.by for row in apart.rows] == [("blue", "ann"), ("red", "")]
    assert (none.calls, none.cost, none.rows) == (0, 0, ())
    assert (whole.calls, whole.rows) == (2, ())
    assert whole.total.average * 2 == whole.cost
    assert (whole.input_tokens, whole.output_tokens, whole.saved) == (
        apart.input_tokens, apart.output_tokens, 0,
    )  # fmt: skip


def test_an_answer_that_was_kept_costs_nothing_and_the_report_tells_what_it_saved(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text() + "cache: {}\n")

    async def go():
        router, cloud = loaded(path)
        async with router:
            first = await router.complete(PROMPT, temperature=0)
            again = await router.complete(PROMPT, temperature=0)
            return first, again, cloud.calls, router.usage()

    first, again, calls, report = asyncio.run(go())
    assert (again.cached, again.cost, calls) == (True, 0, 1)
    assert (report.calls, report.attempts, report.cost, report.saved) == (2, 1, first.cost, first.cost)
    assert report.input_tokens == first.usage.input_tokens
    assert complaints(tmp_path / "costs.sqlite") == []
