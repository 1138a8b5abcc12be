"""One timer for all the waits of an attempt, and one for all the attempts of a loop.

`asyncio.timeout` would set and cancel one for every event.
"""

from __future__ import annotations

import asyncio
from asyncio import current_task
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from router.core.clock import Clock

T = TypeVar("T")
MANY = 64


class Timers:
    """The alarms of one event loop, under one timer of the loop: setting and dropping one is a push and a mark.

    `now` tells the loop's seconds.

    Its state, that loop's alone: the alarms by time, some of them dropped or set anew since; how many of those there
    are; and the timer, with its time.
    """

    __slots__ = ("_alarms", "_at", "_clock", "_dropped", "_numbers", "_timer", "now")

    def __init__(self, clock: Clock, now: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self.now = now or clock.now
        self._alarms: list[tuple[float, int, Alarm]] = []
        self._numbers = count(1)
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0

    def set(self, alarm: Alarm, when: float) -> int:
        """Have an alarm ring at a time; return the number under which it is set."""
        alarms = self._alarms
        if alarms and alarms[0][2].number != alarms[0][1]:
            self._trim()
        number = next(self._numbers)
        heappush(alarms, (when, number, alarm))
        # A timer that goes off too early finds out then; one that is late already, by a clock that leapt, is of no use.
        if self._timer is None or alarms[0][0] < self._at or self._at <= self.now():
            self._schedule()
        return number

    def drop(self) -> None:
        """Take note that an alarm does not have the number any more under which it was set."""
        self._dropped += 1
        if self._dropped > MANY and 2 * self._dropped > len(self._alarms):
            self._alarms = [each for each in self._alarms if each[2].number == each[1]]
            heapify(self._alarms)
            self._dropped = 0

    def _trim(self) -> None:
        """Forget the dropped ones that would come first."""
        alarms = self._alarms
        while alarms and alarms[0][2].number != alarms[0][1]:
            heappop(alarms)
            self._dropped -= 1

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._alarms:
            self._at = self._alarms[0][0]
            self._timer = self._clock.call_at(self._at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self.now()
        self._trim()
        while self._alarms and self._alarms[0][0] <= now:
            heappop(self._alarms)[2].ring(now)
            self._trim()
        self._schedule()


class Alarm:
    """Bounds one wait after the other. One task at a time waits; it is set anew only when it must go off earlier.

    Attributes:
        number: Under which it is set, 0 for not at all.
    """

    # Mutable besides: when the wait under way is over, whose it is, and when the alarm is set for.

    __slots__ = ("_rang", "_set_for", "_task", "_timers", "_when", "number")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.number = 0
        self._set_for = 0.0
        self._when = 0.0
        self._task: asyncio.Task[object] | None = None
        self._rang = False

    async def bound(self, work: Awaitable[T], when: float) -> T:
        """Wait for something until a time.

        Raises:
            TimeoutError: It took longer; it was cancelled.
        """
        task = current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        cancelling = task.cancelling()
        self._task, self._when, self._rang = task, when, False
        if not self.number or when < self._set_for:
            self._set()
        try:
            return await work
        except asyncio.CancelledError as error:
            if self._rang:
                self._rang = False
                if task.uncancel() <= cancelling:
                    raise TimeoutError from error
            raise
        finally:
            self._task = None
            if self._rang:  # what was waited for ended well in spite of it
                task.uncancel()

    def stop(self) -> None:
        """Have it not ring any more."""
        if self.number:
            self.number = 0
            self._timers.drop()

    def ring(self, now: float) -> None:
        """End the wait under way if its time is over; its timers call this."""
        self.number = 0
        if self._task is None:
            return  # nobody waits now: the next wait sets it again
        if now < self._when:
            self._set()
        else:
            self._rang = True
            self._task.cancel()

    def _set(self) -> None:
        if self.number:
            self._timers.drop()
        self._set_for = self._when
        self.number = self._timers.set(self, self._when)
