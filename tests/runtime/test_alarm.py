"""One timer for many waits."""

from __future__ import annotations

import asyncio

import pytest

from router.core.clock import LoopClock
from router.runtime.alarm import Alarm, Timers
from router.testing import run_virtual


async def later(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


def test_what_ends_in_time_is_returned():
    async def main():
        alarm = Alarm(Timers(LoopClock()))
        said = [await alarm.bound(later(1), 2.0), await alarm.bound(later(5), 10.0)]
        alarm.stop()
        return said, asyncio.get_running_loop().time()

    assert run_virtual(main()) == (["done", "done"], 6.0)


@pytest.mark.parametrize("times", [(2.0, 3.0), (10.0, 3.0), (2.0, 20.0)])
def test_what_takes_too_long_is_cancelled_on_time_whatever_the_timer_was_set_to(times):
    async def main():
        alarm = Alarm(Timers(LoopClock()))
        await alarm.bound(later(1), times[0])
        with pytest.raises(TimeoutError):
            await alarm.bound(later(100), times[1])
        assert asyncio.current_task().cancelling() == 0
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(times[1])


def test_a_timer_that_goes_off_while_nobody_waits_harms_nobody():
    async def main():
        alarm = Alarm(Timers(LoopClock()))
        await alarm.bound(later(1), 2.0)
        await asyncio.sleep(5)
        return await alarm.bound(later(1), 20.0)

    assert run_virtual(main()) == "done"


def test_a_cancellation_from_outside_is_no_timeout():
    async def main():
        alarm = Alarm(Timers(LoopClock()))
        task = asyncio.create_task(alarm.bound(later(100), 50.0))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 1.0


def test_a_cancellation_from_outside_wins_over_a_timeout_in_the_same_moment():
    async def main():
        alarm = Alarm(Timers(LoopClock()))
        task = asyncio.create_task(alarm.bound(later(100), 1.0))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_at(1.0, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())


def test_what_ends_well_although_it_was_cancelled_for_time_leaves_no_cancellation_behind():
    async def stubborn():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            return "anyway"

    async def main():
        said = await Alarm(Timers(LoopClock())).bound(stubborn(), 1.0)
        await asyncio.sleep(0)
        return said, asyncio.current_task().cancelling()

    assert run_virtual(main()) == ("anyway", 0)
