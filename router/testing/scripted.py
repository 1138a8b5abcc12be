"""A provider that does what a test tells it, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from router.core.events import TextDelta
from router.core.outcome import Outcome, parse_outcome
from router.providers._script import begin, finish, pick, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from router.core.events import Event
    from router.core.request import Request


class ScriptedProvider:
    """Plays one outcome per request; the last one repeats for ever.

    Args:
        *script: Outcomes as `router.core.outcome.parse_outcome` reads them: `"ok"`, `"429 retry-after=2"`,
            `503`, `"timeout"`, `"refused"`, `"cut"`, `"context_length"`, `{"say": "hello"}`. None means `"ok"`.
        name: How error messages name it.
        delay: Seconds until the head of the answer.
        first_token: Seconds from the head to the first piece.
        pace: Seconds between two pieces.

    Attributes:
        calls: Requests so far.
        open_streams: Requests that have not been left yet.
        requests: Every request, in order.
        closed: How often it was closed.

    Raises:
        ValueError: A step is no outcome.
    """

    # Mutable: the four attributes above; the tasks of one loop write them, between awaits.

    def __init__(
        self,
        *script: object,
        name: str = "scripted",
        delay: float = 0.0,
        first_token: float = 0.0,
        pace: float = 0.0,
    ) -> None:
        self._script = tuple(parse_outcome(step) for step in script) or (Outcome(),)
        self._name = name
        self._delay = delay
        self._first_token = first_token
        self._pace = pace
        self.calls = 0
        self.open_streams = 0
        self.requests: list[Request] = []
        self.closed = 0

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Play the next outcome; see `router.core.port.Provider`."""
        outcome = pick(self._script, self.calls)
        self.calls += 1
        self.requests.append(request)
        self.open_streams += 1
        try:
            await _pause(self._delay)
            await begin(outcome, self._name)
            async with aclosing(self._events(outcome, request)) as events:
                yield events
        finally:
            self.open_streams -= 1

    async def close(self) -> None:
        """Count the call; there is nothing to free."""
        self.closed += 1

    async def _events(self, outcome: Outcome, request: Request) -> AsyncGenerator[Event, None]:
        await _pause(self._first_token)
        said = pieces(outcome, request)
        for position, text in enumerate(said):
            await _pause(self._pace if position else 0)
            yield TextDelta(text)
        await _pause(self._pace)
        yield finish(outcome, request, said, self._name)


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)
