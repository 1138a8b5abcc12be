"""Places at an endpoint, and the queue for them."""

from __future__ import annotations

import asyncio
import random

import pytest

from router.core.clock import LoopClock
from router.core.errors import Shed
from router.core.request import Endpoint
from router.runtime.limiter import Limiter
from router.testing import run_virtual

CLOCK = LoopClock()
NEVER = 1e9


def limiter(places=1, queue=2, wait=5.0):
    return Limiter(Endpoint("here", "mock", "local", concurrency=places, queue_max=queue, queue_timeout=wait))


def test_a_wait_that_is_too_long_is_shed():
    async def main():
        one = limiter()
        await one.acquire("normal", CLOCK, NEVER)
        with pytest.raises(Shed, match="no free place in 5 s"):
            await one.acquire("normal", CLOCK, NEVER)
        assert (one.held, one.waiting, CLOCK.now()) == (1, 0, 5.0)

    run_virtual(main())


def test_a_deadline_before_that_is_the_callers_own():
    async def main():
        one = limiter()
        await one.acquire("normal", CLOCK, NEVER)
        with pytest.raises(TimeoutError):
            await one.acquire("normal", CLOCK, 2.0)
        assert (one.waiting, CLOCK.now()) == (0, 2.0)

    run_virtual(main())


def test_a_full_queue_sends_the_youngest_of_the_least_urgent_away_for_a_more_urgent_call():
    async def main():
        one = limiter()
        await one.acquire("normal", CLOCK, NEVER)
        old = asyncio.create_task(one.acquire("batch", CLOCK, NEVER))
        await asyncio.sleep(0)
        young = asyncio.create_task(one.acquire("batch", CLOCK, NEVER))
        await asyncio.sleep(0)
        with pytest.raises(Shed, match="is full"):
            await one.acquire("batch", CLOCK, NEVER)
        urgent = asyncio.create_task(one.acquire("critical", CLOCK, NEVER))
        with pytest.raises(Shed, match="more urgent"):
            await young
        one.release()
        await urgent
        assert not old.done()
        one.release()
        await old
        one.release()
        assert (one.held, one.waiting) == (0, 0)

    run_virtual(main())


def test_an_endpoint_without_a_queue_sheds_at_once():
    async def main():
        one = limiter(queue=0)
        await one.acquire("normal", CLOCK, NEVER)
        with pytest.raises(Shed):
            await one.acquire("critical", CLOCK, NEVER)

    run_virtual(main())


def test_a_place_granted_to_a_cancelled_waiter_goes_on_to_the_next():
    async def main():
        one = limiter()
        await one.acquire("normal", CLOCK, NEVER)
        first = asyncio.create_task(one.acquire("normal", CLOCK, NEVER))
        second = asyncio.create_task(one.acquire("normal", CLOCK, NEVER))
        await asyncio.sleep(0)
        one.release()
        first.cancel()
        await second
        assert (one.held, one.waiting) == (1, 0)

    run_virtual(main())


@pytest.mark.parametrize("seed", range(20))
def test_no_place_is_lost_whoever_leaves_when(seed):
    dice = random.Random(seed)

    async def use(one, held):
        await one.acquire(dice.choice(["critical", "normal", "batch"]), CLOCK, NEVER)
        held.append(1)
        assert len(held) <= 3
        try:
            await asyncio.sleep(dice.random())
        finally:
            held.pop()
            one.release()

    async def main():
        one, held = limiter(places=3, queue=8, wait=1.0), []
        tasks = []
        for _ in range(200):
            tasks.append(asyncio.create_task(use(one, held)))
            await asyncio.sleep(dice.random() / 8)
            if dice.random() < 0.3:
                dice.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (one.held, one.waiting) == (0, 0)

    run_virtual(main())


def test_who_is_sent_away_is_told_when_the_queue_is_likely_done():
    async def main():
        one = limiter(places=2, queue=0)
        await one.acquire("normal", CLOCK, NEVER)
        await one.acquire("normal", CLOCK, NEVER)
        with pytest.raises(Shed) as caught:
            await one.acquire("normal", CLOCK, NEVER)
        assert caught.value.retry_after == 0.5  # nothing is known yet: a second for each
        one.release(8.0)
        one.release(3.0)
        for _ in range(2):
            await one.acquire("normal", CLOCK, NEVER)
        with pytest.raises(Shed) as caught:
            await one.acquire("normal", CLOCK, NEVER)
        assert caught.value.retry_after == (8.0 - 0.2 * 5.0) / 2

    run_virtual(main())
