"""Those who call: what they ask, how patient they are, and what they see of the router."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from router.core.events import TextDelta
from router.core.frozen import dataclass
from router.core.options import URGENCIES
from router.testing.simulate.chance import chance

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from decimal import Decimal

    from router.core.messages import Completion
    from router.testing.simulate.setting import Place, Setting

Phase = Literal["storm", "round", "final", "wave"]
CALLER: ContextVar[int] = ContextVar("CALLER")  # whose request it is that reaches an endpoint


class Stream(Protocol):
    """A streamed answer in a caller's hands."""

    @property
    def completion(self) -> Completion:
        """The whole answer, once it has ended."""
        ...

    def __aiter__(self) -> AsyncIterator[Any]: ...


class Routed(Protocol):
    """The router under test."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *what: object) -> None: ...

    async def complete(self, messages: str, /, **options: Any) -> Completion:
        """Return a whole answer."""
        ...

    def stream(self, messages: str, /, **options: Any) -> AbstractAsyncContextManager[Stream]:
        """Return an answer that is handed out as it comes."""
        ...

    def usage(self, *, by: Sequence[str]) -> Books:
        """Return what was used and spent, told apart by some things."""
        ...


class Booked(Protocol):
    """One row of the books: see `router.usage`."""

    @property
    def by(self) -> tuple[str, ...]:
        """What it is about."""
        ...

    @property
    def calls(self) -> int:
        """Calls."""
        ...

    @property
    def attempts(self) -> int:
        """Attempts."""
        ...

    @property
    def input_tokens(self) -> int:
        """Tokens read."""
        ...

    @property
    def output_tokens(self) -> int:
        """Tokens written."""
        ...

    @property
    def cost(self) -> Decimal | None:
        """Dollars."""
        ...

    @property
    def saved(self) -> Decimal:
        """Dollars not spent."""
        ...


class Books(Protocol):
    """All rows."""

    @property
    def rows(self) -> Sequence[Booked]:
        """The rows."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """What a caller wants; times in seconds.

    Attributes:
        number: Counted from 0.
        at: When it calls, in seconds of the loop.
        task: What the rules decide by: a task, or `private`.
        model: The model it names instead, or None.
        live: Whether it reads the answer as it comes.
        deadline: How long the call may take, or None for the file's own.
        urgency: Its place in queues.
        leaves: After how long it loses patience, or None.
        jumpy: Whether a place that becomes free may make it leave in the same moment.
        pause: How long it thinks between two pieces.
        enough: Pieces after which it leaves, or None.
        size: Characters of its prompt.
        phase: The part of the simulation it belongs to.
        topic: What it asks, if others may ask the same.
        temperature: As a sampling option, or None.
        seed: As a sampling option, or None.
        most: Tokens of the answer at most, or None.
        user: Its name, or None.
        team: Its team, or None for the usual one.
        keep: What it says of kept answers: `off`, `always`, or of which age in seconds; None for nothing.
        proud: Whether it refuses the offline ladder.
    """

    number: int
    at: float = 0.0
    task: str = "chat"
    model: str | None = None
    live: bool = False
    deadline: float | None = None
    urgency: str = "normal"
    leaves: float | None = None
    jumpy: bool = False
    pause: float = 0.0
    enough: int | None = None
    size: int = 40
    phase: Phase = "storm"
    topic: int | None = None
    temperature: float | None = None
    seed: int | None = None
    most: int | None = None
    user: str | None = None
    team: str | None = None
    keep: str | float | None = None
    proud: bool = False

    @property
    def prompt(self) -> str:
        """What it says: nobody else says it, unless it is about a topic."""
        about = f"call {self.number}" if self.topic is None else f"topic {self.topic}"
        return f"{about}:{'x' * self.size}"

    @property
    def params(self) -> dict[str, object]:
        """Its sampling options."""
        found = {"temperature": self.temperature, "seed": self.seed, "max_tokens": self.most}
        return {name: value for name, value in found.items() if value is not None}

    def options(self) -> dict[str, Any]:
        """Return the options of its call."""
        found: dict[str, Any] = {"urgency": self.urgency, "tags": {"call": self.number}, **self.params}
        found |= {name: said for name, said in (("user", self.user), ("team", self.team)) if said is not None}
        if self.keep is not None:
            found["cache"] = self.keep if isinstance(self.keep, str) else {"ttl": self.keep}
        if self.proud:
            found["no_degrade"] = True
        if self.model is not None:
            found["model"] = self.model
        elif self.task == "private":
            found["data"] = "private"
        else:
            found["task"] = self.task
        if self.deadline is not None:
            found["deadline"] = self.deadline
        return found

    def seconds(self, setting: Setting) -> float:
        """Return the time it has in all."""
        return min(self.deadline or setting.deadline, setting.deadline)

    def candidates(self, setting: Setting) -> tuple[Place, ...]:
        """Return the places that may serve it, in the order of the file."""
        names = (self.model,) if self.model is not None else setting.chains[self.task]
        return tuple(place for name in names for place in setting.models[name])


@dataclass(slots=True)
class Seen:
    """What a caller saw; times in seconds of the loop.

    Attributes:
        ask: What it wanted.
        started: When it called.
        ended: When the call was over for it, or None.
        completion: The answer, or None.
        error: What was raised, or None.
        gone: Whether it left before the end.
        pieces: What it read, with the times.
        waits: From when to when it waited for the router.
    """

    ask: Ask
    started: float = 0.0
    ended: float | None = None
    completion: Completion | None = None
    error: BaseException | None = None
    gone: bool = False
    pieces: list[tuple[float, str]] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it has read so far."""
        return "".join(text for _, text in self.pieces)


