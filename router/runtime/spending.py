"""What attempts cost while they are made: held before, settled after, and told when a budget runs out."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from router.core.errors import BudgetExceeded
from router.core.observer import Notice
from router.core.usage import from_nano, to_nano
from router.policy.budget import HELD, CostPolicy, reserve
from router.runtime import ledger
from router.runtime.ledger import Ended, Entry
from router.runtime.scribe import FileScribe, MemoryScribe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from router.compile.program import Deployment, Program
    from router.core.clock import Clock
    from router.core.dimension import Value
    from router.core.messages import Completion
    from router.core.record import AttemptRecord
    from router.core.usage import Price, Usage
    from router.runtime.ledger import Full, Passed
    from router.runtime.scribe import Scribe


class Charged(Protocol):
    """What has to be known of a call: see `router.runtime.call.Call`."""

    request_id: str
    began: float
    rule: str | None
    task: str
    program: Program
    options: Mapping[str, Any]
    dimensions: Mapping[str, Value]
    sent: int
    spent: frozenset[str]
    saved: Decimal | None

    def tokens_of(self, deployment: Deployment) -> int:
        """Return about how many tokens the prompt has for one deployment."""
        ...

    def params_of(self, deployment: Deployment) -> Mapping[str, object]:
        """Return the sampling options for one deployment."""
        ...


class Spending:
    """The costs of a router's attempts under one configuration.

    Its changing state: `_loop`, the one that was last at work here; the scribe guards its own.

    Args:
        policy: What is spent, and what may be.
        clock: Where time comes from.
        tell: Takes in what happens beside the calls.
        before: The costs under the configuration before, whose ledger goes on where it is the same.
    """

    def __init__(
        self,
        policy: CostPolicy | None,
        clock: Clock,
        tell: Callable[[Notice], None],
        before: Spending | None = None,
    ) -> None:
        self.policy = policy or CostPolicy()
        self._clock = clock
        self._tell = tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self.scribe: Scribe = (
            before.scribe
            if before is not None and before.policy.ledger == self.policy.ledger
            else MemoryScribe()
            if self.policy.ledger is None
            else FileScribe(self.policy.ledger, self._faulty)
        )
        self._asks = self.policy.ledger is not None or bool(self.policy.budgets)

    def entry(self, call: Charged, deployment: Deployment, wall: float) -> Entry:
        """Return what is to be written of an attempt that begins so many seconds after 1970."""
        call.sent += 1
        said = {name: call.dimensions[name] for name in call.program.spoken}
        user = call.options.get("user")
        price, policy = deployment.price, self.policy
        most = call.params_of(deployment).get("max_tokens")
        seconds = deployment.endpoint.timeouts.total or HELD
        return Entry(
            id=f"{call.request_id}/{call.sent}",
            call=call.request_id,
            at=round(wall * 1000),
            model=deployment.model,
            endpoint=deployment.endpoint.name,
            rule=call.rule,
            task=call.task,
            user=user,
            dimensions=said,
            price=price,
            reserved=reserve(
                price, call.tokens_of(deployment), most if isinstance(most, int) else None, seconds
            ),
            accounts=policy.accounts(wall, user, call.dimensions, call.spent) if policy.budgets else (),
        )

    def asks(self, deployment: Deployment) -> bool:
        """Whether an attempt has to be written down before it is made: it may cost something, and somebody counts."""
        return self._asks and not (deployment.price is not None and deployment.price.free)

    async def intend(self, call: Charged, deployment: Deployment) -> Entry:
        """Write an attempt down and hold what it may cost.

        Raises:
            BudgetExceeded: A budget has not that much left, or the ledger cannot be written and must be.
        """
        entry = self.entry(call, deployment, self._clock.wall())
        await self._hold(entry)
        return entry

    async def _hold(self, entry: Entry) -> None:
        self._loop = asyncio.get_running_loop()
        owner = self.scribe.name
        try:
            full = await self.scribe.do(lambda db: ledger.reserve(db, entry, owner))
        except sqlite3.Error as error:
            if self.policy.allow:
                return
            raise BudgetExceeded(
                f"what `{entry.model}` at `{entry.endpoint}` costs cannot be written to the ledger ({error})"
            ) from error
        except BaseException:
            self.release(entry)  # it may have been written in the meantime
            raise
        if full is not None:
            raise _refusal(entry, full, self._clock.wall())

    def release(self, entry: Entry) -> None:
        """Take back an attempt that was not made after all."""
        self.scribe.post(lambda db: ledger.release(db, entry))

    def settle(
        self, call: Charged, deployment: Deployment, record: AttemptRecord, entry: Entry | None
    ) -> None:
        """Write down how an attempt ended; it is tried again until it is written.

        Args:
            call: Whose attempt it was.
            deployment: What was tried.
            record: How it ended.
            entry: What was written before it was made, or None.
        """
        began = call.began + record.at_ms / 1000
        if self._asks:
            self._write(entry or self.entry(call, deployment, began), _ended(record))
            return
        call.sent += 1
        facts = _facts(call, call.sent, began, (record.model, record.endpoint, deployment.price))
        self.scribe.note(partial(_written, facts, record, self.scribe.name))

    def kept(self, call: Charged, completion: Completion) -> None:
        """Write down an answer that was kept from an earlier call: it costs nothing, and saves what it would cost."""
        facts = _facts(call, "kept", call.began, (completion.model, completion.endpoint, None))
        self.scribe.note(partial(_replayed, facts, completion.usage, call.saved, self.scribe.name))

    def _write(self, entry: Entry, ended: Ended) -> None:
        owner = self.scribe.name
        if not entry.accounts:
            self.scribe.post(lambda db: ledger.settle(db, entry, ended, owner))
            return
        loop = self._loop = asyncio.get_running_loop()

        def then(passed: list[Passed]) -> None:
            if passed:
                self._later(loop, passed)

        self.scribe.post(lambda db: ledger.settle(db, entry, ended, owner), then)

    def _later(self, loop: asyncio.AbstractEventLoop, passed: list[Passed]) -> None:
        """Tell of marks on the loop of the call; nobody listens where that has ended."""
        notices = [_notice(each) for each in passed]
        try:
            loop.call_soon_threadsafe(lambda: [self._tell(each) for each in notices])
        except RuntimeError:
            return

    def _faulty(self, fault: str | None) -> None:
        loop = self._loop
        state = "failing" if fault is not None else "up"
        notice = Notice("ledger", "the ledger", state, fault or "")
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, notice)


class _Facts(NamedTuple):
    """What an entry is made of that bears on no budget, should somebody read it; `part` tells the call's entries apart."""

    request_id: str
    part: int | str
    began: float
    place: tuple[str, str, Price | None]
    rule: str | None
    task: str
    user: str | None
    names: tuple[str, ...]
    said: tuple[Value, ...]

    def entry(self) -> Entry:
        """Return the entry."""
        model, endpoint, price = self.place
        return Entry(
            id=f"{self.request_id}/{self.part}",
            call=self.request_id,
            at=round(self.began * 1000),
            model=model,
            endpoint=endpoint,
            rule=self.rule,
            task=self.task,
            user=self.user,
            dimensions=dict(zip(self.names, self.said, strict=True)),
            price=price,
        )


