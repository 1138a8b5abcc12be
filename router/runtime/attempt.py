"""One try at one deployment: a place, an open answer, its deltas, and the record of how it went."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from router.core import errors
from router.core.errors import CallFailed, RouterError
from router.core.events import Collector, Done, TextDelta
from router.core.record import AttemptRecord
from router.core.tokens import estimate, estimate_text
from router.core.usage import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from router.compile.program import Deployment
    from router.core.clock import Clock
    from router.core.events import Delta, Event
    from router.core.port import Provider
    from router.runtime.call import Call
    from router.runtime.limiter import Limiter

NOTHING = Decimal(0)
# Failures after which the endpoint may have billed what it had read and written so far.
BILLED = frozenset(
    cls.kind for cls in (errors.FirstTokenTimeout, errors.StreamStalled, errors.StreamInterrupted)
)


class Attempt:
    """One try. One task at a time drives it; `close` may be called at any point and more than once."""

    __slots__ = (
        "_clock",
        "_content",
        "_events",
        "_held",
        "_limiter",
        "_open",
        "_provider",
        "call",
        "collector",
        "deployment",
        "done",
        "pending",
        "record",
        "started",
        "usage",
    )

    def __init__(
        self, call: Call, deployment: Deployment, provider: Provider, limiter: Limiter, clock: Clock
    ) -> None:
        self.call = call
        self.deployment = deployment
        self.collector = Collector()
        self.done: Done | None = None
        self.pending: Delta | None = None
        self.record: AttemptRecord | None = None
        self.usage: Usage | None = None
        self.started = clock.now()
        self._provider = provider
        self._limiter = limiter
        self._clock = clock
        self._held = False
        self._open: AbstractAsyncContextManager[AsyncIterator[Event]] | None = None
        self._events: AsyncIterator[Event] | None = None
        self._content = False

    async def stand(self) -> None:
        """Bring the attempt to its first content if the call is live, else to its end.

        Raises:
            CallFailed: It failed; everything it held is free again.
        """
        try:
            await self._begin()
            self.pending = await self._read()
            if not self.call.live:
                while self.pending is not None:
                    self.pending = await self._read()
                await self.close()
        except BaseException as error:
            await self.close(error)
            raise

    async def next(self) -> Delta | None:
        """Return the next delta of a live answer, or None at its end.

        Raises:
            CallFailed: The answer broke off; what came is in `partial_text`.
        """
        if self.record is not None and self.done is None:
            raise RouterError("the stream was left or broke off: it has no more to give")
        pending, self.pending = self.pending, None
        if pending is not None or self.done is not None:
            return pending
        try:
            delta = await self._read()
            if delta is None:
                await self.close()
        except BaseException as error:
            await self.close(error)
            raise
        return delta

    async def close(self, error: BaseException | None = None) -> None:
        """Free what the attempt holds and write its record; the first call decides its outcome."""
        opened, self._open = self._open, None
        try:
            if self.record is None:
                self._write_record(error)
        finally:
            try:
                if opened is not None and self._events is not None:
                    await opened.__aexit__(None, None, None)
            finally:
                if self._held:
                    self._held = False
                    self._limiter.release()

    async def _begin(self) -> None:
        try:
            await self._limiter.acquire(self.call.urgency, self._clock, self.call.deadline)
        except TimeoutError as error:
            raise errors.DeadlineExceeded("the deadline passed in the endpoint's queue") from error
        self._held = True
        self.started = self._clock.now()
        self._open = self._provider.open(self.call.request(self.deployment))
        try:
            async with self._clock.timeout_at(self._limit()):
                self._events = await self._open.__aenter__()
        except TimeoutError as error:
            raise self._timed_out() from error

    async def _read(self) -> Delta | None:
        """Return the next delta that says something, or None after the last."""
        assert self._events is not None  # noqa: S101 - `_begin` came first
        while True:
            try:
                async with self._clock.timeout_at(self._limit()):
                    event = await anext(self._events)
            except TimeoutError as error:
                raise self._timed_out() from error
            except StopAsyncIteration as error:
                raise errors.MalformedResponse(f"{self.deployment.name} sent no end of its answer") from error
            if isinstance(event, Done):
                self._end(event)
                return None
            if isinstance(event, TextDelta) and not event.text:
                continue
            self.collector.add(event)
            self._content = True
            return event

    def _end(self, done: Done) -> None:
        if self.collector.empty:
            raise errors.MalformedResponse(f"{self.deployment.name} sent an empty answer")
        self.done = done
        self.usage = done.usage or self._estimated()

    def _limit(self) -> float:
        """Return the loop time at which the next event is too late."""
        timeouts = self.deployment.endpoint.timeouts
        limit = self.call.deadline
        if timeouts.total is not None:
            limit = min(limit, self.started + timeouts.total)
        if not self._content and timeouts.first is not None:
            limit = min(limit, self.started + timeouts.first)
        if self._content and timeouts.idle is not None:
            limit = min(limit, self._clock.now() + timeouts.idle)
        return limit

    def _timed_out(self) -> CallFailed:
        waited = self._clock.now() - self.started
        if self._clock.now() >= self.call.deadline:
            return errors.DeadlineExceeded(
                f"the call's deadline passed while {self.deployment.name} answered"
            )
        if self._content:
            return errors.StreamStalled(f"{self.deployment.name} stopped in its answer ({waited:.1f} s)")
        return errors.FirstTokenTimeout(f"{self.deployment.name} sent no answer in {waited:.1f} s")

    def _estimated(self) -> Usage:
        written = estimate_text(self.collector.text) + estimate_text(self.collector.reasoning)
        return Usage(estimate(self.call.messages), written, estimated=True)

    def _write_record(self, error: BaseException | None) -> None:
        """Append the attempt to the call's; a failure gets what it used and what had arrived."""
        outcome = "ok" if self.done is not None and error is None else "cancelled"
        status = None
        if isinstance(error, CallFailed):
            outcome, status = error.kind, error.status
            error.partial_text = self.collector.text
            self.usage = error.usage
        if self._events is not None and self.usage is None and (outcome == "cancelled" or outcome in BILLED):
            self.usage = self._estimated()
        if isinstance(error, CallFailed):
            error.usage = self.usage
        price = self.deployment.price
        cost = price.cost(self.usage) if price is not None and self.usage is not None else None
        self.record = AttemptRecord(
            model=self.deployment.model,
            endpoint=self.deployment.endpoint.name,
            outcome=outcome,
            ms=(self._clock.now() - self.started) * 1000,
            status=status,
            usage=self.usage,
            cost=NOTHING if self.usage is None else cost,
        )
        self.call.attempts.append(self.record)
