"""One timer for all the waits of an attempt; `asyncio.timeout` would set and cancel one for every event."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from router.core.clock import Clock

T = TypeVar("T")


class Alarm:
    """Bounds one wait after the other. One task at a time waits; the timer moves only when it must go off earlier.

    Its state: when the wait under way is over, whose it is, and the timer.
    """

    __slots__ = ("_clock", "_rang", "_task", "_timer", "_timer_at", "_when")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._when = 0.0
        self._task: asyncio.Task[object] | None = None
        self._rang = False

    async def bound(self, work: Awaitable[T], when: float) -> T:
        """Wait for something until a time.

        Raises:
            TimeoutError: It took longer; it was cancelled.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        cancelling = task.cancelling()
        self._task, self._when, self._rang = task, when, False
        if self._timer is None or when < self._timer_at:
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
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._when
        self._timer = self._clock.call_at(self._when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return  # nobody waits now: the next wait sets a timer of its own
        if self._clock.now() < self._when:
            self._set()
        else:
            self._rang = True
            self._task.cancel()
