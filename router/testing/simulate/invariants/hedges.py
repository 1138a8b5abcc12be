"""Invariants of second attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.record import LOST
from router.testing.simulate.history import EXACT, SLACK
from router.testing.simulate.invariants.facts import wanders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.testing.simulate.callers import Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.world import Hit

MINUTE = 60.0
QUEUED = 10.0  # the first attempt may reach its endpoint so long after the second was begun


def a_call_has_at_most_one_second_attempt(history: History) -> Iterator[str]:
    """At another endpoint, where the file says so, and not for a batch."""
    for seen in history.seen:
        pairs = _hedges(history, seen)
        if pairs and (history.setting.hedge is None or seen.ask.urgency == "batch"):
            yield f"call {seen.ask.number} had a second attempt that the file does not allow"
        if len(pairs) > 1 + wanders(history.setting, seen.ask):
            yield f"call {seen.ask.number} had {len(pairs)} second attempts"
        for first, second in pairs:
            if first.endpoint == second.endpoint:
                yield f"call {seen.ask.number} had both attempts at {first.endpoint}"


def the_slower_of_two_attempts_is_left_at_once(history: History) -> Iterator[str]:
    """As soon as the other has content."""
    for seen in history.seen:
        for pair in _hedges(history, seen):
            begun = [hit.first_at for hit in pair if hit.first_at is not None]
            if not begun:
                continue
            loser = max(pair, key=lambda hit: hit.first_at or float("inf"))
            if (loser.left or 0.0) > min(begun) + SLACK:
                yield f"request {loser.number} went on after call {seen.ask.number} had another answer"


def only_the_slower_of_two_attempts_is_called_lost(history: History) -> Iterator[str]:
    """Another had content, or found that nobody will answer the call."""
    for seen in history.seen:
        record, hits = history.record(seen), history.of(seen)
        lost = [each for each in record.attempts if each.outcome == LOST] if record is not None else []
        if lost and not any(hit.said or hit.told is not None for hit in hits):
            yield f"call {seen.ask.number} lost an attempt to nobody"


def second_attempts_are_few(history: History) -> Iterator[str]:
    """No more than the share of the file in any minute."""
    hedge = history.setting.hedge
    if hedge is None:
        return
    second = sorted(pair[1].arrived for seen in history.seen for pair in _hedges(history, seen))
    for now in second:
        made = sum(now - MINUTE + QUEUED < at <= now for at in second)
        calls = sum(
            now - MINUTE - QUEUED <= seen.started <= now  # it may have been allowed that much earlier
            and seen.ask.urgency != "batch"
            and len(seen.ask.candidates(history.setting)) > 1
            for seen in history.seen
        )
        walks = 1 + any(wanders(history.setting, seen.ask) for seen in history.seen)
        if made > max(1.0, hedge.max * calls * walks):
            yield f"{made} second attempts in a minute with {calls} calls"


def _hedges(history: History, seen: Seen) -> list[tuple[Hit, Hit]]:
    """Return the pairs of requests of a call that ran at the same time, the earlier one first."""
    hits = history.of(seen)
    return [
        (first, second)
        for number, second in enumerate(hits)
        for first in hits[:number]
        if first.left is None or first.left > second.arrived + EXACT
    ]


INVARIANTS = (
    a_call_has_at_most_one_second_attempt,
    the_slower_of_two_attempts_is_left_at_once,
    only_the_slower_of_two_attempts_is_called_lost,
    second_attempts_are_few,
)