def crowd(setting: Setting, horizon: float, dice: random.Random, calls: int) -> list[Ask]:
    """Return callers that come at random moments, some of them all at once."""
    found: list[Ask] = []
    rate = calls / horizon
    now = 0.0
    while len(found) < calls:
        now += dice.expovariate(rate)
        for _ in range(dice.randint(4, 14) if chance(dice, 0.04) else 1):
            found.append(_ask(len(found), now % horizon, setting, dice))
    return found


def _ask(number: int, now: float, setting: Setting, dice: random.Random) -> Ask:
    live = chance(dice, 0.45)
    named = chance(dice, 0.35)
    slow = live and chance(dice, 0.08)
    return Ask(
        number=number,
        at=now + dice.random() * 0.001,
        task=dice.choice(list(setting.chains)),
        model=dice.choice(list(setting.models)) if named else None,
        live=live,
        deadline=dice.choice((0.4, 1.0, 3.0, 8.0, 20.0, 40.0)) if chance(dice, 0.4) else None,
        urgency=dice.choice(URGENCIES) if chance(dice, 0.5) else "normal",
        leaves=dice.expovariate(1.0) if chance(dice, 0.12) else None,
        jumpy=chance(dice, 0.1),
        pause=dice.choice((0.5, 2.0, 5.0)) if slow else 0.0,
        enough=dice.randint(1, 3) if live and chance(dice, 0.1) else None,
        size=dice.choice((40, 40, 400, 3000, 6000, 14000)),
    )


async def make(router: Routed, seen: Seen, startled: dict[int, asyncio.Task[None]]) -> None:
    """Make one call, leave it when patience is over, and return when nothing of it is left."""
    loop = asyncio.get_running_loop()
    seen.started = loop.time()
    task = asyncio.create_task(_call(router, seen))
    if seen.ask.leaves is not None:
        loop.call_later(seen.ask.leaves, task.cancel)
    if seen.ask.jumpy:
        startled[seen.ask.number] = task
    try:
        await asyncio.wait({task})
    finally:
        startled.pop(seen.ask.number, None)
        task.cancel()


async def _call(router: Routed, seen: Seen) -> None:
    CALLER.set(seen.ask.number)
    try:
        if seen.ask.live:
            await _read(router, seen)
        else:
            began = _now()
            try:
                seen.completion = await router.complete(seen.ask.prompt, **seen.ask.options())
            finally:
                seen.waits.append((began, _now()))
    except asyncio.CancelledError as error:
        own = asyncio.current_task()
        if own is not None and own.cancelling():
            seen.gone = True
        else:  # somebody else was to be cancelled
            seen.error = error
    except Exception as error:  # noqa: BLE001 - which errors are right is judged later
        seen.error = error
    finally:
        seen.ended = _now()


async def _read(router: Routed, seen: Seen) -> None:
    began = _now()
    try:
        async with router.stream(seen.ask.prompt, **seen.ask.options()) as reply:
            seen.waits.append((began, _now()))
            await _pieces(reply, seen)
            if not seen.gone:
                seen.completion = reply.completion
    finally:
        if not seen.waits:
            seen.waits.append((began, _now()))


async def _pieces(reply: Stream, seen: Seen) -> None:
    events = aiter(reply)
    while True:
        began = _now()
        try:
            event = await anext(events)
        except StopAsyncIteration:
            return
        finally:
            seen.waits.append((began, _now()))
        if isinstance(event, TextDelta):
            seen.pieces.append((_now(), event.text))
        if seen.ask.enough is not None and len(seen.pieces) >= seen.ask.enough:
            seen.gone = True
            return
        if seen.ask.pause:
            await asyncio.sleep(seen.ask.pause)


def startle(tasks: dict[int, asyncio.Task[None]], draw: random.Random) -> None:
    """Make one of the jumpy callers leave at once, perhaps."""
    if tasks and chance(draw, 0.5):
        with suppress(KeyError):
            tasks.pop(draw.choice(list(tasks))).cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
