"""The world outside of the router: endpoints that answer as the weather says, and the truth of what reached them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from router.core import errors
from router.core.events import Done, Garbled, TextDelta
from router.core.frozen import dataclass
from router.core.tokens import estimate
from router.core.usage import Usage
from router.testing.simulate.callers import CALLER
from router.testing.simulate.chance import chance
from router.testing.simulate.weather import MIXED, REFUSALS, at

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

    from router.core.events import Event
    from router.core.request import Request
    from router.testing.simulate.setting import Setting, Upstream
    from router.testing.simulate.weather import Spell


@dataclass(slots=True)
class Hit:
    """One request that reached an endpoint; times in seconds of the loop.

    Attributes:
        number: Counted from 0 over all endpoints.
        call: Whose it is.
        endpoint: Where it arrived.
        id: The model it asked for.
        key: The credential it came under.
        tokens: Its prompt, as the router estimates it.
        stream: Whether the answer was to come in pieces.
        arrived: When it came.
        regime: What happened to it.
        pieces: The whole answer it would get.
        said: Pieces that were given, with their times.
        garbled: Unreadable events that were given, as positions among the pieces.
        told: `ok` once the answer ended well, `end` if it just stopped, or the kind of error it was told.
        told_at: When.
        retry_after: What the error asked for.
        usage: Tokens as told.
        left: When the router let go of it, or None while it runs.
        beside: Requests that ran at the endpoint when it arrived, itself among them.
        prompt: What it said.
        params: Its sampling options.
    """

    number: int
    call: int
    endpoint: str
    id: str
    key: int
    tokens: int
    stream: bool
    arrived: float
    regime: str
    pieces: tuple[str, ...]
    beside: int
    prompt: str
    params: Mapping[str, object]
    said: list[tuple[float, str]] = field(default_factory=list)
    garbled: list[int] = field(default_factory=list)
    told: str | None = None
    told_at: float = 0.0
    retry_after: float | None = None
    usage: Usage | None = None
    left: float | None = None

    @property
    def text(self) -> str:
        """Everything that was said."""
        return "".join(text for _, text in self.said)

    @property
    def first_at(self) -> float | None:
        """When the first piece was given."""
        return self.said[0][0] if self.said else None


class World:
    """All endpoints. Mutable: `hits`, every request so far; `running` at each endpoint; `hold`, which makes the
    endpoints take so many seconds longer. The tasks of one loop change them.
    """  # noqa: D205 - one thought

    def __init__(
        self,
        setting: Setting,
        weather: Mapping[str, Sequence[Spell]],
        dice: random.Random,
        on_leave: Callable[[], None],
    ) -> None:
        self.hits: list[Hit] = []
        self.running: dict[str, int] = dict.fromkeys(setting.upstreams, 0)
        self.hold = 0.0
        self._weather = weather
        self._dice = dice
        self._on_leave = on_leave
        self._contexts = {p.id: p.context for places in setting.models.values() for p in places}
        self.providers = {name: SimulatedProvider(self, each) for name, each in setting.upstreams.items()}

    def arrive(self, upstream: Upstream, request: Request) -> tuple[Hit, Spell]:
        """Take note of a request, and decide what will happen to it."""
        dice, now = self._dice, _now()
        spell = at(self._weather[upstream.name], now, request.key)
        tokens = estimate(request.messages)
        regime = spell.regime
        if regime in MIXED:
            regime = dice.choice(MIXED[regime])
        if tokens > self._contexts[request.model]:
            regime = "context"
        call = CALLER.get()
        number = len(self.hits)
        pieces = tuple(f"[{number}.{part} for {call}]" for part in range(dice.randint(2, 8)))
        self.running[upstream.name] += 1
        hit = Hit(
            number,
            call,
            upstream.name,
            request.model,
            request.key,
            tokens,
            request.stream,
            now,
            regime,
            pieces,
            self.running[upstream.name],
            request.messages[-1].text,
            request.params,
        )
        self.hits.append(hit)
        return hit, spell

    def leave(self, hit: Hit) -> None:
        """Take note that the router let go of a request."""
        hit.left = _now()
        self.running[hit.endpoint] -= 1
        self._on_leave()

    def lag(self, hit: Hit, upstream: Upstream) -> tuple[float, float]:
        """Return seconds until the first piece, and between two; `slow` stays just below the limits."""
        first = min(upstream.first or upstream.total, upstream.total / 3)
        idle = min(upstream.idle or 2.0, upstream.total / 20)
        if hit.regime == "slow":
            return self._dice.uniform(0.3, 0.8) * first, self._dice.uniform(0.2, 0.8) * idle
        return self._dice.uniform(0.02, 0.3) + self.hold, self._dice.uniform(0.0, 0.1)

    def chance(self, share: float) -> bool:
        """Draw."""
        return chance(self._dice, share)

    def place(self, hit: Hit) -> int:
        """Return where in an answer something goes wrong: after at least one piece."""
        return self._dice.randint(1, len(hit.pieces) - 1)


class SimulatedProvider:
    """One endpoint of the world; see `router.core.port.Provider`."""

    def __init__(self, world: World, upstream: Upstream) -> None:
        self._world = world
        self._upstream = upstream

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        """Answer as the weather says."""
        hit, spell = self._world.arrive(self._upstream, request)
        try:
            await self._head(hit, spell)
            async with aclosing(self._events(hit)) as events:
                yield events
        finally:
            self._world.leave(hit)

    async def close(self) -> None:
        """Do nothing: there is nothing to free."""

    async def _head(self, hit: Hit, spell: Spell) -> None:
        if hit.regime == "hang":
            await asyncio.Event().wait()
        await asyncio.sleep(0.02 if self._world.chance(0.5) else 0.2)
        if hit.regime in REFUSALS:
            cls, status = REFUSALS[hit.regime]
            asked = spell.retry_after if hit.regime == spell.regime else None
            raise _telling(hit, cls(f"the weather is {hit.regime}", status=status, retry_after=asked))

    async def _events(self, hit: Hit) -> AsyncGenerator[Event, None]:
        first, pace = self._world.lag(hit, self._upstream)
        if hit.regime == "mute":
            await asyncio.Event().wait()
        if not hit.stream:
            first += pace * len(hit.pieces)
        await asyncio.sleep(first)
        if hit.regime == "empty":
            yield _done(hit, None)
            return
        async for event in self._pieces(hit, pace):
            yield event
        if hit.regime == "truncated":
            hit.told, hit.told_at = "end", _now()
            return
        output = len(hit.pieces) + hit.number % 7
        told = Usage(hit.tokens + hit.number % 5, output, min(hit.number % 11, hit.tokens))
        yield _done(hit, told if self._world.chance(0.85) else None)

    async def _pieces(self, hit: Hit, pace: float) -> AsyncGenerator[Event, None]:
        wrong = self._world.place(hit)
        twice = self._world.chance(0.3)
        for position, text in enumerate(hit.pieces):
            if position and hit.stream:
                await asyncio.sleep(pace)
            if position == wrong and hit.regime == "cut":
                error = errors.StreamInterrupted("the weather is cut")
                error.usage = hit.usage = Usage(hit.tokens, position) if self._world.chance(0.3) else None
                raise _telling(hit, error)
            if position == wrong and hit.regime == "stall":
                await asyncio.Event().wait()
            if hit.regime == "garbled" and (position == wrong or (twice and position == wrong + 1)):
                hit.garbled.append(position)
                yield Garbled("the weather is garbled")
                continue
            hit.said.append((_now(), text))
            yield TextDelta(text)


def _telling(hit: Hit, error: errors.CallFailed) -> errors.CallFailed:
    hit.told, hit.told_at, hit.retry_after = error.kind, _now(), error.retry_after
    return error


def _done(hit: Hit, usage: Usage | None) -> Done:
    hit.told, hit.told_at, hit.usage = "ok", _now(), usage
    return Done("stop", usage)


def _now() -> float:
    return asyncio.get_running_loop().time()