def _facts(call: Charged, part: int | str, began: float, place: tuple[str, str, Price | None]) -> _Facts:
    names = call.program.spoken
    said = tuple(map(call.dimensions.__getitem__, names))
    user = call.options.get("user")
    return _Facts(call.request_id, part, began, place, call.rule, call.task, user, names, said)


def _written(facts: _Facts, record: AttemptRecord, owner: str, db: sqlite3.Connection) -> None:
    ledger.settle(db, facts.entry(), _ended(record), owner)


def _replayed(facts: _Facts, usage: Usage, saved: Decimal | None, owner: str, db: sqlite3.Connection) -> None:
    ended = Ended("cached", 0, usage, 0, 0 if saved is None else to_nano(saved))
    ledger.settle(db, facts.entry(), ended, owner)


def _ended(record: AttemptRecord) -> Ended:
    cost = None if record.cost is None else to_nano(record.cost)
    return Ended(record.outcome, round(record.ms * 1000), record.usage, cost)


def _refusal(entry: Entry, full: Full, now: float) -> BudgetExceeded:
    account = full.account
    budget = account.budget
    left = max(0, budget.limit - full.spent - full.reserved)
    held = f", with {_dollars(full.reserved)} held for attempts under way" if full.reserved else ""
    wait = account.period.end - now
    error = BudgetExceeded(
        f"`{entry.model}` at `{entry.endpoint}` may cost {_dollars(entry.reserved or 0)}, and {account.title}"
        f" has {_dollars(left)} of {_dollars(budget.limit)} left ({budget.per}{held})",
        retry_after=max(0.0, wait) if wait != float("inf") else None,
    )
    error.budget, error.use = budget.name, budget.use
    return error


def _notice(passed: Passed) -> Notice:
    account = passed.account
    period = "" if account.budget.per == "total" else f" of {account.period.key}"
    return Notice(
        "budget",
        account.title,
        passed.mark,
        f"{_dollars(passed.spent)} of {_dollars(account.budget.limit)}{period} are spent",
    )


def _dollars(nano: int) -> str:
    return f"${from_nano(nano).normalize():f}"
