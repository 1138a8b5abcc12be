"""Invariants of what is spent: the books, and budgets."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.core.messages import Message
from router.core.tokens import estimate
from router.core.usage import to_nano
from router.testing.simulate.history import EXACT
from router.testing.simulate.invariants.facts import bill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.core.record import AttemptRecord
    from router.core.usage import Usage
    from router.testing.simulate.callers import Ask, Seen
    from router.testing.simulate.extras import Sum
    from router.testing.simulate.history import History
    from router.testing.simulate.world import Hit

OUTPUT = 1000  # tokens that are held where nothing bounds the answer
FORMATS = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "total": "total"}
Key = tuple[str, str, str, str]


def the_books_have_a_row_for_every_request_and_every_kept_answer(history: History) -> Iterator[str]:
    """No more and no less, under the right names."""
    attempts: Counter[Key] = Counter()
    kept: Counter[Key] = Counter()
    for seen, record in _told(history):
        for each in record:
            attempts[_key(seen, each)] += each.sent
        if seen.completion is not None and seen.completion.cached:
            kept[seen.ask.user or "", seen.completion.model, seen.completion.endpoint, "cached"] += 1
    for row in history.books:
        key, count = _names(row.by), row.calls if row.by[3] == "cached" else row.attempts
        wanted = (kept if row.by[3] == "cached" else attempts).pop(key, 0)
        if count != wanted:
            yield f"the books have {count} of {key}, and there were {wanted}"
    for key, count in (*attempts.items(), *kept.items()):
        if count:
            yield f"the books have none of {key}, and there were {count}"


def what_is_spent_is_the_price_of_what_was_used(history: History) -> Iterator[str]:
    """By user, model, endpoint and outcome, to the last billionth of a dollar."""
    spent: Counter[Key] = Counter()
    tokens: Counter[Key] = Counter()
    for seen in history.seen:
        for attempt, hit in history.pairs(seen):
            used = _used(attempt, hit)
            spent[_key(seen, attempt)] += bill(history.setting, attempt.model, used)
            tokens[_key(seen, attempt)] += 0 if used is None else used.input_tokens + used.output_tokens
    for row in history.books:
        key, cost = _names(row.by), None if row.cost is None else to_nano(row.cost)
        if key[3] != "cached" and (cost, row.input_tokens + row.output_tokens) != (spent[key], tokens[key]):
            yield f"the books have {cost} spent for {key}, and it was {spent[key]} for {tokens[key]} tokens"


def what_is_saved_is_in_the_books(history: History) -> Iterator[str]:
    """By user: what kept answers had cost."""
    saved: Counter[str] = Counter()
    for seen in history.seen:
        told = history.record(seen)
        if told is not None and told.cached and told.saved is not None:
            saved[seen.ask.user or ""] += to_nano(told.saved)
    for row in history.books:
        saved[row.by[0]] -= to_nano(row.saved)
    for user, wrong in saved.items():
        if wrong:
            yield f"the books of {user!r} lack {wrong} saved"


def no_budget_is_overdrawn_by_what_is_asked(history: History) -> Iterator[str]:
    """What is spent, what is held for requests under way and what a new one may cost fit into each that refuses."""
    charges = _charges(history)
    for each in charges:
        for sum_, account in each.bounds:
            spent, held = _standing(charges, account, each.hit.arrived, each.hit.number, least=True)
            if spent + held + each.least > sum_.limit and each.least > 0:
                yield (
                    f"request {each.hit.number} of call {each.hit.call} may cost {each.least} of {account}, of which"
                    f" {spent} are spent and {held} held"
                )


def no_budget_refuses_what_fits(history: History) -> Iterator[str]:
    """Nothing is held longer than its request runs."""
    money = history.setting.money
    charges = _charges(history)
    for seen, record in _told(history):
        for attempt in record:
            if attempt.outcome != "budget_exceeded":
                continue
            at = seen.started + attempt.at_ms / 1000
            most = _reserve(history, attempt.model, seen.ask, _tokens(seen.ask) * 1.15 + 6)
            for sum_ in money.sums if money is not None else ():
                spent, held = _standing(charges, _account(history, sum_, seen.ask, at), at, None, least=False)
                if sum_.refuses and spent + held + most > sum_.limit:
                    break
            else:
                yield f"call {seen.ask.number} was refused at {at:.2f} s for {most}, which every budget had left"


def a_spent_budget_is_told_once(history: History) -> Iterator[str]:
    """Each account that has passed its limit, and no other."""
    money = history.setting.money
    passed: Counter[str] = Counter()
    sums: Counter[tuple[str, ...]] = Counter()
    for each in _charges(history):
        for sum_, account in each.accounts:
            passed[sum_.name] += sums[account] < sum_.limit <= sums[account] + each.cost
            sums[account] += each.cost
    notices = [each for each in history.notes.notices if each.what == "budget" and each.state == "spent"]
    for sum_ in money.sums if money is not None else ():
        told = sum(f"`{sum_.name}`" in each.subject for each in notices)
        if told != passed[sum_.name]:
            yield f"budget {sum_.name} was spent {passed[sum_.name]} times, and that was told {told} times"


def who_is_answered_by_a_cheaper_model_is_told(history: History) -> Iterator[str]:
    """Where a budget is spent and another model answers, `degraded` says so; that model answers for no other reason."""
    money = history.setting.money
    for seen, record in _told(history):
        completion = seen.completion
        if completion is None or completion.cached:
            continue
        refused = any(each.outcome == "budget_exceeded" for each in record)
        said = (completion.degraded or "").startswith("budget")
        if said and not refused:
            yield f"call {seen.ask.number} says {completion.degraded!r}, and no budget refused it"
        if money is None or not refused or completion.degraded or history.setting.hedge is not None:
            continue
        if all(each.use is not None for each in money.sums if each.refuses):
            yield f"call {seen.ask.number} was answered by {completion.model} after a budget was spent, and does not say so"


@dataclass(frozen=True, slots=True)
class _Charge:
    """One request and what it is charged to; sums are billionths of a dollar."""

    hit: Hit
    cost: int
    least: int
    most: int
    accounts: tuple[tuple[Sum, tuple[str, ...]], ...]
    bounds: tuple[tuple[Sum, tuple[str, ...]], ...]


def _charges(history: History) -> list[_Charge]:
    """Return every request with what it costs, in the order of their ends."""
    money = history.setting.money
    if money is None or not money.sums:
        return []
    found = []
    for seen in history.seen:
        refused = False
        for attempt, hit in history.pairs(seen):
            refused = refused or attempt.outcome == "budget_exceeded"
            if hit is None:
                continue
            accounts = tuple((each, _account(history, each, seen.ask, hit.arrived)) for each in money.sums)
            found.append(
                _Charge(
                    hit,
                    bill(history.setting, attempt.model, attempt.usage),
                    _reserve(history, attempt.model, seen.ask, hit.tokens * 0.98 - 1),
                    _reserve(history, attempt.model, seen.ask, hit.tokens * 1.15 + 6),
                    accounts,
                    # A budget whose other model answers bounds a call no more.
                    tuple(each for each in accounts if each[0].refuses and not (refused and each[0].use)),
                )
            )
    return sorted(found, key=lambda each: each.hit.left or 0.0)


def _standing(
    charges: list[_Charge], account: tuple[str, ...], at: float, number: int | None, *, least: bool
) -> tuple[int, int]:
    """Return what was spent of an account at a moment, and what was held: at least, or at most.

    Args:
        charges: All there are.
        account: Which one.
        at: The moment.
        number: The request that is about to be sent, or None.
        least: Whether what happened in the same moment counts for less, or for more.
    """
    spent = held = 0
    slack = -EXACT if least else EXACT
    for each in charges:
        if all(name != account for _, name in each.accounts):
            continue
        left = each.hit.left if each.hit.left is not None else float("inf")
        before = each.hit.number < number if number is not None else each.hit.arrived <= at + slack
        if left < at + slack:
            spent += each.cost
        if before and left > at - slack:
            held += each.least if least else each.most
    return spent, held


def _account(history: History, sum_: Sum, ask: Ask, at: float) -> tuple[str, ...]:
    who = {"user": ask.user or "", "team": ask.team or "red", None: ""}[sum_.each]
    return sum_.name, who, datetime.fromtimestamp(history.start + at, UTC).strftime(FORMATS[sum_.per])


def _reserve(history: History, model: str, ask: Ask, tokens: float) -> int:
    """Return what a request may cost, in billionths of a dollar."""
    given, _, made = history.setting.rates(model)
    return int((float(given) * tokens + float(made) * (ask.most or OUTPUT)) * 1000)


def _tokens(ask: Ask) -> int:
    return estimate([Message(role="user", content=ask.prompt)])


def _used(attempt: AttemptRecord, hit: Hit | None) -> Usage | None:
    """Return the tokens of an attempt: as the endpoint told, where the router could hear it, else as estimated."""
    heard = hit is not None and hit.usage is not None and hit.said and attempt.outcome == (hit.told or "")
    return hit.usage if hit is not None and heard else attempt.usage


def _told(history: History) -> Iterator[tuple[Seen, tuple[AttemptRecord, ...]]]:
    for seen in history.seen:
        record = history.record(seen)
        if record is not None:
            yield seen, record.attempts


def _key(seen: Seen, attempt: AttemptRecord) -> Key:
    return seen.ask.user or "", attempt.model, attempt.endpoint, attempt.outcome


def _names(by: tuple[str, ...]) -> Key:
    user, model, endpoint, outcome = by
    return user, model, endpoint, outcome


INVARIANTS = (
    the_books_have_a_row_for_every_request_and_every_kept_answer,
    what_is_spent_is_the_price_of_what_was_used,
    what_is_saved_is_in_the_books,
    no_budget_is_overdrawn_by_what_is_asked,
    no_budget_refuses_what_fits,
    a_spent_budget_is_told_once,
    who_is_answered_by_a_cheaper_model_is_told,
)
