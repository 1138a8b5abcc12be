"""Answers by itself, as a script says: for a first run, for tests of a file, and for drills."""

from __future__ import annotations

import itertools
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from router.core.events import TextDelta
from router.core.outcome import Outcome, parse_outcome
from router.providers._script import begin, finish, pick, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from router.core.events import Event
    from router.core.request import Endpoint, Request


class MockProvider:
    """An endpoint that needs nothing: by default it repeats the user's last words.

    Args:
        endpoint: `settings["script"]` is a list of outcomes (see `router.core.outcome.parse_outcome`), one per
            request; the last one repeats for ever.
        http: Not used.

    Raises:
        ValueError: A step of the script is no outcome.
    """

    # Mutable: `_turns`, the number of requests so far; counting is atomic.

    def __init__(self, endpoint: Endpoint, http: object | None = None) -> None:
        del http
        script = endpoint.settings.get("script") or ["ok"]
        if not isinstance(script, list | tuple):
            raise ValueError(f"the script of {endpoint.name} is a list of outcomes")  # noqa: TRY004 - as any bad step
        self._script: tuple[Outcome, ...] = tuple(parse_outcome(step) for step in script)
        self._where = endpoint.name
        self._turns = itertools.count()

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Play the next step; see `router.core.port.Provider`."""
        outcome = pick(self._script, next(self._turns))
        await begin(outcome, self._where)
        async with aclosing(self._events(outcome, request)) as events:
            yield events

    async def close(self) -> None:
        """Do nothing: there is nothing to free."""

    async def _events(self, outcome: Outcome, request: Request) -> AsyncGenerator[Event, None]:
        said = pieces(outcome, request)
        for text in said:
            yield TextDelta(text)
        yield finish(outcome, request, said, self._where)
