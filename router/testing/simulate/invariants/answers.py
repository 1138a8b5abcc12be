"""Invariants of what a caller gets, and of what is told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import CallFailed, RouterError
from router.core.record import LOST
from router.core.usage import from_nano
from router.testing.simulate.history import EXACT, SLACK
from router.testing.simulate.invariants.facts import CANNED, bill, canned, shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.core.record import AttemptRecord
    from router.testing.simulate.callers import Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.world import Hit

NOT_SENT = frozenset({"shed", "deadline_exceeded", "cancelled", LOST})
LEFT = frozenset({"cancelled", LOST})
# How an attempt may end whose endpoint told no end; it may also have been silent, or not been understood.
ABANDONED = frozenset({"deadline_exceeded", *LEFT})
SILENT = frozenset({"hang", "mute", "stall"})
TOO_SLOW = frozenset({"first_token_timeout", "stream_stalled"})
TOLD_LATER = frozenset({"deadline_exceeded", "all_circuits_open", "no_candidate"})


def a_call_ends_with_an_answer_or_an_error_of_ours(history: History) -> Iterator[str]:
    """No foreign exception, no silence."""
    for seen in history.seen:
        who = f"call {seen.ask.number}"
        if seen.ended is None:
            yield f"{who} never ended"
        elif seen.error is not None and not isinstance(seen.error, RouterError):
            yield f"{who} raised {seen.error!r}"
        elif seen.error is None and seen.completion is None and not seen.gone:
            yield f"{who} ended with nothing"


def a_call_is_told_exactly_once(history: History) -> Iterator[str]:
    """Observers hear of every call, once."""
    for seen in history.seen:
        told = len(history.notes.calls.get(seen.ask.number, []))
        if told != 1:
            yield f"call {seen.ask.number} was told {told} times"


def what_is_told_of_a_call_is_what_its_caller_saw(history: History) -> Iterator[str]:
    """Outcome and attempts are the same everywhere."""
    for seen in history.seen:
        record = history.record(seen)
        if record is None:
            continue
        who = f"call {seen.ask.number}"
        if (record.outcome == "ok") != (seen.completion is not None) and not seen.gone:
            yield f"{who} was told as {record.outcome}"
        if isinstance(seen.error, CallFailed) and record.outcome != seen.error.kind:
            yield f"{who} raised {seen.error.kind} and was told as {record.outcome}"
        theirs = seen.completion or seen.error
        if isinstance(theirs, CallFailed) and theirs.attempts != record.attempts:
            yield f"{who} has other attempts than its record"
        if seen.completion is not None and seen.completion.attempts != record.attempts:
            yield f"{who} has other attempts than its record"


def an_attempt_is_told_exactly_once(history: History) -> Iterator[str]:
    """Observers hear of every attempt of a call, once."""
    for seen in history.seen:
        record = history.record(seen)
        if record is None:
            continue
        told = history.notes.attempts.get(record.request_id, [])
        if tuple(told) != record.attempts:
            yield f"call {seen.ask.number} told {len(told)} attempts and has {len(record.attempts)}"


def the_attempts_told_are_the_requests_sent(history: History) -> Iterator[str]:
    """Every request has a record, and every record that says so was a request."""
    for seen in history.seen:
        pairs = list(history.pairs(seen))
        matched = {hit.number for _, hit in pairs if hit is not None}
        missing = [hit for hit in history.of(seen) if hit.number not in matched]
        for hit in missing:
            yield f"request {hit.number} of call {seen.ask.number} at {hit.endpoint} ({hit.regime}) has no record"
        for attempt, found in pairs:
            if found is None and attempt.sent and attempt.outcome not in NOT_SENT:
                yield f"call {seen.ask.number} tells of a request at {attempt.endpoint} that never came: {attempt}"


def an_attempt_ends_as_the_world_saw_it(history: History) -> Iterator[str]:
    """The outcome of a record is what the endpoint really did."""
    for seen in history.seen:
        for attempt, hit in history.pairs(seen):
            if hit is not None and not _true(attempt, hit, seen):
                yield (
                    f"request {hit.number} of call {seen.ask.number} at {hit.endpoint} ({hit.regime}, told {hit.told})"
                    f" is recorded as {attempt.outcome}"
                )


def _true(attempt: AttemptRecord, hit: Hit, seen: Seen) -> bool:
    outcome = attempt.outcome
    at_once = hit.left is not None and hit.left - hit.told_at < EXACT
    if outcome == "cancelled" and not seen.gone and not seen.ask.pause:
        return False
    if hit.told is None:
        silent = outcome in TOO_SLOW and hit.regime in SILENT
        return silent or outcome in ABANDONED or (outcome == "malformed_response" and bool(hit.garbled))
    if outcome in LEFT:
        return at_once or bool(hit.garbled)
    if hit.told == "end":
        return outcome == "malformed_response"
    if hit.told == "ok":
        return outcome == ("ok" if hit.said else "malformed_response")
    return outcome == hit.told


def the_error_told_is_one_that_happened(history: History) -> Iterator[str]:
    """A call's error is that of one of its attempts, or its own end."""
    for seen in history.seen:
        if not isinstance(seen.error, CallFailed):
            continue
        kind, outcomes = seen.error.kind, {each.outcome for each in seen.error.attempts}
        if kind not in outcomes and kind not in TOLD_LATER and not shared(history, seen):
            yield f"call {seen.ask.number} raised {kind} after {outcomes}"
        own = {place.model for place in seen.ask.candidates(history.setting)}
        tried = {each.outcome for each in seen.error.attempts if each.model in own}
        if kind == "all_circuits_open" and tried - LEFT and "budget_exceeded" not in tried:
            yield f"call {seen.ask.number} raised {kind} although it was tried: {outcomes}"


