"""Virtual time jumps, keeps order, and tells when nothing will ever happen."""

from __future__ import annotations

import asyncio
import time

import pytest

from router.testing import LostWakeup, VirtualLoop, run_virtual


def test_a_day_passes_in_no_time():
    async def go():
        await asyncio.sleep(86_400 * 3)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run_virtual(go()) == pytest.approx(86_400 * 3)
    assert time.monotonic() - began < 1


def test_timers_fire_in_order_and_timeouts_on_time():
    async def go():
        seen = []

        async def note(seconds):
            await asyncio.sleep(seconds)
            seen.append(seconds)

        await asyncio.gather(*(note(seconds) for seconds in (3, 0.1, 2, 0.2)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return seen, asyncio.get_running_loop().time()

    assert run_virtual(go()) == ([0.1, 0.2, 2, 3], pytest.approx(8))


def test_a_lost_wakeup_is_an_error_and_not_a_hang():
    async def go():
        await asyncio.Event().wait()

    with pytest.raises(LostWakeup):
        run_virtual(go())


def test_tasks_that_are_left_behind_are_cancelled():
    seen = []

    async def forever():
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def go():
        task = asyncio.create_task(forever())
        await asyncio.sleep(1)
        return task

    run_virtual(go())
    assert seen == ["cancelled"]


def test_rounding_never_stops_the_clock():
    with VirtualLoopOf() as loop:
        loop.advance(1e15)
        before = loop.time()
        loop.advance(1e-9)
        assert loop.time() > before


class VirtualLoopOf:
    def __enter__(self):
        self.loop = VirtualLoop()
        return self.loop

    def __exit__(self, *_):
        self.loop.close()


def test_readers_of_sockets_can_be_taken_in_and_out():
    async def go():
        loop = asyncio.get_running_loop()
        import socket  # noqa: PLC0415

        one, two = socket.socketpair()
        with one, two:
            loop.add_reader(one, print)
            loop.add_writer(one, print)
            assert loop.remove_reader(one)
            assert loop.remove_writer(one)
            assert len(loop._selector.get_map()) == 1

    run_virtual(go())
