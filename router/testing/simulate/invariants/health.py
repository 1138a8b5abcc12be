"""Invariants of what is left alone, and of what is used again."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from router.core.errors import CallFailed
from router.core.record import LOST
from router.testing.simulate.history import EXACT
from router.testing.simulate.invariants.facts import always_open, barred, reachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.testing.simulate.history import History
    from router.testing.simulate.world import Hit

TRIP = 240.0  # the shortest time after a refusal of the key or the model
PANIC = 2.0  # between two probes when nothing else is left
OF_KEY = frozenset({"authentication", "quota_exhausted"})
OF_DEPLOYMENT = frozenset(
    {"first_token_timeout", "stream_stalled", "stream_interrupted", "server_error", "overloaded"}
)
OF_ENDPOINT = frozenset({"connection_lost", "malformed_response"})
OF_HOST = frozenset({"connect_failed"})
FINE = frozenset({"ok", "rate_limited", "context_length", "invalid_request", "content_filtered", *OF_KEY})
NO_VERDICT = frozenset({"cancelled", LOST, "deadline_exceeded"})


def nothing_is_sent_under_a_key_that_was_refused(history: History) -> Iterator[str]:
    """Not before the trip time is over."""
    for hit in history.hits:
        key = history.key(hit)
        if hit.told in OF_KEY and key is not None and _guarded(history, hit):
            same = [other for other in history.hits if history.key(other) == key and _guarded(history, other)]
            if not _stale(hit, same):
                yield from _sent_too_early(hit, same, hit.told_at + TRIP, f"key {key}")


def another_key_is_tried_at_once(history: History) -> Iterator[str]:
    """Where one credential is refused or has had enough, and another never was, the call goes on with that."""
    setting = history.setting
    for hit in history.hits:
        upstream, seen = history.upstream(hit), history.seen[hit.call]
        if hit.told not in {*OF_KEY, "rate_limited"} or upstream.requests or upstream.tokens or seen.gone:
            continue
        if (setting.ladder is not None and not upstream.local) or (setting.money and setting.money.bounds):
            continue  # it may be barred, or too dear
        bad = {history.key(other) for other in history.hits if other.told in {*OF_KEY, "rate_limited"}}
        told = {other.told for other in history.hits if history.upstream(other).host == upstream.host}
        record, late = history.record(seen), history.deadline(seen) - setting.min_left - 1.0
        if record is None or set(upstream.keys) <= bad or told - FINE or hit.told_at > late:
            continue
        tries = [each for each in record.attempts if each.endpoint == hit.endpoint]
        if len(record.attempts) < setting.attempts and len(tries) < 2:  # noqa: PLR2004
            yield f"call {seen.ask.number} did not try another key than {history.key(hit)} of {hit.endpoint}"


def nothing_is_sent_to_a_model_that_is_not_there(history: History) -> Iterator[str]:
    """Not before the trip time is over."""
    if history.setting.breaker is None:
        return
    for hit in history.hits:
        if hit.told == "model_not_found":
            same = [
                other for other in history.hits if _deployment(history, other) == _deployment(history, hit)
            ]
            if not _stale(hit, same):
                yield from _sent_too_early(hit, same, hit.told_at + TRIP, hit.id)


def everybody_waits_as_long_as_an_endpoint_asked_for(history: History) -> Iterator[str]:
    """A Retry-After holds for all calls under that key for that model; without a breaker for the call itself."""
    for hit in history.hits:
        limited, busy = hit.told == "rate_limited", hit.told == "overloaded" and hit.retry_after is not None
        if not limited and not busy:
            continue
        until = hit.told_at + max(hit.retry_after or 0.0, 1.0 if limited else 0.0)
        same = [other for other in history.hits if _deployment(history, other) == _deployment(history, hit)]
        if limited:
            same = [other for other in same if other.key == hit.key]
        if history.setting.breaker is None and not (limited and _guarded(history, hit)):
            same = [other for other in same if other.call == hit.call]
            until = hit.told_at + (hit.retry_after or 0.0)
        yield from _sent_too_early(hit, same, until, f"{hit.id} ({hit.told})")


def a_failing_deployment_is_probed_one_at_a_time(history: History) -> Iterator[str]:
    """And rarely."""
    yield from _probed(history, lambda hit: (hit.endpoint, hit.id), OF_DEPLOYMENT)


def a_failing_endpoint_is_probed_one_at_a_time(history: History) -> Iterator[str]:
    """And rarely."""
    yield from _probed(history, lambda hit: hit.endpoint, OF_ENDPOINT)


def a_failing_host_is_probed_one_at_a_time(history: History) -> Iterator[str]:
    """And rarely."""
    yield from _probed(history, lambda hit: history.upstream(hit).host, OF_HOST)


def a_healed_endpoint_is_used_again(history: History) -> Iterator[str]:
    """In the end, every model is answered at the first try by its first place."""
    setting = history.setting
    for seen in history.seen:
        if seen.ask.phase != "final" or seen.ask.model is None or barred(setting, seen.ask.model):
            continue
        hits = [hit for attempt, hit in history.pairs(seen) if attempt.outcome != LOST and hit is not None]
        who = f"the last call to {seen.ask.model}"
        if seen.completion is None:
            yield f"{who} raised {seen.error!r}"
        elif len(hits) != 1:
            yield f"{who} needed {len(hits)} requests"
        elif setting.hedge is None and setting.balances[seen.ask.model] == "ordered":
            first = next(p.endpoint for p in setting.models[seen.ask.model] if reachable(setting, p.endpoint))
            if hits[0].endpoint != first:
                yield f"{who} went to {hits[0].endpoint} and not to {first}"


def an_endpoint_that_never_failed_is_never_left_alone(history: History) -> Iterator[str]:
    """It is not refused, and gets what the file gives it first."""
    setting = history.setting
    for seen in history.seen:
        first = seen.ask.candidates(setting)[0]
        if not always_open(setting, first.endpoint, healthy=True):
            continue
        if isinstance(seen.error, CallFailed) and seen.error.kind == "all_circuits_open":
            yield f"call {seen.ask.number} was refused although {first.endpoint} never failed"
        record = history.record(seen)
        if (
            setting.hedge is None
            and setting.balances[first.model] == "ordered"
            and record
            and record.attempts
        ):
            tried = record.attempts[0]
            if tried.endpoint != first.endpoint:
                yield f"call {seen.ask.number} went to {tried.endpoint} although {first.endpoint} never failed"


def _guarded(history: History, hit: Hit) -> bool:
    """Whether the router keeps a breaker for credentials there."""
    return history.setting.breaker is not None or len(history.upstream(hit).keys) > 1


def _deployment(history: History, hit: Hit) -> tuple[str, str]:
    del history
    return hit.endpoint, hit.id


def _stale(hit: Hit, same: list[Hit]) -> bool:
    """Whether the breaker may have moved while a request ran, so that its end did not count."""
    return any(
        other is not hit and other.left is not None and hit.arrived < other.left <= hit.told_at + EXACT
        for other in same
    )


def _sent_too_early(hit: Hit, same: list[Hit], until: float, what: str) -> Iterator[str]:
    for other in same:
        if hit.told_at + EXACT < other.arrived < until - EXACT:
            yield f"request {other.number} went out {until - other.arrived:.2f} s too early for {what}"


def _probed(history: History, scope: Callable[[Hit], object], failures: frozenset[str]) -> Iterator[str]:
    breaker = history.setting.breaker
    if breaker is None:
        return
    by_scope: dict[object, list[tuple[Hit, str]]] = {}
    for seen in history.seen:
        for attempt, hit in history.pairs(seen):
            if hit is not None and hit.left is not None:
                by_scope.setdefault(scope(hit), []).append((hit, attempt.outcome))
    for name, results in by_scope.items():
        for opened, closed in _outages(results, failures, breaker.failures):
            probes = [
                (hit, outcome) for hit, outcome in results if opened + EXACT < hit.arrived < closed - EXACT
            ]
            yield from _judged(name, sorted(probes, key=lambda probe: probe[0].number), failures)


def _outages(
    results: list[tuple[Hit, str]], failures: frozenset[str], needed: int
) -> Iterator[tuple[float, float]]:
    """Yield from when to when a breaker was certainly not closed: after so many failures in a row, until
    anything else than a failure ended.
    """  # noqa: D205 - one sentence
    since, count, opened = 0.0, 0, None
    for hit, outcome in sorted(results, key=lambda result: (result[0].left or 0.0, result[0].number)):
        left = hit.left or 0.0
        if outcome in failures:
            count += hit.arrived >= since
            if count >= needed and opened is None:
                opened = left
        elif outcome not in NO_VERDICT:
            if opened is not None:
                yield opened, left
            since, count, opened = left, 0, None
    if opened is not None:
        yield opened, float("inf")


def _judged(name: object, probes: list[tuple[Hit, str]], failures: frozenset[str]) -> Iterator[str]:
    for (before, outcome), (hit, _) in pairwise(probes):
        left = before.left or 0.0
        if hit.arrived < left - EXACT:
            yield f"requests {before.number} and {hit.number} both probed {name}"
        elif outcome in failures and hit.arrived < left + PANIC - EXACT:
            yield f"{name} was probed again after {hit.arrived - left:.2f} s by request {hit.number}"


INVARIANTS = (
    nothing_is_sent_under_a_key_that_was_refused,
    another_key_is_tried_at_once,
    nothing_is_sent_to_a_model_that_is_not_there,
    everybody_waits_as_long_as_an_endpoint_asked_for,
    a_failing_deployment_is_probed_one_at_a_time,
    a_failing_endpoint_is_probed_one_at_a_time,
    a_failing_host_is_probed_one_at_a_time,
    a_healed_endpoint_is_used_again,
    an_endpoint_that_never_failed_is_never_left_alone,
)
