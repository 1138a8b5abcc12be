"""Invariants of places, queues and rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.options import URGENCIES
from router.testing.simulate.history import EXACT, SLACK
from router.testing.simulate.invariants.facts import always_open, reachable, waits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from router.testing.simulate.callers import Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.setting import Upstream
    from router.testing.simulate.world import Hit

MINUTE = 60.0


def no_endpoint_gets_more_at_once_than_it_may(history: History) -> Iterator[str]:
    """`concurrency` holds at every moment."""
    for hit in history.hits:
        if hit.beside > history.upstream(hit).concurrency:
            yield f"request {hit.number} was number {hit.beside} at {hit.endpoint}"


def no_queue_is_longer_than_it_may_be(history: History) -> Iterator[str]:
    """`queue.max` holds where it can be seen."""
    for name, upstream in _open(history):
        changes = [(at, 1) for at, _, _ in waits(history, name)]
        changes += [(until, -1) for _, until, _ in waits(history, name)]
        waiting = 0
        for at, change in sorted(changes):
            waiting += change
            if waiting > upstream.queue_max:
                yield f"{waiting} calls waited for {name} at {at:.2f} s"
                break


def nobody_waits_longer_in_a_queue_than_the_file_says(history: History) -> Iterator[str]:
    """`queue.timeout` holds where it can be seen."""
    for name, upstream in _open(history):
        for began, until, seen in waits(history, name):
            most = upstream.queue_timeout * len(seen.ask.candidates(history.setting))
            if until - began > most + SLACK:
                yield f"call {seen.ask.number} waited {until - began:.2f} s for {name}"


def the_most_urgent_comes_first_then_the_oldest(history: History) -> Iterator[str]:
    """Nobody overtakes a more urgent call, or an older one of the same urgency."""
    by_number = {seen.ask.number: seen for seen in history.seen}
    for name, _ in _open(history):
        queue = waits(history, name)
        for hit in history.hits:
            if hit.endpoint != name:
                continue
            served = by_number[hit.call]
            for began, until, other in queue:
                waited = began < hit.arrived - EXACT and until > hit.arrived + EXACT
                if waited and _before(other, served, hit, history):
                    yield f"call {served.ask.number} was served before call {other.ask.number} at {name}"


def _before(other: Seen, served: Seen, hit: Hit, history: History) -> bool:
    """Whether one that waits should have come before one that is served."""
    theirs, own = URGENCIES.index(other.ask.urgency), URGENCIES.index(served.ask.urgency)
    setting = history.setting
    lone = len(other.ask.candidates(setting)) == 1 == len(served.ask.candidates(setting))
    first = history.of(served)[0] is hit
    return theirs < own or (theirs == own and lone and first and other.started < served.started - EXACT)


def no_place_is_idle_while_somebody_waits_for_it(history: History) -> Iterator[str]:
    """Nothing holds a place but what runs at the endpoint."""
    for name, upstream in _open(history):
        queue = waits(history, name)
        changes = [(hit.arrived, 1) for hit in history.hits if hit.endpoint == name]
        changes += [(hit.left or 0.0, -1) for hit in history.hits if hit.endpoint == name]
        running, since = 0, 0.0
        for at, change in sorted([*changes, (float("inf"), 0)]):
            if running < upstream.concurrency:
                idle = next(
                    (s for began, until, s in queue if min(until, at) - max(began, since) > SLACK), None
                )
                if idle is not None:
                    yield f"call {idle.ask.number} waited while {name} was idle from {since:.2f} to {at:.2f}"
                    break
            running, since = running + change, at


def requests_a_minute_are_limited(history: History) -> Iterator[str]:
    """A bucket of `requests_per_minute` never runs dry."""
    for name, upstream in history.setting.upstreams.items():
        if upstream.requests is not None:
            takes = [(hit.arrived, 1.0, 1.0) for hit in history.hits if hit.endpoint == name]
            for at in _overdrawn(takes, float(upstream.requests)):
                yield f"{name} had more than {upstream.requests} requests a minute at {at:.2f} s"


def tokens_a_minute_are_limited(history: History) -> Iterator[str]:
    """A bucket of `tokens_per_minute` is asked for the estimate and pays for the truth."""
    for name, upstream in history.setting.upstreams.items():
        if upstream.tokens is None:
            continue
        size = float(upstream.tokens)
        takes: list[tuple[float, float, float]] = []
        for seen in history.seen:
            for attempt, hit in history.pairs(seen):
                if hit is None or hit.endpoint != name:
                    continue
                takes.append((hit.arrived, min(float(hit.tokens), size), float(hit.tokens)))
                if attempt.usage is not None:
                    used = attempt.usage.input_tokens + attempt.usage.output_tokens
                    takes.append(((hit.left or 0.0) + EXACT, 0.0, float(used - hit.tokens)))
        for at in _overdrawn(takes, size):
            yield f"{name} had more than {size:g} tokens a minute at {at:.2f} s"


def _overdrawn(takes: Iterable[tuple[float, float, float]], size: float) -> Iterator[float]:
    """Yield the times at which a bucket held less than was needed; each take is time, need, amount."""
    left, then = size, 0.0
    for at, need, amount in sorted(takes):
        left = min(size, left + (at - then) * size / MINUTE)
        if need > 0 and left < need - 0.01:
            yield at
        left, then = min(size, left - amount), at


def every_place_is_free_in_the_end(history: History) -> Iterator[str]:
    """As many calls at once as an endpoint has places all run at once."""
    for name, upstream in history.setting.upstreams.items():
        if upstream.tokens is not None or not reachable(history.setting, name):
            continue
        wave = [
            hit
            for seen in history.seen
            if seen.ask.phase == "wave"
            for hit in history.of(seen)
            if hit.endpoint == name
        ]
        most = max((hit.beside for hit in wave), default=0)
        if most < upstream.concurrency:
            yield f"only {most} of {upstream.concurrency} places of {name} are left"


def no_task_is_left_on_the_loop(history: History) -> Iterator[str]:
    """A closed router does nothing."""
    for left in history.left_over:
        yield f"still there: {left}"


def _open(history: History) -> Iterator[tuple[str, Upstream]]:
    for name, upstream in history.setting.upstreams.items():
        if always_open(history.setting, name):
            yield name, upstream


INVARIANTS = (
    no_endpoint_gets_more_at_once_than_it_may,
    no_queue_is_longer_than_it_may_be,
    nobody_waits_longer_in_a_queue_than_the_file_says,
    the_most_urgent_comes_first_then_the_oldest,
    no_place_is_idle_while_somebody_waits_for_it,
    requests_a_minute_are_limited,
    tokens_a_minute_are_limited,
    every_place_is_free_in_the_end,
    no_task_is_left_on_the_loop,
)
