"""One try at one deployment: a place, a permit, an open answer, its deltas, and the record of how it went."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from router.core import errors
from router.core.errors import CallFailed, RouterError
from router.core.events import Collector, Done, Garbled, TextDelta
from router.core.record import LOST, AttemptRecord
from router.core.usage import NOTHING
from router.runtime.alarm import Alarm
from router.runtime.amounts import BILLED, cost_of, estimated
from router.runtime.gate import Refused
from router.runtime.lateness import late
from router.runtime.prepare import prepared
from router.runtime.reading import UNREAD, Reading

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncIterator, Awaitable
    from contextlib import AbstractAsyncContextManager

    from router.compile.program import Deployment
    from router.core.clock import Clock
    from router.core.events import Delta, Event
    from router.core.port import Provider
    from router.core.usage import Usage
    from router.runtime.alarm import Timers
    from router.runtime.call import Call
    from router.runtime.gate import Gate, Permit
    from router.runtime.ledger import Entry
    from router.runtime.limiter import Limiter
    from router.runtime.processing import Changes, Ready
    from router.runtime.residency import Stay
    from router.runtime.spending import Spending

GARBLED = "an unreadable event of the answer was left out"


class Attempt:
    """One try. One task at a time drives it; `close` may be called at any point and more than once.

    Args:
        call: Whose attempt it is.
        deployment: What is tried.
        provider: What speaks to it.
        limiter: The places of its endpoint.
        gate: Its breakers and rates.
        timers: The timers of the running loop.
        clock: Where time comes from.
        point: The time, and a number from 0 to 1.
        panic: Whether it is tried although its breaker is open.
    """

    __slots__ = (
        "_alarm",
        "_changes",
        "_clock",
        "_dice",
        "_entered",
        "_entry",
        "_events",
        "_gate",
        "_held",
        "_kept",
        "_limiter",
        "_now",
        "_open",
        "_panic",
        "_permit",
        "_plain",
        "_provider",
        "_reader",
        "_ready",
        "_sent",
        "_stay",
        "call",
        "collector",
        "deployment",
        "done",
        "first_at",
        "lost",
        "model",
        "pending",
        "ready",
        "record",
        "started",
        "usage",
        "written",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - put together in one place
        self,
        call: Call,
        deployment: Deployment,
        provider: Provider,
        limiter: Limiter,
        gate: Gate,
        timers: Timers,
        clock: Clock,
        point: tuple[float, float],
        *,
        panic: bool = False,
    ) -> None:
        self.call = call
        self.deployment = deployment
        self.model = deployment.model
        self.collector = self.written = Collector()  # what is handed on, and what the endpoint wrote
        self.ready: Ready | None = None
        self.done: Done | None = None
        self.pending: Delta | None = None
        self.record: AttemptRecord | None = None
        self.usage: Usage | None = None
        self.started, self._dice = point
        self.first_at: float | None = None
        self.lost = False
        self._provider = provider
        self._limiter = limiter
        self._gate = gate
        self._clock = clock
        self._now = timers.now
        self._alarm = Alarm(timers)
        self._panic = panic
        self._permit: Permit | None = None
        self._entered = False
        self._stay: Stay | None = None  # its claim on a model in memory, where that is watched
        self._held = False
        self._sent = False
        self._entry: Entry | None = None  # what was written to the ledger before it was sent
        self._open: AbstractAsyncContextManager[AsyncIterator[Event]] | None = None
        self._events: AsyncIterator[Event] | None = None
        self._kept: list[Delta] | None = None
        self._changes: Changes | None = None
        self._reader = Reading(clock, self.close) if call.handed else None
        # Events that have come already, and whether they go on as they are, its first content being out.
        self._ready: deque[Event] | None = None
        self._plain = False

    async def begin(self) -> None:
        """Bring the attempt to its first content.

        Raises:
            CallFailed: It failed; everything it held is free again.
            Refused: Its breaker lets nothing through any more.
        """
        try:
            await self._begin()
            self.pending = await self._more()
        except BaseException as error:
            await self.close(error)
            raise
        if self._reader is not None:
            self._reader.end()

    async def finish(self) -> None:
        """Bring it to its end; its deltas are kept where they are to be handed out then.

        Raises:
            CallFailed: It failed; everything it held is free again.
        """
        kept = self._kept = [] if self.call.live else None
        try:
            while self.pending is not None:
                if kept is not None:
                    kept.append(self.pending)
                self.pending = await self._more()
        except BaseException as error:
            await self.close(error)
            raise
        await self.close()
        if kept is not None:
            kept.reverse()

    def take(self) -> Delta | None:
        """Return the next piece of text if it has come already and goes on as it is; None where there is more to it."""
        ready, reader = self._ready, self._reader
        if not ready or reader is None or not self._plain or self.record is not None:
            return None
        event = ready[0]
        if type(event) is not TextDelta or not event.text:
            return None
        ready.popleft()
        reader.active = True
        self.written.add(event)
        return event

    async def next(self) -> Delta | None:
        """Return the next delta of a live answer, or None at its end.

        Raises:
            CallFailed: The answer broke off; what came is in `partial_text`.
            RouterError: It was left.
        """
        if self._kept is not None:
            return self._kept.pop() if self._kept else None
        if self.record is not None and self.done is None:
            unread = self._reader is not None and self._reader.closing is not None
            why = f"it was not read for {UNREAD:g} s" if unread else "it was left or broke off"
            raise RouterError(f"the stream has no more to give: {why}")
        pending, self.pending = self.pending, None
        reader = self._reader
        assert reader is not None  # noqa: S101 - else its deltas were kept
        if pending is not None or self.done is not None:
            reader.end()
            self._plain = self._changes is None
            return pending
        reader.begin()
        try:
            delta = await self._more()
            if delta is None:
                await self.close()
            reader.end()
        except BaseException as error:
            await self.close(error)
            raise
        return delta

    async def close(self, error: BaseException | None = None) -> None:
        """Free what the attempt holds and write its record; the first call decides its outcome."""
        opened, self._open = self._open, None
        self._alarm.stop()
        now, reader = self._now(), self._reader
        if reader is not None:
            reader.stop()
        try:
            if self.record is None and not isinstance(error, Refused):
                self._write_record(error, now)
        finally:
            try:
                if opened is not None and self._events is not None:
                    await opened.__aexit__(None, None, None)
            finally:
                self._give_back(error, now)
        closing = reader.closing if reader is not None else None
        if closing is not None and asyncio.current_task() is not closing:
            await asyncio.wait({closing})

    def _give_back(self, error: BaseException | None, now: float) -> None:
        """Return permit and place; what the attempt was worth is told to its gate."""
        permit, self._permit = self._permit, None
        if permit is not None:
            left = error is None and self.done is None
            told = asyncio.CancelledError() if left or self.lost else error
            self._gate.ended(permit, told, self.usage, (now, self._dice))
        if self._entered:
            self._entered = False
            self._gate.gone()
        if self._held:
            self._held = False
            self._limiter.release(now - self.started)
        if self._stay is not None:
            self._stay.end()
            self._stay = None

    async def _begin(self) -> None:
        call = self.call
        ready = self.ready = prepared(call, self.deployment, self._gate.scale)
        if ready is not None and ready.changes is not None:
            self._changes, self.written = ready.changes, Collector()
        self._gate.entered()
        self._entered = True
        if call.snapshot.residency is not None:
            latest = call.deadline - call.route.policy.min_left
            provider = call.snapshot.provider
            self._stay = await call.snapshot.residency.turn(self.deployment, provider, call.urgency, latest)
            self.started = self._now()
        if not self._limiter.take():
            await self._queue()
        self._held = True
        tokens = call.tokens if ready is None else ready.tokens
        permit = self._permit = self._gate.admit(self.started, tokens, panic=self._panic)
        if permit is None:
            raise Refused
        if self._stay is not None and await self._stay.ready(call.deadline):
            self.started = self._now()  # loading is not the attempt's time
        if call.spending is not None and call.spending.asks(self.deployment):
            await self._intend(call.spending)
        self._sent = True
        self._open = self._provider.open(call.request(self.deployment, permit.key, ready))
        try:
            self._events = await self._alarm.bound(self._open.__aenter__(), self._limit())
        except TimeoutError as error:
            raise self._timed_out() from error
        self._ready = getattr(self._events, "ready", None)

    async def _queue(self) -> None:
        """Wait for a place."""
        call = self.call
        try:
            # A place that comes too late to be of use is left to others.
            latest = call.deadline - call.route.policy.min_left
            await self._limiter.acquire(call.urgency, self._clock, latest)
        except TimeoutError as error:
            raise errors.DeadlineExceeded("the deadline passed in the endpoint's queue") from error
        self.started = self._now()

    async def _intend(self, spending: Spending) -> None:
        """Hold what the attempt may cost."""
        held = spending.intend(self.call, self.deployment)
        try:
            self._entry = await self._alarm.bound(held, self.call.deadline)
        except TimeoutError as error:
            raise errors.DeadlineExceeded("the deadline passed before the ledger was written") from error

    def _more(self) -> Awaitable[Delta | None]:
        """Return what waits for the next delta to hand on; None comes after the last."""
        return self.read() if self._changes is None else self._changes.next(self)

    async def read(self) -> Delta | None:
        """Return the next delta of the endpoint that says something, or None after the last."""
        assert self._events is not None  # noqa: S101 - `_begin` came first
        while True:
            event = self._ready.popleft() if self._ready else await self._next_event(self._events)
            if type(event) is Done:
                self._end(event)
                return None
            if type(event) is Garbled:
                self._leave_out(event)
                continue
            if type(event) is TextDelta and not event.text:
                continue
            self.written.add(event)
            if self.first_at is None:
                self.first_at = self._now()
                self._gate.saw(self.first_at - self.started, self.first_at)
            return event

    async def _next_event(self, events: AsyncIterator[Event]) -> Event:
        try:
            return await self._alarm.bound(anext(events), self._limit())
        except TimeoutError as error:
            raise self._timed_out() from error
        except StopAsyncIteration as error:
            raise errors.MalformedResponse(f"{self.deployment.name} sent no end of its answer") from error

    def _leave_out(self, event: Garbled) -> None:
        """Pass over the first unreadable event of an answer that is being handed out; no other."""
        if self.collector.empty or not self.call.handed or self.call.degraded is not None:
            raise errors.MalformedResponse(event.why)
        self.call.degraded = GARBLED

    def _end(self, done: Done) -> None:
        if self.written.empty:
            raise errors.MalformedResponse(f"{self.deployment.name} sent an empty answer")
        self.done = done
        self.usage = done.usage or estimated(self.call, self.ready, self.written, self._gate.scale)

    def _limit(self) -> float:
        """Return the loop time at which the next event is too late."""
        timeouts = self.deployment.endpoint.timeouts
        limit = self.call.deadline
        if timeouts.total is not None:
            paused = self._reader.paused if self._reader is not None else 0.0
            limit = min(limit, self.started + timeouts.total + paused)
        if self.first_at is None and timeouts.first is not None:
            limit = min(limit, self.started + timeouts.first)
        if self.first_at is not None and timeouts.idle is not None:
            limit = min(limit, self._now() + timeouts.idle)
        return limit

    def _timed_out(self) -> CallFailed:
        now = self._now()
        over = now >= self.call.deadline
        return late(self.deployment.name, now - self.started, over=over, begun=self.first_at is not None)

    def _write_record(self, error: BaseException | None, now: float) -> None:
        """Append the attempt to the call's; a failure gets what it used and what had arrived."""
        outcome = "ok" if self.done is not None and error is None else "cancelled"
        status, upstream_id = None, self.done.request_id if self.done is not None else None
        if isinstance(error, CallFailed):
            outcome, status, upstream_id = error.kind, error.status, error.upstream_id
            error.partial_text = self.collector.text
            self.usage = error.usage
        elif self.lost:
            outcome = LOST
        if self._events is not None and self.usage is None and outcome in BILLED:
            self.usage = estimated(self.call, self.ready, self.written, self._gate.scale)
        if isinstance(error, CallFailed):
            error.usage = self.usage
        seconds = now - self.started
        first_ms = None if self.first_at is None else (self.first_at - self.started) * 1000
        self.record = AttemptRecord(
            model=self.deployment.model,
            endpoint=self.deployment.endpoint.name,
            outcome=outcome,
            ms=seconds * 1000,
            status=status,
            usage=self.usage,
            cost=cost_of(self.deployment.price, self.usage, self.done, seconds) if self._sent else NOTHING,
            at_ms=(self.started - self.call.started) * 1000,
            first_ms=first_ms,
            upstream_id=upstream_id,
            price=self.deployment.price,
            sent=self._sent,
        )
        if self._sent and self.call.spending is not None:
            self.call.spending.settle(self.call, self.deployment, self.record, self._entry)
        self.call.ended(self.record)