def a_request_says_what_its_caller_said(history: History) -> Iterator[str]:
    """The prompt and every sampling option, no more and no less."""
    for hit in history.hits:
        ask = history.seen[hit.call].ask
        if hit.prompt != ask.prompt or hit.params != ask.params:
            yield f"request {hit.number} of call {ask.number} said {hit.prompt[:40]!r} with {hit.params}"


def nobody_is_out_of_time_before_its_time(history: History) -> Iterator[str]:
    """What another call had no time for is no failure of this one."""
    for seen in history.seen:
        if not isinstance(seen.error, CallFailed) or seen.error.kind != "deadline_exceeded":
            continue
        early = history.deadline(seen) - history.setting.min_left - (seen.ended or 0.0)
        if not seen.error.attempts and early > EXACT:
            yield f"call {seen.ask.number} was out of time {early:.2f} s before its deadline"


def an_answer_is_one_whole_answer_to_this_call(history: History) -> Iterator[str]:
    """Complete, in order, of one request, of this call, and really finished."""
    for seen in history.seen:
        if seen.completion is None or seen.completion.cached or seen.completion.degraded == CANNED:
            continue
        who = f"call {seen.ask.number}"
        good = [hit for attempt, hit in history.pairs(seen) if attempt.outcome == "ok" and hit is not None]
        if len(good) != 1:
            yield f"{who} was answered by {len(good)} requests"
            continue
        hit = good[0]
        if hit.told != "ok":
            yield f"{who} succeeded with an answer that did not end well ({hit.regime})"
        if seen.completion.content != hit.text or not hit.said:
            yield f"{who} got {seen.completion.content!r} and not {hit.text!r}"
        if seen.completion.endpoint != hit.endpoint:
            yield f"{who} names {seen.completion.endpoint} for an answer of {hit.endpoint}"


