"""Invariants of answers that are kept, and of calls that are answered together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from router.core.errors import DeadlineExceeded
from router.testing.simulate.history import EXACT
from router.testing.simulate.invariants.facts import (
    CANNED,
    STALE,
    bill,
    fresh,
    question,
    refuses,
    use_of,
    waits_for_others,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from router.core.messages import Completion
    from router.testing.simulate.callers import Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.world import Hit

SPREAD = 1.1  # an answer may stay good so much longer than the file says
LEAST = 0.9
FAIR = frozenset({"ok", "slow"})


def a_kept_answer_was_given_to_this_very_question(history: History) -> Iterator[str]:
    """To the same words and options of the same user, among the same candidates; by an upstream, and whole."""
    setting = history.setting
    for seen, completion in _kept(history):
        who, hit = f"call {seen.ask.number}", history.source(completion.content)  # type: ignore[arg-type]  # a text
        if completion.degraded == CANNED:
            continue
        if hit is None:
            yield f"{who} got a kept answer that nobody ever gave: {completion.content!r}"
            continue
        first = history.seen[hit.call]
        if question(setting, seen.ask) != question(setting, first.ask):
            yield f"{who} got the answer to call {first.ask.number}, which asked something else"
        if hit.garbled and not setting.buffered and first.ask.live:
            yield f"{who} got the answer to call {first.ask.number}, of which an event is missing"
        if completion.degraded is None and history.place(hit) not in seen.ask.candidates(setting):
            yield f"{who} got a kept answer of {hit.endpoint}, which is no candidate"


def only_what_is_certain_is_kept(history: History) -> Iterator[str]:
    """Temperature 0 or a seed, unless somebody says `always`; and not for those who say `off`."""
    setting = history.setting
    for seen, completion in _kept(history):
        hit = history.source(str(completion.content))
        first = history.seen[hit.call] if hit is not None else seen
        for each in (seen, first):
            if use_of(setting, each.ask) == "off":
                yield f"call {seen.ask.number} was answered from the cache, and call {each.ask.number} is not for it"
            elif completion.degraded != STALE and not fresh(setting, each.ask):
                yield f"call {seen.ask.number} was answered from the cache, and call {each.ask.number} is left to chance"


def a_kept_answer_is_no_older_than_it_may_be(history: History) -> Iterator[str]:
    """As the file, the rule and the call say; for the ladder as `stale_cache` says."""
    setting = history.setting
    for seen, completion in _kept(history):
        hit = history.source(str(completion.content))
        if hit is None:
            continue
        if completion.degraded == STALE:
            most = (setting.ladder.stale if setting.ladder is not None else None) or 0.0
        else:
            most = min(_ttl(history, history.seen[hit.call]) * SPREAD, _oldest(history, seen))
        age = seen.started - hit.told_at
        if age > most + EXACT:
            yield f"call {seen.ask.number} got an answer that is {age:.1f} s old, {age - most:.1f} s too old"


def a_kept_answer_costs_nothing(history: History) -> Iterator[str]:
    """No request is made for it, and what it saves is what it had cost."""
    for seen in history.seen:
        record, completion = history.record(seen), seen.completion
        if record is None or completion is None:
            continue
        who = f"call {seen.ask.number}"
        if completion.cached != record.cached or completion.cost != record.cost:
            yield f"{who} was told as cached={record.cached} for {record.cost}, and is not"
        hit = history.source(str(completion.content))
        if not completion.cached or hit is None:
            continue
        if completion.degraded != STALE and history.of(seen):
            yield f"{who} was answered from the cache after {len(history.of(seen))} requests"
        saved = None if record.saved is None else int(record.saved * 10**9)
        if saved != _cost(history, hit):
            yield f"{who} saved {saved}, and the answer had cost {_cost(history, hit)}"


def equal_questions_are_asked_once_at_a_time(history: History) -> Iterator[str]:
    """While one is being answered, the others wait for it."""
    spans: dict[Hashable, list[tuple[float, float, int]]] = {}
    for seen in history.seen:
        hits = history.of(seen)
        if hits and waits_for_others(history.setting, seen.ask):
            same = (question(history.setting, seen.ask), refuses(history.setting, seen.ask))
            span = (hits[0].arrived, max(hit.left or 0.0 for hit in hits), seen.ask.number)
            spans.setdefault(same, []).append(span)
    for calls in spans.values():
        for (_, until, one), (began, _, other) in pairwise(sorted(calls)):
            if began < until - EXACT:
                yield f"call {other} was sent {until - began:.2f} s before the equal call {one} was over"


def what_is_kept_is_not_asked_again(history: History) -> Iterator[str]:
    """As long as it is good, whoever asks the same gets it."""
    setting = history.setting
    if setting.keeping is None or setting.keeping.size is not None:
        return
    asked: dict[Hashable, list[Seen]] = {}
    for seen in history.seen:
        if seen.ask.topic is not None and fresh(setting, seen.ask):
            asked.setdefault(question(setting, seen.ask), []).append(seen)
    for calls in asked.values():
        if any(isinstance(use_of(setting, seen.ask), float) for seen in calls):
            continue  # answers that are good for less take the place of others
        good = [span for span in (_kept_from(history, seen) for seen in calls) if span is not None]
        for seen in calls:
            at = seen.started
            kept = [
                began for began, ended in good if ended + EXACT < at < began + LEAST * setting.keeping.ttl
            ]
            if kept and history.of(seen):
                yield f"call {seen.ask.number} was asked again, {at - kept[0]:.2f} s after its answer was kept"


def nobody_waits_for_an_answer_that_nobody_fetches(history: History) -> Iterator[str]:
    """Who runs out of time beside an equal call does so while that one is being answered."""
    setting = history.setting
    for seen in history.seen:
        error = seen.error
        if (
            not isinstance(error, DeadlineExceeded)
            or error.attempts
            or not waits_for_others(setting, seen.ask)
        ):
            continue
        if not _well_so_far(history, seen):
            continue  # who asks may have to wait before it can
        at, own = seen.ended or 0.0, question(setting, seen.ask)
        others = [
            other
            for other in history.seen
            if other is not seen
            and other.started <= at <= (other.ended or at) + setting.min_left + EXACT
            and waits_for_others(setting, other.ask)
            and question(setting, other.ask) == own
        ]
        if not any(_fetches(history, other) for other in others):
            yield f"call {seen.ask.number} waited for an equal call until {at:.2f} s, and there was none to wait for"


def _well_so_far(history: History, seen: Seen) -> bool:
    """Whether a candidate of a call has done nothing by its end for which it would be left alone."""
    setting = history.setting
    if setting.money is not None and setting.money.bounds:
        return False
    before = [hit for hit in history.hits if hit.arrived <= (seen.ended or 0.0) and hit.regime not in FAIR]
    bad = {history.upstream(hit).host for hit in before} | {history.key(hit) for hit in before}
    for place in seen.ask.candidates(setting):
        each = setting.upstreams[place.endpoint]
        limited = each.requests or each.tokens or (setting.ladder is not None and not each.local)
        if not limited and not {each.host, *each.keys} & bad:
            return True
    return False


def _fetches(history: History, seen: Seen) -> bool:
    """Whether a call is, or may be, one that asks."""
    record = history.record(seen)
    return record is None or bool(record.attempts) or record.outcome not in ("deadline_exceeded", "cancelled")


def _kept(history: History) -> Iterator[tuple[Seen, Completion]]:
    for seen in history.seen:
        if seen.completion is not None and seen.completion.cached:
            yield seen, seen.completion


def _kept_from(history: History, seen: Seen) -> tuple[float, float] | None:
    """Return the first and the last moment at which the answer of a call was kept; None if it is not worth it."""
    completion = seen.completion
    if completion is None or completion.cached or completion.degraded is not None or seen.ended is None:
        return None
    hit = history.source(str(completion.content))
    return None if hit is None else (hit.told_at, seen.ended)


def _ttl(history: History, seen: Seen) -> float:
    """Return how long the answer to a call stays good."""
    use = use_of(history.setting, seen.ask)
    keeping = history.setting.keeping
    return use if isinstance(use, float) else keeping.ttl if keeping is not None else 0.0


def _oldest(history: History, seen: Seen) -> float:
    """Return how old an answer a call takes."""
    use = use_of(history.setting, seen.ask)
    return use if isinstance(use, float) else float("inf")


def _cost(history: History, hit: Hit) -> int | None:
    """Return what an answer had cost, in billionths of a dollar."""
    for attempt, found in history.pairs(history.seen[hit.call]):
        if found is hit:
            return bill(history.setting, attempt.model, hit.usage or attempt.usage)
    return None


INVARIANTS = (
    a_kept_answer_was_given_to_this_very_question,
    only_what_is_certain_is_kept,
    a_kept_answer_is_no_older_than_it_may_be,
    a_kept_answer_costs_nothing,
    equal_questions_are_asked_once_at_a_time,
    what_is_kept_is_not_asked_again,
    nobody_waits_for_an_answer_that_nobody_fetches,
)
