"""What every provider promises, as tests: subclass `ProviderContract` and say how to make one."""

from __future__ import annotations

import asyncio
import unittest
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from router.core.errors import CallFailed, MalformedResponse, ModelNotFound, RouterError
from router.core.events import Collector, Done, Garbled
from router.core.messages import Message
from router.core.request import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from router.core.events import Event
    from router.core.port import Provider

T = TypeVar("T")
Situation = Literal["answers", "endless", "silent", "unknown_model", "empty", "malformed"]
PATIENCE = 20.0


class ProviderContract:
    """The suite. Subclass it in a test module, name the class `Test...` and override `make`.

    A situation that a provider cannot be put into is skipped.
    """

    async def make(self, situation: Situation) -> Provider | None:
        """Return a new provider, or None when it cannot be put into the situation.

        Args:
            situation: `answers`: the same text for the same request. `endless`: many pieces, best without an
                end. `silent`: nothing ever comes. `unknown_model`: the endpoint does not know the model.
                `empty`: an answer without content. `malformed`: an answer that is nonsense.
        """
        raise NotImplementedError

    def request(self, text: str = "hello") -> Request:
        """Return a request with one user message; override it to name another model."""
        return Request("model", (Message.user(text),), {"temperature": 0})

    async def is_free(self, provider: Provider) -> bool:
        """Return whether nothing of any call is left; override it where that can be seen."""
        del provider
        return True

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run a test's coroutine; override it to use another loop."""
        return asyncio.run(coro)

    def test_a_plain_request_is_answered_with_text(self) -> None:
        """A request that does not stream gets text and a reason of its end."""

        async def check() -> None:
            async with self._made("answers") as provider:
                *_, done = events = await collect(provider, replace(self.request(), stream=False))
                assert joined(events)
                assert isinstance(done, Done)

        self.run(check())

    def test_the_pieces_of_a_stream_join_to_the_same_text(self) -> None:
        """Streaming changes how an answer comes, not what it is."""

        async def check() -> None:
            async with self._made("answers") as provider:
                whole = await collect(provider, replace(self.request(), stream=False))
                parts = await collect(provider, self.request())
                assert joined(parts) == joined(whole)
                assert len(parts) >= len(whole)

        self.run(check())

    def test_done_comes_once_and_last(self) -> None:
        """An answer has exactly one end, and nothing after it."""

        async def check() -> None:
            async with self._made("answers") as provider:
                events = await collect(provider, self.request())
                assert [isinstance(event, Done) for event in events].count(True) == 1
                assert isinstance(events[-1], Done)

        self.run(check())

    def test_leaving_early_frees_everything(self) -> None:
        """A caller may leave after the first piece, and the provider still answers others."""

        async def check() -> None:
            async with self._made("endless") as provider:
                for _ in range(3):
                    async with provider.open(self.request()) as events:
                        assert not isinstance(await anext(events), Done)
                await self._becomes_free(provider)

        self.run(check())

    def test_cancelling_a_wait_frees_everything(self) -> None:
        """A caller may be cancelled before anything has come."""

        async def check() -> None:
            async with self._made("silent") as provider:
                for _ in range(3):
                    task = asyncio.create_task(collect(provider, self.request()))
                    done, _ = await asyncio.wait({task}, timeout=0.05)
                    assert not done
                    task.cancel()
                    done, _ = await asyncio.wait({task}, timeout=PATIENCE)
                    assert done
                    assert task.cancelled()
                await self._becomes_free(provider)

        self.run(check())

    def test_concurrent_calls_do_not_mix(self) -> None:
        """Many calls at once get what each would have got alone."""

        async def check() -> None:
            async with self._made("answers") as provider:
                requests = [self.request(f"number {n} of many") for n in range(8)]
                alone = [joined(await collect(provider, request)) for request in requests]
                together = await asyncio.gather(*(collect(provider, request) for request in requests))
                assert [joined(events) for events in together] == alone

        self.run(check())

    def test_an_unknown_model_has_its_own_error(self) -> None:
        """The endpoint does not know the model: `ModelNotFound`."""
        assert isinstance(self._failure("unknown_model"), ModelNotFound)

    def test_an_empty_answer_is_malformed(self) -> None:
        """Nothing is no answer."""
        assert isinstance(self._failure("empty"), MalformedResponse)

    def test_nonsense_is_a_failed_call(self) -> None:
        """Whatever an endpoint sends, only `CallFailed` comes out."""
        assert isinstance(self._failure("malformed"), CallFailed)

    def test_it_works_in_three_event_loops_in_a_row(self) -> None:
        """A provider outlives the loop it was first used in, without being closed in between."""

        async def once(provider: Provider | None) -> tuple[Provider, str]:
            provider = provider or await self._make("answers")
            return provider, joined(await collect(provider, self.request()))

        provider, first = self.run(once(None))
        assert self.run(once(provider))[1] == first
        assert self.run(once(provider))[1] == first
        self.run(provider.close())

    def test_it_may_be_closed_twice_and_opened_again(self) -> None:
        """Closing frees; it does not end."""

        async def check() -> None:
            async with self._made("answers") as provider:
                first = joined(await collect(provider, self.request()))
                await provider.close()
                await provider.close()
                assert joined(await collect(provider, self.request())) == first

        self.run(check())

    def _failure(self, situation: Situation) -> RouterError:
        async def fail() -> RouterError:
            async with self._made(situation) as provider:
                try:
                    events = await collect(provider, self.request())
                except RouterError as error:
                    return error
                raise AssertionError(f"it answered: {events}")

        return self.run(fail())

    async def _make(self, situation: Situation) -> Provider:
        provider = await self.make(situation)
        if provider is None:
            raise unittest.SkipTest(f"this provider cannot be put into the situation {situation!r}")
        return provider

    @asynccontextmanager
    async def _made(self, situation: Situation) -> AsyncIterator[Provider]:
        provider = await self._make(situation)
        try:
            async with asyncio.timeout(PATIENCE):
                yield provider
        finally:
            await provider.close()

    async def _becomes_free(self, provider: Provider) -> None:
        for _ in range(100):
            if await self.is_free(provider):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("something of the calls is left after a second")


async def collect(provider: Provider, request: Request) -> list[Event]:
    """Return all events of one request."""
    async with provider.open(request) as events:
        return [event async for event in events]


def joined(events: list[Event]) -> str:
    """Return the text that events join to."""
    collector = Collector()
    for event in events:
        if not isinstance(event, Done | Garbled):
            collector.add(event)
    return collector.text