def what_could_not_be_read_is_never_passed_over_in_silence(history: History) -> Iterator[str]:
    """One unreadable event may be left out of an answer under way, and is told."""
    for seen in history.seen:
        if seen.completion is None:
            continue
        handed = seen.ask.live and not history.setting.buffered
        for attempt, hit in history.pairs(seen):
            if hit is None or attempt.outcome != "ok" or not hit.garbled:
                continue
            if not handed or len(hit.garbled) > 1 or hit.garbled[0] == 0:
                yield f"call {seen.ask.number} succeeded with events missing: {hit.garbled}"
            elif seen.completion.degraded is None:
                yield f"call {seen.ask.number} does not say that an event is missing"


def a_stream_never_repeats_or_skips(history: History) -> Iterator[str]:
    """What was read is the beginning of one answer, and all of it at the end."""
    for seen in history.seen:
        if not seen.pieces:
            continue
        whole = history.source(seen.text) is not None or seen.text == canned(history.setting, seen.ask)
        if not whole and not any(hit.text.startswith(seen.text) for hit in history.of(seen)):
            yield f"call {seen.ask.number} read {seen.text!r}, which nobody said"
        if seen.completion is not None and seen.completion.content != seen.text:
            yield f"call {seen.ask.number} read {seen.text!r} of {seen.completion.content!r}"


def a_stream_is_handed_out_as_the_file_says(history: History) -> Iterator[str]:
    """Live: at once. Buffered: nothing before the end."""
    for seen in history.seen:
        source = next((hit for hit in history.of(seen) if seen.text and hit.text.startswith(seen.text)), None)
        if source is None:
            continue
        if history.setting.buffered:
            if source.told != "ok" or seen.pieces[0][0] < source.told_at - EXACT:
                yield f"call {seen.ask.number} read of a buffered answer before its end"
            continue
        for (read, _), (said, text) in zip(seen.pieces, source.said, strict=False):
            if read - said > SLACK:
                yield f"call {seen.ask.number} got {text!r} {read - said:.2f} s late"
                break


def usage_is_what_the_endpoint_told_else_an_estimate(history: History) -> Iterator[str]:
    """Tokens that were told are told on; others are marked."""
    for seen in history.seen:
        for attempt, hit in history.pairs(seen):
            usage = attempt.usage
            if hit is None or attempt.outcome in LEFT:
                wrong = usage is not None and not usage.estimated
            elif hit.usage is not None and hit.said and attempt.outcome == (hit.told or ""):
                wrong = usage != hit.usage
            else:
                wrong = (attempt.outcome == "ok" and usage is None) or (
                    usage is not None and not usage.estimated
                )
            if wrong:
                told = hit.usage if hit is not None else None
                yield f"an attempt of call {seen.ask.number} ({attempt.outcome}) has {usage}, told was {told}"


def the_cost_of_a_call_is_that_of_all_its_attempts(history: History) -> Iterator[str]:
    """Failed attempts cost too, to the last fraction."""
    for seen in history.seen:
        record = history.record(seen)
        if record is None:
            continue
        total = from_nano(sum(bill(history.setting, each.model, each.usage) for each in record.attempts))
        if record.cost != total:
            yield f"call {seen.ask.number} cost {record.cost} and should have cost {total}"


INVARIANTS = (
    a_call_ends_with_an_answer_or_an_error_of_ours,
    a_call_is_told_exactly_once,
    what_is_told_of_a_call_is_what_its_caller_saw,
    an_attempt_is_told_exactly_once,
    the_attempts_told_are_the_requests_sent,
    an_attempt_ends_as_the_world_saw_it,
    the_error_told_is_one_that_happened,
    a_request_says_what_its_caller_said,
    nobody_is_out_of_time_before_its_time,
    an_answer_is_one_whole_answer_to_this_call,
    what_could_not_be_read_is_never_passed_over_in_silence,
    a_stream_never_repeats_or_skips,
    a_stream_is_handed_out_as_the_file_says,
    usage_is_what_the_endpoint_told_else_an_estimate,
    the_cost_of_a_call_is_that_of_all_its_attempts,
)
