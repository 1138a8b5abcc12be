"""Invariants of a call's way over its candidates."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from router.core.errors import CallFailed
from router.core.record import LOST
from router.testing.simulate.history import EXACT, SLACK
from router.testing.simulate.invariants.facts import always_open, further, shared, wanders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.core.record import AttemptRecord
    from router.testing.simulate.callers import Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.world import Hit

FINAL = frozenset({"invalid_request", "content_filtered"})
# Failures that say nothing of what another key, or nothing else than what the same place, would answer.
OF_A_KEY = frozenset({"quota_exhausted", "authentication"})
OF_KEYS = OF_A_KEY | {"rate_limited"}  # another key is tried besides
OF_A_PLACE = frozenset(
    {
        *("first_token_timeout", "stream_stalled", "stream_interrupted", "model_not_found", "context_length"),
        *("content_filtered", "invalid_request"),
    }
)
BACKED_OFF = frozenset({"connect_failed", "malformed_response", "server_error", "overloaded", "conflict"})
LOCAL = frozenset({"shed", "deadline_exceeded"})
UNCOUNTED = frozenset({"model_loading", LOST})


def a_call_is_over_by_its_deadline(history: History) -> Iterator[str]:
    """Nobody waits for the router longer than the call may take."""
    for seen in history.seen:
        deadline = history.deadline(seen)
        for began, ended in seen.waits:
            if ended > max(began, deadline) + SLACK:
                yield f"call {seen.ask.number} waited until {ended:.2f}, {ended - deadline:.2f} s too long"


def no_request_is_sent_without_time_for_it(history: History) -> Iterator[str]:
    """Not when less is left than `min_left`."""
    for seen in history.seen:
        latest = history.deadline(seen) - history.setting.min_left
        for hit in history.of(seen):
            if hit.arrived > latest + EXACT:
                yield f"request {hit.number} of call {seen.ask.number} came {hit.arrived - latest:.3f} s too late"


def attempts_are_bounded(history: History) -> Iterator[str]:
    """In all, and at one place under one key."""
    setting = history.setting
    for seen in history.seen:
        record = history.record(seen)
        counted = [each for each in record.attempts if each.outcome not in UNCOUNTED] if record else []
        own = {place.model for place in seen.ask.candidates(setting)}
        walks = 1 + sum(each.outcome == "budget_exceeded" for each in counted) * _has_others(history)
        for what, made in (
            ("its own", [each for each in counted if each.model in own]),
            ("further", [each for each in counted if each.model not in own]),
        ):
            if len(made) > setting.attempts * walks:
                yield f"call {seen.ask.number} made {len(made)} attempts at {what} models of {setting.attempts}"
        at: dict[tuple[str, str, int], int] = {}
        for attempt, hit in history.pairs(seen):
            keys = len(history.upstream(hit).keys) if hit is not None else 0
            if (
                hit is not None
                and attempt.outcome not in UNCOUNTED
                and not (keys > 1 and attempt.outcome in OF_KEYS)
            ):
                here = (hit.endpoint, hit.id, hit.key)
                at[here] = at.get(here, 0) + 1
        if max(at.values(), default=0) > (setting.same + 1) * walks:
            yield f"call {seen.ask.number} asked one place {max(at.values())} times: {at}"


def what_cannot_help_is_not_tried(history: History) -> Iterator[str]:
    """No failure that would only repeat is asked for again, at that place or under that key."""
    for seen in history.seen:
        if _has_others(history) and _refused(history, seen):
            continue  # another model answers, which may be one that was tried
        ended: list[tuple[str, Hit]] = []
        for attempt, hit in _in_order(history, seen):
            for kind, before in ended:
                if before.left is None or before.left > hit.arrived + EXACT:
                    continue
                same = (before.endpoint, before.id) == (hit.endpoint, hit.id)
                if same and (kind in OF_A_PLACE or (kind in OF_A_KEY and before.key == hit.key)):
                    yield f"call {seen.ask.number} came back to {hit.endpoint} after {kind}"
            ended.append((attempt, hit))


def a_fault_of_the_call_ends_it(history: History) -> Iterator[str]:
    """What every endpoint would refuse is sent to no other."""
    final = FINAL - {"content_filtered"} if history.setting.filters_move else FINAL
    for seen in history.seen:
        hits = history.of(seen)
        told = min((hit.told_at for hit in hits if hit.told in final), default=None)
        for hit in hits:
            at_once = history.setting.hedge is not None and (hit.left or 0.0) - hit.arrived < EXACT
            if told is not None and hit.arrived >= told - EXACT and hit.told_at != told and not at_once:
                yield f"call {seen.ask.number} went to {hit.endpoint} after it was refused for good"


def a_prompt_too_long_goes_only_to_a_larger_window(history: History) -> Iterator[str]:
    """After `context_length`, only where more fits."""
    for seen in history.seen:
        hits = history.of(seen)
        for refused in hits:
            if refused.told != "context_length":
                continue
            context = history.place(refused).context
            for hit in hits:
                later = hit is not refused and hit.arrived >= refused.told_at - EXACT
                if later and not _waited(history, seen, hit) and history.place(hit).context <= context:
                    yield f"call {seen.ask.number} went to {hit.endpoint}, which is no larger than {context}"


def _waited(history: History, seen: Seen, hit: Hit) -> bool:
    """Whether a request may have stood in a queue, as the first of two attempts, when the other was refused."""
    before = [each for each in history.of(seen) if each.number < hit.number]
    here = any(history.place(each) == history.place(hit) for each in before)
    return history.setting.hedge is not None and not here


def a_request_goes_only_where_the_rules_say(history: History) -> Iterator[str]:
    """To candidates of the call; a private one stays on this machine."""
    for seen in history.seen:
        setting = history.setting
        below = [place for name in further(setting, seen.ask) for place in setting.models[name]]
        legal = {(place.endpoint, place.id) for place in (*seen.ask.candidates(setting), *below)}
        for hit in history.of(seen):
            if (hit.endpoint, hit.id) not in legal:
                yield f"call {seen.ask.number} went to {hit.id} at {hit.endpoint}"
            if seen.ask.model is None and seen.ask.task == "private" and not history.upstream(hit).local:
                yield f"the private call {seen.ask.number} left this machine for {hit.endpoint}"


def a_place_that_failed_gets_time_before_it_is_tried_again(history: History) -> Iterator[str]:
    """The same call waits at least half of the first backoff."""
    least = history.setting.backoff / 2
    for seen in history.seen:
        pairs = list(_in_order(history, seen))
        for (kind, before), (_, hit) in pairwise(pairs):
            same = (before.endpoint, before.id, before.key) == (hit.endpoint, hit.id, hit.key)
            if (
                same
                and kind in BACKED_OFF
                and hit.arrived - before.told_at < least - EXACT
                and not hit.garbled
            ):
                yield f"call {seen.ask.number} was back after {hit.arrived - before.told_at:.3f} s"


def a_call_without_attempts_left_ends_at_once(history: History) -> Iterator[str]:
    """Nobody waits for nothing."""
    for seen in history.seen:
        hits = history.of(seen)
        record = history.record(seen)
        if not isinstance(seen.error, CallFailed) or record is None or not hits or seen.ask.live:
            continue
        if wanders(history.setting, seen.ask):
            continue
        counted = [each for each in record.attempts if each.outcome not in UNCOUNTED]
        over = max(hit.left or 0.0 for hit in hits)
        last = (
            len(counted) == history.setting.attempts and counted[-1].sent and counted[-1].outcome not in LOCAL
        )
        if last and (seen.ended or 0.0) > over + SLACK:
            yield f"call {seen.ask.number} ended {(seen.ended or 0.0) - over:.2f} s after its last attempt"


def failures_move_on_to_what_is_well(history: History) -> Iterator[str]:
    """A call fails only when no candidate that is well was left, or no attempt, or no time."""
    setting = history.setting
    for seen in history.seen:
        if (
            not isinstance(seen.error, CallFailed)
            or seen.pieces
            or excused(history, seen, seen.error.attempts)
        ):
            continue
        well = [p for p in seen.ask.candidates(setting) if always_open(setting, p.endpoint, healthy=True)]
        if well:
            yield f"call {seen.ask.number} raised {seen.error.kind} although {well[0].endpoint} was well"


def excused(history: History, seen: Seen, attempts: Sequence[AttemptRecord]) -> bool:
    """Whether a call whose candidates failed had a reason that a healthy one does not change."""
    own = {place.model for place in seen.ask.candidates(history.setting)}
    outcomes = [each.outcome for each in attempts if each.model in own]
    counted = [outcome for outcome in outcomes if outcome not in UNCOUNTED]
    broken = seen.ask.live and not history.setting.restart and any(hit.said for hit in history.of(seen))
    reasons = {"shed", "deadline_exceeded", "context_length", *FINAL}
    told = {seen.error.kind} if isinstance(seen.error, CallFailed) else set()
    return (
        broken
        or len(counted) >= history.setting.attempts
        or bool({*told, *outcomes} & reasons)
        or shared(history, seen)
    )


def _has_others(history: History) -> bool:
    """Whether another model answers where a budget is spent."""
    return history.setting.money is not None and bool(history.setting.money.others)


def _refused(history: History, seen: Seen) -> bool:
    """Whether a budget refused an attempt of a call."""
    record = history.record(seen)
    return record is not None and any(each.outcome == "budget_exceeded" for each in record.attempts)


def a_silent_endpoint_is_abandoned_in_time(history: History) -> Iterator[str]:
    """Not before content, not within it, and not in all."""
    for seen in history.seen:
        if seen.ask.pause:
            continue
        for hit in history.of(seen):
            limits, left = history.upstream(hit), (hit.left or 0.0) - SLACK
            if limits.first is not None and not hit.said and left > hit.arrived + limits.first:
                yield f"request {hit.number} was waited for {left - hit.arrived:.2f} s without content"
            silent = left - hit.said[-1][0] if hit.said and not hit.garbled else 0.0
            if limits.idle is not None and silent > limits.idle:
                yield f"request {hit.number} was waited for {silent:.2f} s in its answer"
            if left > hit.arrived + limits.total:
                yield f"request {hit.number} ran {left - hit.arrived:.2f} s"


def nothing_runs_for_a_caller_who_is_gone(history: History) -> Iterator[str]:
    """Endpoints are left as soon as the call is over."""
    for seen in history.seen:
        for hit in history.of(seen):
            if hit.left is None or (seen.ended is not None and hit.left > seen.ended + SLACK):
                yield f"request {hit.number} ran on after call {seen.ask.number} was over"


def _in_order(history: History, seen: Seen) -> Iterator[tuple[str, Hit]]:
    """Yield outcome and request of every attempt that was sent, by arrival."""
    sent = [(each.outcome, hit) for each, hit in history.pairs(seen) if hit is not None]
    yield from sorted(sent, key=lambda pair: pair[1].number)


INVARIANTS = (
    a_call_is_over_by_its_deadline,
    no_request_is_sent_without_time_for_it,
    attempts_are_bounded,
    what_cannot_help_is_not_tried,
    a_fault_of_the_call_ends_it,
    a_prompt_too_long_goes_only_to_a_larger_window,
    a_request_goes_only_where_the_rules_say,
    a_place_that_failed_gets_time_before_it_is_tried_again,
    a_call_without_attempts_left_ends_at_once,
    failures_move_on_to_what_is_well,
    a_silent_endpoint_is_abandoned_in_time,
    nothing_runs_for_a_caller_who_is_gone,
)
