"""The scripted provider counts, waits and fails as it is told."""

from __future__ import annotations

import asyncio

import pytest

from router.core.errors import CallFailed, RateLimited
from router.core.messages import Message
from router.core.request import Request
from router.testing import ScriptedProvider, run_virtual
from router.testing.contract import ProviderContract, collect, joined

HELLO = Request("m", (Message.user("hello"),))


def test_it_counts_calls_and_keeps_requests():
    provider = ScriptedProvider("429 retry-after=1", {"say": "fine"})

    async def go():
        with pytest.raises(RateLimited):
            await collect(provider, HELLO)
        text = joined(await collect(provider, HELLO))
        await provider.close()
        return text

    assert run_virtual(go()) == "fine"
    assert (provider.calls, provider.requests, provider.open_streams, provider.closed) == (
        2,
        [HELLO, HELLO],
        0,
        1,
    )


def test_delays_are_seconds_of_the_loop():
    provider = ScriptedProvider({"say": "a b"}, delay=1, first_token=10, pace=100)

    async def go():
        times = []
        loop = asyncio.get_running_loop()
        async with provider.open(HELLO) as events:
            times.append(loop.time())
            async for _ in events:
                times.append(loop.time())
        return times

    assert run_virtual(go()) == pytest.approx([1, 11, 111, 211])


def test_a_call_in_the_making_is_seen_and_a_cancelled_one_is_not():
    provider = ScriptedProvider("timeout")

    async def go():
        task = asyncio.create_task(collect(provider, HELLO))
        await asyncio.sleep(1)
        during = provider.open_streams
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return during, provider.open_streams

    assert run_virtual(go()) == (1, 0)


def test_a_contract_without_a_provider_says_so():
    with pytest.raises(NotImplementedError):
        ProviderContract().test_done_comes_once_and_last()


def test_a_contract_notices_a_provider_that_answers_nonsense_and_one_that_leaks():
    class Broken(ProviderContract):
        async def make(self, situation):
            del situation
            return ScriptedProvider()

        async def is_free(self, provider):
            del provider
            return False

        def run(self, coro):
            return run_virtual(coro)

    with pytest.raises(AssertionError, match="it answered"):
        Broken().test_an_empty_answer_is_malformed()
    with pytest.raises(AssertionError, match="left after a second"):
        Broken().test_leaving_early_frees_everything()


def test_an_error_tells_who_failed():
    with pytest.raises(CallFailed, match="box failed as its script says"):
        run_virtual(collect(ScriptedProvider("refused", name="box"), HELLO))
